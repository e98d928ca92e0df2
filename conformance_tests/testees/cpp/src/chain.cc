#include "chain.h"

#include <algorithm>

#include "source.h"

namespace precompile {

void Chain::follow(const std::shared_ptr<const Bundle>& bundle, size_t segment) {
  const Segment& followed = bundle->segments[segment];
  if (followed.begins_chain()) {
    Chain next;
    next.bytes = bytes;
    next.contents = contents;
    *this = std::move(next);
  }
  previous = followed.payload_digest;
  bytes += followed.size;
  contents += followed.total_content;
  followed_.push_back({bundle, static_cast<uint32_t>(segment)});
}

void Chain::index() {
  for (; indexed_ < followed_.size(); ++indexed_) {
    const Followed& followed = followed_[indexed_];
    const Segment& segment = followed.bundle->segments[followed.segment];
    const ArtifactTable& table = segment.manifest.artifacts;
    blocks_.add(segment);
    by_digest_.reserve(artifacts_.size() + table.size());
    for (uint32_t i = 0; i < table.size(); ++i) {
      if (table.content_size[i] == 0) continue;
      const std::string_view digest = table.digest(i);
      const auto same = [&](uint32_t at) { return artifacts_[at].content_digest() == digest; };
      const auto position = static_cast<uint32_t>(artifacts_.size());
      *by_digest_.insert(keyed_hash(digest), position, same).first = position;
      artifacts_.emplace_back(followed.bundle, Row{followed.segment, i});
    }
  }
}

const StoredPlace* Chain::find(const std::string& content_digest) {
  if (const auto known = known_.find(content_digest); known != known_.end()) return &known->second;
  if (damaged_.count(content_digest) > 0) return nullptr;
  index();
  const auto same = [&](uint32_t at) { return artifacts_[at].content_digest() == content_digest; };
  const uint32_t* const found = by_digest_.find(keyed_hash(content_digest), same);
  if (found == nullptr) return nullptr;
  const StoredPlace* const place = verified(artifacts_[*found]);
  if (place == nullptr) damaged_.insert(content_digest);  // it is stored again
  return place;
}

const StoredPlace* Chain::verified(const ArtifactRef& artifact) {
  const Segment& segment = artifact.segment();
  const ArtifactTable& table = artifact.table();
  StoredPlace place;
  place.offset = table.offset[artifact.index()];
  uint64_t left = place.offset + artifact.content_size();
  for (uint32_t at = table.block[artifact.index()]; left > 0; ++at) {
    const BlockEntry& entry = segment.manifest.blocks[at];
    // An external entry stands for the last of equal blocks, which is read if it is this one.
    const Segment::Block* const stands_for = blocks_.find(entry);
    if (stands_for == nullptr || stands_for->offset != segment.blocks[at].offset) return nullptr;
    place.blocks.push_back({std::string(entry.digest), 0, entry.compression, entry.content_size});
    left -= std::min(left, entry.content_size);
  }
  if (read_ != artifact.bundle()) {
    read_ = artifact.bundle();
    Limits limits;
    limits.total_decompressed = UINT64_MAX;  // each content is looked at once
    reader_ = std::make_shared<ContentReader>(read_->source, limits);
  }
  if (!reader_->verify(segment, artifact.index()).ok()) return nullptr;
  std::string digest(artifact.content_digest());
  return &known_.insert_or_assign(std::move(digest), std::move(place)).first->second;
}

}  // namespace precompile
