// Finding the segments of an input: backwards from footer to footer, and forwards for recovery.
#pragma once

#include <cstdint>
#include <vector>

#include "precompile/limits.h"
#include "source.h"

namespace precompile {

// Where a segment lies, in bytes from the bundle's start.
struct Span {
  uint64_t offset;
  uint64_t manifest;  // its manifest record
  uint64_t footer;    // its footer record

  uint64_t end() const;
  uint64_t size() const { return end() - offset; }
};

struct Walk {
  std::vector<Span> segments;  // in file order
  std::vector<Error> faults;
};

// The walk of opening, from `end` backwards.
Result<Walk> walk_back(const Source& source, uint64_t end, const Limits& limits);

// E: the end of the longest prefix of the input that consists of complete segments.
Result<uint64_t> complete_prefix(const Source& source, const Limits& limits);

// Whether the input ends with half of the footer of the segment at `from`, up to where a sector
// of a disk ends, and zeros: a write that a power cut ended. [PCB-APPD-006]
Result<bool> ends_with_torn_footer(const Source& source, uint64_t from);

// Whether a committed segment lies anywhere behind `from`: a footer that points back to a
// manifest record and a header.
bool committed_behind(const Source& source, uint64_t from);

}  // namespace precompile
