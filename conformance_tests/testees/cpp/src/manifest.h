// Stages DECODE and VALIDATE of one manifest. Faults have no offset: the caller knows it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "precompile/limits.h"
#include "precompile/reader.h"

namespace precompile {

// What is counted over all manifests of a bundle.
struct Tally {
  uint64_t items = 0;
  uint64_t total_content = 0;
};

Result<v1::Manifest> decode_manifest(const std::string& payload, const Limits& limits, Tally& tally);

// The own blocks of a chain so far, for the external entries of later segments.
class ChainBlocks {
 public:
  void clear() { blocks_.clear(); }
  // The last one counts.
  void add(const v1::BlockEntry& entry, const Segment::Block& block);
  const Segment::Block* find(const v1::BlockEntry& entry) const;

 private:
  using Identity = std::tuple<std::string, int, uint64_t>;  // digest, compression, content_size
  static Identity identity(const v1::BlockEntry& entry) {
    return {entry.digest(), entry.compression(), entry.content_size()};
  }
  std::map<Identity, Segment::Block> blocks_;
};

// Checks a segment whose manifest is decoded; fills in its blocks. `previous` is the payload
// digest of the segment before, or empty.
Status validate(Segment& segment, const std::string& previous, ChainBlocks& chain);

}  // namespace precompile
