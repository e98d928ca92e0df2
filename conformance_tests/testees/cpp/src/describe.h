// From what a caller describes to what a manifest may say; the rest is misuse.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "portable.h"
#include "precompile/writer.h"

namespace precompile {

struct PlannedArtifact {
  std::string type;
  std::string key;
  std::shared_ptr<const Portable> fields;
  SharedBytes content;                // may be absent where it is stored
  std::optional<ArtifactRef> stored;  // where it lies in a bundle that was loaded
};

// What can be written: sorted, named as readers have it, contents hashed.
struct SegmentPlan {
  std::vector<v1::Requirement> requirements;
  std::vector<PlannedArtifact> artifacts;
  std::vector<v1::ArtifactId> removed;

  bool empty() const { return artifacts.empty() && removed.empty(); }
};

Result<SegmentPlan> plan(const NewSegment& segment, const WriterOptions& options);
Result<std::vector<v1::Requirement>> plan_requirements(std::vector<v1::Requirement> requirements);
// Checks an artifact's names and lists. Its content is not known yet.
Result<Portable> plan_artifact(const NewArtifact& described);
// Refuses an artifact that not even a manifest of its own can hold, its backends' digests counted.
Status check_fits(std::string_view type, std::string_view key, const Portable& artifact,
                  const std::vector<v1::Requirement>& requirements, const v1::Producer& producer);

}  // namespace precompile
