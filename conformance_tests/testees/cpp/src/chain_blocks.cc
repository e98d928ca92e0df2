#include "chain_blocks.h"

namespace precompile {
namespace {

bool same_block(const BlockEntry& a, const BlockEntry& b) {
  return a.digest == b.digest && a.compression == b.compression && a.content_size == b.content_size;
}

}  // namespace

void ChainBlocks::clear() {
  blocks_.clear();
  by_digest_.clear();
}

void ChainBlocks::add(const Segment& segment) {
  const auto& entries = segment.manifest.blocks;
  by_digest_.reserve(blocks_.size() + entries.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].size == 0) continue;
    const auto position = static_cast<uint32_t>(blocks_.size());
    const auto is = [&](uint32_t at) { return same_block(blocks_[at].entry, entries[i]); };
    const auto [found, is_new] = by_digest_.insert(keyed_hash(entries[i].digest), position, is);
    if (is_new) {
      blocks_.push_back({entries[i], segment.blocks[i]});
    } else {
      blocks_[*found].block = segment.blocks[i];
    }
  }
}

const Segment::Block* ChainBlocks::find(const BlockEntry& entry) const {
  const auto is = [&](uint32_t at) { return same_block(blocks_[at].entry, entry); };
  const uint32_t* const found = by_digest_.find(keyed_hash(entry.digest), is);
  return found == nullptr ? nullptr : &blocks_[*found].block;
}

}  // namespace precompile
