// The own blocks of a chain, which external entries of later segments stand for.
#pragma once

#include <vector>

#include "positions.h"
#include "precompile/reader.h"

namespace precompile {

class ChainBlocks {
 public:
  void clear();
  // The own blocks of a segment, whose manifest has to stay. The last of equal ones counts.
  void add(const Segment& segment);
  // The block that an external entry stands for; null where there is none. [PCB-BLOCK-006]
  const Segment::Block* find(const BlockEntry& entry) const;

 private:
  struct Own {
    BlockEntry entry;
    Segment::Block block;
  };
  std::vector<Own> blocks_;
  Positions by_digest_;
};

}  // namespace precompile
