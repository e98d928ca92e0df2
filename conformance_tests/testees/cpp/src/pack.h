// Contents to blocks: small contents share one, large ones are cut.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "precompile/result.h"
#include "precompile/v1/bundle.pb.h"

namespace precompile {

inline constexpr uint64_t kMaxBlockContent = 64ull << 20;  // [PCB-LIM-006]

using Sink = std::function<Status(std::string_view)>;

// Writes block records to a sink and their entries to a manifest.
class Packer {
 public:
  Packer(v1::Manifest& manifest, const Sink& sink) : manifest_(manifest), sink_(sink) {}

  // Gives the artifact its extents. The content need not be kept.
  Status add(std::string_view content, v1::Artifact& artifact);
  // Writes what is not written yet.
  Status finish();

 private:
  Status write(std::string_view content, v1::BlockEntry& entry);

  v1::Manifest& manifest_;
  const Sink& sink_;
  std::string shared_;  // contents of the block that is still open
  int shared_entry_ = -1;
};

}  // namespace precompile
