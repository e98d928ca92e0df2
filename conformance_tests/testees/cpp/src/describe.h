// From what a caller describes to what a manifest may say; the rest is misuse.
#pragma once

#include <string>
#include <vector>

#include "precompile/writer.h"

namespace precompile {

// A segment that can be written: sorted, named as readers have it, contents hashed.
struct SegmentPlan {
  std::vector<v1::Requirement> requirements;
  std::vector<NewArtifact> artifacts;  // content_digest and content_size are set
  std::vector<v1::ArtifactId> removed;
};

Result<SegmentPlan> plan(const NewSegment& segment);
Result<std::vector<v1::Requirement>> plan_requirements(std::vector<v1::Requirement> requirements);
// Checks one artifact's names and lists; sorts its attributes.
Status plan_artifact(v1::Artifact& artifact);

// A plan as one segment or several, each of a manifest within what every reader takes.
std::vector<SegmentPlan> split(SegmentPlan whole);

}  // namespace precompile
