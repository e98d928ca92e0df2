#include "placing.h"

#include <algorithm>

#include "manifest.h"
#include "try.h"

namespace precompile {

// A bundle may claim no more content than 65,536 bytes for each of its own. What is stored takes
// more than half of that (a frame holds at most 32,768 bytes for one), so only sharing can pass
// it: then the content is stored again. [PCB-LIM-011]
Result<bool> Placing::may_share(uint64_t content_size) {
  const auto within = [&] {
    const uint64_t sure = chain_.bytes + written_ + draft_.least_bytes();
    return chain_.contents + sum_ + content_size <= kMostContentPerByte * sure;
  };
  if (within()) return true;
  TRY(packer_.finish());  // what is still in memory counts when it is written
  return within();
}

// [PCB-EXTENT-006]
Result<Placing::Found> Placing::find(const PlannedArtifact& artifact) {
  const std::string& digest = artifact.fields->content_digest;
  Found found;
  if (artifact.fields->content_size == 0) return found;
  const auto here = here_.find(digest);
  if (here != here_.end()) {
    found.here = &here->second.place;
  } else {
    found.earlier = chain_.find(digest);
  }
  if (found.here == nullptr && found.earlier == nullptr) return found;
  TRY_SET(const bool shared, may_share(artifact.fields->content_size));
  return shared ? found : Found();
}

size_t Placing::most_blocks(const PlannedArtifact& artifact, const Found& found) const {
  if (found.here != nullptr || artifact.fields->content_size == 0) return 0;
  if (found.earlier != nullptr) return found.earlier->blocks.size();
  return static_cast<size_t>(Packer::most_blocks(artifact.fields->content_size));
}

Result<Place> Placing::place(const PlannedArtifact& artifact, const Found& found) {
  const uint64_t size = artifact.fields->content_size;
  if (size == 0) return Place{};
  sum_ += size;
  if (found.here != nullptr) return *found.here;
  Place place;
  if (found.earlier != nullptr) {
    place = refer(*found.earlier);
  } else {
    TRY_SET(const SharedBytes content, contents_.of(artifact.content, artifact.stored));
    if (content.view.size() != size) {
      return Error::system("The content of " + artifact.key + " is not there to be written.");
    }
    TRY_SET(place, packer_.add(content.view));
  }
  here_.emplace(artifact.fields->content_digest, Placed{place, size});
  return place;
}

// The blocks of a run have to stand one behind another.
Place Placing::refer(const StoredPlace& stored) {
  auto& blocks = draft_.blocks();
  const auto next = static_cast<uint32_t>(blocks.size());
  if (stored.blocks.size() == 1) {
    const BlockRow& block = stored.blocks[0];
    const auto [entry, is_new] =
        external_.try_emplace({block.digest, block.compression, block.content_size}, next);
    if (is_new) blocks.push_back(block);
    return {entry->second, stored.offset};
  }
  blocks.insert(blocks.end(), stored.blocks.begin(), stored.blocks.end());
  return {next, stored.offset};
}

void Placing::teach(uint64_t segment_size) {
  const auto& blocks = draft_.blocks();
  for (const auto& [digest, placed] : here_) {
    StoredPlace stored;
    stored.offset = placed.place.offset;
    uint64_t left = placed.place.offset + placed.size;
    for (size_t at = placed.place.block; left > 0; ++at) {
      stored.blocks.push_back(blocks[at]);
      stored.blocks.back().size = 0;  // as an external entry
      left -= std::min(left, blocks[at].content_size);
    }
    chain_.learn(digest, std::move(stored));
  }
  chain_.bytes += segment_size;
  chain_.contents += sum_;
}

}  // namespace precompile
