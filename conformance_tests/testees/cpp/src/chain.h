// What a writer knows of the bundle that it appends to: its last chain, and how long it all is.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "chain_blocks.h"
#include "content_reader.h"
#include "draft.h"

namespace precompile {

// Content that is stored in the chain: consecutive blocks, named as external entries name them.
struct StoredPlace {
  std::vector<BlockRow> blocks;
  uint64_t offset = 0;  // in the first one
};

class Chain {
 public:
  std::string previous;   // the last segment's payload digest; empty before the first
  uint64_t bytes = 0;     // of the whole bundle
  uint64_t contents = 0;  // sum of all its artifacts' content_size

  // Goes on behind a segment of a bundle that was read.
  void follow(const std::shared_ptr<const Bundle>& bundle, size_t segment);
  // Of content that was recorded and lies in a segment of this chain now.
  void learn(const std::string& content_digest, StoredPlace place) {
    known_.insert_or_assign(content_digest, std::move(place));
  }
  // Where content with this digest lies that was recorded, or is verified now; or null.
  // [PCB-BLOCK-007]
  const StoredPlace* find(const std::string& content_digest);

 private:
  struct Followed {
    std::shared_ptr<const Bundle> bundle;
    uint32_t segment;
  };
  void index();
  const StoredPlace* verified(const ArtifactRef& artifact);

  std::map<std::string, StoredPlace> known_;
  std::vector<Followed> followed_;  // the segments of the chain that were read
  // Made of them when something is looked for: the last artifact with each content, and the
  // blocks that external entries would stand for.
  size_t indexed_ = 0;
  std::vector<ArtifactRef> artifacts_;
  Positions by_digest_;
  ChainBlocks blocks_;
  std::set<std::string> damaged_;          // contents that cannot be read there
  std::shared_ptr<ContentReader> reader_;  // of the bundle read last
  std::shared_ptr<const Bundle> read_;
};

}  // namespace precompile
