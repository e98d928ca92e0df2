// Contents to blocks: small contents share one, large ones are cut.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "draft.h"
#include "frame.h"
#include "precompile/result.h"

namespace precompile {

// Content of a compressed block: what a frame's window covers; an artifact costs its reader one.
inline constexpr uint64_t kPiece = 8 << 20;

using Sink = std::function<Status(std::string_view)>;

// Writes block records to a sink and their entries to a draft.
class Packer {
 public:
  Packer(std::vector<BlockRow>& blocks, const Sink& sink) : blocks_(blocks), sink_(sink) {}

  // How many entries content of this length adds at most.
  static uint64_t most_blocks(uint64_t content_size) { return content_size / kPiece + 1; }

  // Where the content lies from now on. It need not be kept.
  Result<Place> add(std::string_view content);
  // Writes what is not written yet.
  Status finish();

 private:
  Status write_large(std::string_view content);
  Status write(std::string_view content, std::string_view data, v1::Compression compression,
               BlockRow& row);

  std::vector<BlockRow>& blocks_;
  const Sink& sink_;
  std::string shared_;  // contents of the block that is still open
  size_t shared_row_ = SIZE_MAX;
};

}  // namespace precompile
