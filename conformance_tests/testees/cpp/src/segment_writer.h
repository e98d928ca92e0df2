// One segment's bytes, but for its footer.
#pragma once

#include <cstdint>
#include <string>

#include "chain.h"
#include "describe.h"
#include "pack.h"

namespace precompile {

// Most bytes of a payload: its record is within the floor of manifest_bytes. [PCB-LIM-006]
inline constexpr size_t kMostPayload = (16u << 20) - 256;

struct WrittenSegment {
  std::string footer;  // the record that commits it
  uint64_t body;       // bytes in front of the footer
  std::string payload_digest;
  uint64_t items;
};

// How much of a plan is written. What one manifest cannot say goes on in the next segment.
struct Progress {
  size_t removed = 0;
  size_t artifacts = 0;

  bool is_all(const SegmentPlan& plan) const {
    return removed == plan.removed.size() && artifacts == plan.artifacts.size();
  }
};

// Writes header, blocks and manifest of the next segment of the plan, chained to `chain`, which
// goes on behind the segment when all is written.
Result<WrittenSegment> write_segment(const SegmentPlan& plan, Progress& done, Chain& chain,
                                     const WriterOptions& options, const Sink& sink);

}  // namespace precompile
