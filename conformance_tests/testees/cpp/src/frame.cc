#include "frame.h"

#include <algorithm>

namespace precompile {
namespace {

// The header without its second byte, which a version of other length changes, and its last.
constexpr size_t kMagicEnd = 21;
constexpr size_t kVersionAt = 22;

bool same_but_second_byte(std::string_view bytes, size_t end) {
  return bytes.size() >= end && bytes[0] == kHeader[0] &&
         bytes.substr(2, end - 2) == kHeader.substr(2, end - 2);
}

uint64_t little_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = 8; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

void append_little_endian(std::string& bytes, uint64_t value) {
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(value >> 8 * i & 0xff);
}

}  // namespace

std::optional<Varint> minimal_varint(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes.size() && i < 10; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    if (i == 9 && byte > 1) return std::nullopt;  // past 64 bits
    value |= static_cast<uint64_t>(byte & 0x7f) << 7 * i;
    if (byte & 0x80) continue;
    if (byte == 0 && i > 0) return std::nullopt;  // not minimal
    return Varint{value, i + 1};
  }
  return std::nullopt;
}

std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>((value & 0x7f) | 0x80);
  return bytes + static_cast<char>(value);
}

size_t varint_size(uint64_t value) {
  size_t size = 1;
  while (value >>= 7) ++size;
  return size;
}

bool is_any_header(std::string_view bytes) {
  if (!same_but_second_byte(bytes, kVersionAt)) return false;
  const std::string_view version = bytes.substr(kVersionAt, 10);
  return std::any_of(version.begin(), version.end(), [](char byte) { return (byte & 0x80) == 0; });
}

std::optional<Error> header_fault(std::string_view bytes, uint64_t offset) {
  if (bytes.substr(0, kHeader.size()) == kHeader) return std::nullopt;
  // [PCB-FRAME-004]
  if (same_but_second_byte(bytes, kVersionAt)) {
    const auto version = minimal_varint(bytes.substr(kVersionAt));
    if (version && version->value != 1) {
      return Error::rejection(
          v1::ERROR_CODE_UNSUPPORTED_VERSION, offset,
          "The format's major version is " + std::to_string(version->value) + "; this reads 1.");
    }
  }
  // [PCB-FRAME-005]
  return Error::rejection(v1::ERROR_CODE_MALFORMED_FRAME, offset,
                          "A segment's header is not the constant of the format.");
}

std::optional<Error> head_fault(std::string_view head) {
  // [PCB-FRAME-006]
  if (!head.empty() && head.size() < kHeader.size() && kHeader.substr(0, head.size()) == head) {
    return Error::rejection(v1::ERROR_CODE_TRUNCATED, head.size(),
                            "The input ends within its first header.");
  }
  // [PCB-FRAME-003]
  if (!same_but_second_byte(head, kMagicEnd)) {
    return Error::rejection(v1::ERROR_CODE_NOT_A_BUNDLE, 0,
                            "The input does not begin like a bundle.");
  }
  return header_fault(head, 0);
}

std::optional<Footer> parse_footer(std::string_view record) {
  if (record.size() != kFooterSize || record.substr(0, 3) != "\x22\x12\x09" ||
      record[11] != '\x11') {
    return std::nullopt;
  }
  return Footer{little_endian(record.substr(3)), little_endian(record.substr(12))};
}

std::string footer_record(const Footer& footer) {
  std::string record = "\x22\x12\x09";
  append_little_endian(record, footer.manifest_offset);
  record += '\x11';
  append_little_endian(record, footer.segment_size);
  return record;
}

std::optional<BlockShape> block_shape(uint64_t record_size) {
  if (record_size > kMaxBlockRecord) return std::nullopt;  // [PCB-BLOCK-003]
  // The two lengths take at least 2 and at most 10 bytes: few sizes of data come into question.
  for (uint64_t prefix = 4; prefix <= 12 && prefix < record_size; ++prefix) {
    const uint64_t data = record_size - prefix;
    const size_t inner = 1 + varint_size(data);
    if (1 + varint_size(inner + data) + inner == prefix) return BlockShape{prefix, data};
  }
  return std::nullopt;
}

std::string block_prefix(uint64_t data_size) {
  const std::string inner = kDataTag + varint(data_size);
  return kBlockTag + varint(inner.size() + data_size) + inner;
}

}  // namespace precompile
