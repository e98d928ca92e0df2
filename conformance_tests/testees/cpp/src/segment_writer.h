// One segment's bytes, but for its footer.
#pragma once

#include <string>

#include "chain.h"
#include "describe.h"
#include "pack.h"

namespace precompile {

struct WrittenSegment {
  std::string footer;  // the record that commits it
  uint64_t body;       // bytes in front of the footer
  std::string payload_digest;
  uint64_t items;
};

// Writes header, blocks and manifest, chained to `chain`, which goes on behind the segment
// when all is written.
Result<WrittenSegment> write_segment(const SegmentPlan& plan, Chain& chain,
                                     const WriterOptions& options, const Sink& sink);

}  // namespace precompile
