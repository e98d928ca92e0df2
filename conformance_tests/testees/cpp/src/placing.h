// Where the contents of one new segment come to lie: in blocks of it, or in external ones.
#pragma once

#include <map>
#include <string>
#include <tuple>

#include "chain.h"
#include "contents.h"
#include "describe.h"
#include "pack.h"

namespace precompile {

class Placing {
 public:
  // `written` counts the segment's bytes so far.
  Placing(Draft& draft, Chain& chain, const uint64_t& written, const Sink& sink)
      : draft_(draft), chain_(chain), written_(written), packer_(draft.blocks(), sink) {}

  // What is there of a content already; both null where it is to be stored.
  struct Found {
    const Place* here = nullptr;
    const StoredPlace* earlier = nullptr;
  };
  Result<Found> find(const PlannedArtifact& artifact);
  // Most block entries that placing it adds.
  size_t most_blocks(const PlannedArtifact& artifact, const Found& found) const;
  Result<Place> place(const PlannedArtifact& artifact, const Found& found);
  // Writes what is not written yet.
  Status finish() { return packer_.finish(); }
  // Tells the chain what lies in it now, and how long it all is.
  void teach(uint64_t segment_size);

 private:
  Result<bool> may_share(uint64_t content_size);
  Place refer(const StoredPlace& stored);

  Draft& draft_;
  Chain& chain_;
  const uint64_t& written_;
  Packer packer_;
  Contents contents_{Limits()};
  struct Placed {
    Place place;
    uint64_t size;
  };
  std::map<std::string, Placed> here_;  // by content digest
  using Identity = std::tuple<std::string, int, uint64_t>;
  std::map<Identity, uint32_t> external_;  // single external blocks to their entries
  uint64_t sum_ = 0;                       // of the contents that were placed
};

}  // namespace precompile
