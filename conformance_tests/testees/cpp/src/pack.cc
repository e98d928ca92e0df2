#include "pack.h"

#include <algorithm>

#include "frame.h"
#include "sha256.h"
#include "try.h"
#include "zstd_frame.h"

namespace precompile {
namespace {

// A shared block is one that a frame's window covers; an artifact costs its reader one block.
constexpr size_t kSharedContent = 8 << 20;

void add_extent(v1::Artifact& artifact, int block, uint64_t offset, uint64_t size) {
  auto& extent = *artifact.add_extents();
  extent.set_block(static_cast<uint32_t>(block));
  extent.set_offset(offset);
  extent.set_size(size);
}

}  // namespace

Status Packer::add(std::string_view content, v1::Artifact& artifact) {
  if (content.empty()) return Done{};
  if (shared_.size() + content.size() > kSharedContent) TRY(finish());
  if (content.size() <= kSharedContent) {
    // The entry stands in its place before the block is written.
    if (shared_entry_ < 0) {
      shared_entry_ = manifest_.blocks_size();
      manifest_.add_blocks();
    }
    add_extent(artifact, shared_entry_, shared_.size(), content.size());
    shared_ += content;
    return Done{};
  }
  for (uint64_t at = 0; at < content.size(); at += kMaxBlockContent) {
    const auto part = content.substr(at, kMaxBlockContent);
    add_extent(artifact, manifest_.blocks_size(), 0, part.size());
    TRY(write(part, *manifest_.add_blocks()));
  }
  return Done{};
}

Status Packer::finish() {
  if (shared_entry_ < 0) return Done{};
  TRY(write(shared_, *manifest_.mutable_blocks(shared_entry_)));
  shared_.clear();
  shared_entry_ = -1;
  return Done{};
}

// [PCB-BLOCK-001] [PCB-BLOCK-002]
Status Packer::write(std::string_view content, v1::BlockEntry& entry) {
  TRY_SET(const std::string frame, compress(content));
  const bool smaller = frame.size() < content.size();
  const std::string_view data = smaller ? std::string_view(frame) : content;
  const std::string prefix = block_prefix(data.size());
  entry.set_digest(sha256(data));
  entry.set_size(prefix.size() + data.size());
  entry.set_compression(smaller ? v1::COMPRESSION_ZSTD : v1::COMPRESSION_NONE);
  entry.set_content_size(content.size());
  TRY(sink_(prefix));
  return sink_(data);
}

}  // namespace precompile
