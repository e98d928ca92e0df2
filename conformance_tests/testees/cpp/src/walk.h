// Finding the segments of an input: backwards from footer to footer, and forwards for recovery.
#pragma once

#include <cstdint>
#include <optional>
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

// The longest prefix of the input that consists of complete segments.
struct Prefix {
  uint64_t end;  // E
  // Where a header of another major version stands at E: whoever goes by E is refused. [PCB-RECV-006]
  std::optional<Error> other_major;
};
Result<Prefix> complete_prefix(const Source& source, const Limits& limits);

// Whether the input ends with half of the footer of the segment at `from`, up to where a sector
// of a disk ends, and zeros: a write that a power cut ended. [PCB-APPD-006]
Result<bool> ends_with_torn_footer(const Source& source, uint64_t from);

// Whether a committed segment lies anywhere at or behind `from`: a footer that points back to a
// manifest record and a header of any major version.
bool committed_behind(const Source& source, uint64_t from);

}  // namespace precompile
