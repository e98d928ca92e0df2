// The exact framing: header, footer, record lengths. Bytes in, values out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "precompile/result.h"

namespace precompile {

// The header record: 0A 15 0A 11 "precompile.bundle" 10 01.
inline constexpr std::string_view kHeader{"\x0a\x15\x0a\x11precompile.bundle\x10\x01", 23};
// Of the header, and up to 10 bytes of its version where that is another one.
inline constexpr size_t kHeadSize = kHeader.size() + 9;
inline constexpr uint64_t kFooterSize = 20;
inline constexpr char kBlockTag = '\x12';
inline constexpr char kDataTag = '\x0a';
inline constexpr char kManifestTag = '\x1a';
inline constexpr uint64_t kMaxBlock = 1ull << 26;  // bytes of its data, and of its content
inline constexpr uint64_t kMaxBlockRecord = kMaxBlock + 10;  // [PCB-FRAME-014]

struct Varint {
  uint64_t value;
  size_t size;
};
// The minimal varint at the beginning of `bytes`, if one stands there.
std::optional<Varint> minimal_varint(std::string_view bytes);
std::string varint(uint64_t value);
size_t varint_size(uint64_t value);

// Refuses what stands at the beginning of an input: its first kHeadSize bytes, or all of it.
std::optional<Error> head_fault(std::string_view head);
// Refuses what stands where a segment behind the first begins, at `offset`.
std::optional<Error> header_fault(std::string_view bytes, uint64_t offset);
// Whether a header of any major version begins there.
bool is_any_header(std::string_view bytes);

struct Footer {
  uint64_t manifest_offset;
  uint64_t segment_size;
};
std::optional<Footer> parse_footer(std::string_view record);
std::string footer_record(const Footer& footer);

// How a block record is made up: `prefix` bytes of tags and lengths, then `data` bytes.
struct BlockShape {
  uint64_t prefix;
  uint64_t data;
};
// The shape of the block record of this size, if there is any with 1 to 2^26 bytes of data.
std::optional<BlockShape> block_shape(uint64_t record_size);
// The tags and lengths in front of so many bytes of data.
std::string block_prefix(uint64_t data_size);

}  // namespace precompile
