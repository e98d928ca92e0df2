// Stages DECODE and VALIDATE of one manifest. Faults have no offset: the caller knows it.
#pragma once

#include <cstdint>
#include <string_view>

#include "chain_blocks.h"
#include "precompile/limits.h"
#include "precompile/reader.h"

namespace precompile {

// At most so many bytes of contents for each byte of a bundle. [PCB-LIM-010]
inline constexpr uint64_t kMostContentPerByte = 65'536;

// What is counted over all manifests of a bundle.
struct Tally {
  uint64_t items = 0;
  uint64_t total_content = 0;
};

// Decodes a payload, which has to stay. `limits.total_content` is that of this bundle's size.
Result<Manifest> decode_manifest(std::string_view payload, const Limits& limits, Tally& tally);

// Why a decoded manifest is none: an enum, a digest's length, a table that is no table.
std::optional<Error> fields_fault(const Manifest& manifest);

// Checks a segment whose manifest is decoded; fills in where its blocks lie. `previous` is the
// payload digest of the segment before, or empty.
Status validate(Segment& segment, std::string_view previous, ChainBlocks& chain);

}  // namespace precompile
