#include "walk.h"

#include <algorithm>
#include <string>

#include "frame.h"
#include "try.h"

namespace precompile {
namespace {

constexpr uint64_t kMostVarint = 10;

Error malformed(uint64_t offset, std::string detail) {
  return Error::rejection(v1::ERROR_CODE_MALFORMED_FRAME, offset, std::move(detail));
}

// The bytes at `offset`, at most `most` and none at or behind `end`.
Result<std::string> peek(const Source& source, uint64_t offset, uint64_t end, uint64_t most) {
  if (offset >= end) return std::string();
  return source.read(offset, static_cast<size_t>(std::min(most, end - offset)));
}

// Whether a record with this tag and a minimal length begins at `offset` and ends at `end`.
Result<bool> is_record(const Source& source, char tag, uint64_t offset, uint64_t end) {
  TRY_SET(const std::string bytes, peek(source, offset, end, 1 + kMostVarint));
  if (bytes.empty() || bytes[0] != tag) return false;
  const auto length = minimal_varint(std::string_view(bytes).substr(1));
  return length && length->value == end - offset - 1 - length->size;
}

// The end of the block record at `offset` whose framing is exact.
Result<uint64_t> block_end(const Source& source, uint64_t offset) {
  TRY_SET(const std::string head, peek(source, offset, source.size(), 2 * (1 + kMostVarint)));
  const std::string_view bytes = head;
  const auto outer = minimal_varint(bytes.substr(1));
  if (!outer || outer->value > kMaxBlockRecord) return uint64_t{0};
  const uint64_t size = 1 + outer->size + outer->value;
  const auto shape = block_shape(size);
  if (!shape || size > source.size() - offset) return uint64_t{0};
  if (bytes.substr(0, shape->prefix) != block_prefix(shape->data)) return uint64_t{0};
  return offset + size;
}

// The segment at `start` that is complete but for its footer, if one is. `records` counts down.
Result<std::optional<Span>> footerless(const Source& source, uint64_t start, uint64_t& records) {
  const std::optional<Span> none;
  TRY_SET(const std::string header, peek(source, start, source.size(), kHeader.size()));
  if (header != kHeader) return none;
  uint64_t at = start + kHeader.size();
  for (; records > 0; --records) {
    TRY_SET(const std::string tag, peek(source, at, source.size(), 1));
    if (tag.empty() || tag[0] != kBlockTag) break;
    TRY_SET(const uint64_t end, block_end(source, at));
    if (end == 0) return none;
    at = end;
  }
  if (records == 0) return none;
  TRY_SET(const std::string bytes, peek(source, at, source.size(), 1 + kMostVarint));
  if (bytes.empty() || bytes[0] != kManifestTag) return none;
  const auto length = minimal_varint(std::string_view(bytes).substr(1));
  if (!length || length->value > source.size() - at - 1 - length->size) return none;
  return std::optional(Span{start, at, at + 1 + length->size + length->value});
}

std::string footer_of(const Span& span) {
  return footer_record({span.manifest - span.offset, span.size()});
}

}  // namespace

uint64_t Span::end() const { return footer + kFooterSize; }

Result<Walk> walk_back(const Source& source, uint64_t size, const Limits& limits) {
  Walk walk;
  const auto stop = [&](Error fault) {
    walk.faults.push_back(std::move(fault));
    std::reverse(walk.segments.begin(), walk.segments.end());
    return std::move(walk);
  };
  for (uint64_t end = size; end > 0;) {
    // [PCB-FRAME-007] [PCB-FRAME-012]
    std::optional<Footer> footer;
    if (end >= kHeader.size() + kFooterSize) {
      TRY_SET(const std::string record, source.read(end - kFooterSize, kFooterSize));
      footer = parse_footer(record);
    }
    if (!footer && end == size) {
      return stop(Error::rejection(v1::ERROR_CODE_TRUNCATED, size,
                                   "The input does not end with a footer: it was cut off, or a"
                                   " writer was interrupted."));
    }
    const uint64_t at = end < kFooterSize ? 0 : end - kFooterSize;
    if (!footer) return stop(malformed(at, "No footer ends where the next segment begins."));
    // [PCB-FRAME-010]
    if (footer->segment_size > end || footer->manifest_offset < kHeader.size() ||
        footer->segment_size < kFooterSize ||
        footer->manifest_offset >= footer->segment_size - kFooterSize) {
      return stop(malformed(at, "The footer's offset or size is not possible."));
    }
    const Span span{end - footer->segment_size,
                    end - footer->segment_size + footer->manifest_offset, at};
    // [PCB-FRAME-009] [PCB-FRAME-011]
    TRY_SET(const bool fits, is_record(source, kManifestTag, span.manifest, at));
    if (!fits) return stop(malformed(span.manifest, "No manifest record ends at the footer."));
    if (at - span.manifest > limits.manifest_bytes) {
      return stop(Error::rejection(v1::ERROR_CODE_LIMIT_EXCEEDED, span.manifest,
                                   "The manifest record is longer than the limit."));
    }
    TRY_SET(const std::string head, peek(source, span.offset, end, kHeadSize));
    if (auto fault = header_fault(head, span.offset)) walk.faults.push_back(std::move(*fault));
    walk.segments.push_back(span);
    if (walk.segments.size() > limits.segments) {
      return stop(Error::rejection(v1::ERROR_CODE_LIMIT_EXCEEDED, span.offset,
                                   "There are more segments than the limit."));
    }
    end = span.offset;
  }
  std::reverse(walk.segments.begin(), walk.segments.end());
  return walk;
}

Result<Prefix> complete_prefix(const Source& source, const Limits& limits) {
  uint64_t records = limits.items;  // [PCB-RECV-005]
  Prefix prefix{0, std::nullopt};
  for (;;) {
    TRY_SET(const auto span, footerless(source, prefix.end, records));
    if (!span) break;
    TRY_SET(const std::string record, peek(source, span->footer, source.size(), kFooterSize));
    if (record != footer_of(*span)) break;
    prefix.end = span->end();
  }
  TRY_SET(const std::string head, peek(source, prefix.end, source.size(), kHeadSize));
  prefix.other_major = header_fault(head, prefix.end);
  if (prefix.other_major && prefix.other_major->code != v1::ERROR_CODE_UNSUPPORTED_VERSION) {
    prefix.other_major.reset();
  }
  return prefix;
}

Result<bool> ends_with_torn_footer(const Source& source, uint64_t from) {
  constexpr uint64_t kSector = 512;
  uint64_t records = Limits().items;
  TRY_SET(const auto span, footerless(source, from, records));
  if (!span || span->end() != source.size()) return false;
  const uint64_t sector = (span->footer / kSector + 1) * kSector;
  if (sector >= span->end()) return false;
  std::string torn = footer_of(*span);
  std::fill(torn.begin() + static_cast<std::ptrdiff_t>(sector - span->footer), torn.end(), '\0');
  TRY_SET(const std::string record, source.read(span->footer, kFooterSize));
  return record == torn;
}

bool committed_behind(const Source& source, uint64_t from) {
  const std::string_view bytes = source.view().substr(static_cast<size_t>(from));
  for (size_t at = bytes.find("\x22\x12\x09"); at != bytes.npos;
       at = bytes.find("\x22\x12\x09", at + 1)) {
    const auto footer = parse_footer(bytes.substr(at, kFooterSize));
    const uint64_t end = at + kFooterSize;
    if (!footer || footer->segment_size > end || footer->segment_size < kFooterSize ||
        footer->manifest_offset >= footer->segment_size - kFooterSize) {
      continue;
    }
    const uint64_t start = end - footer->segment_size;
    const uint64_t manifest = start + footer->manifest_offset;
    // [PCB-APPD-014]
    if (!is_any_header(bytes.substr(start, kHeadSize)) || bytes[manifest] != kManifestTag) continue;
    const uint64_t room = std::min(at - manifest - 1, kMostVarint);
    const auto length = minimal_varint(bytes.substr(manifest + 1, room));
    if (length && length->value == at - manifest - 1 - length->size) return true;
  }
  return false;
}

}  // namespace precompile
