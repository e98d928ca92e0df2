#include "content_reader.h"

#include <algorithm>
#include <cstring>

#include "frame.h"
#include "source.h"
#include "try.h"
#include "zstd_frame.h"

namespace precompile {
namespace {

// Bytes that are hashed at once, while they are in the processor's cache.
constexpr size_t kRead = 256 << 10;

Error limit_exceeded(uint64_t offset, const char* limit) {
  return Error::rejection(v1::ERROR_CODE_LIMIT_EXCEEDED, offset,
                          std::string("The content is longer than the limit ") + limit + ".");
}

Error mismatch(uint64_t offset, const char* what) {
  return Error::rejection(v1::ERROR_CODE_DIGEST_MISMATCH, offset,
                          std::string(what) + " is not that of the digest.");
}

}  // namespace

Error content_mismatch(const Segment& segment, uint32_t index) {
  const ArtifactTable& table = segment.manifest.artifacts;
  return mismatch(table.content_size[index] == 0 ? segment.manifest_offset
                                                 : segment.blocks[table.block[index]].offset,
                  "The content");
}

bool is_whole_block(const Segment& segment, uint32_t index) {
  const ArtifactTable& table = segment.manifest.artifacts;
  if (table.content_size[index] == 0) return false;
  const BlockEntry& entry = segment.manifest.blocks[table.block[index]];
  return entry.compression == v1::COMPRESSION_NONE &&
         table.content_size[index] == entry.content_size && table.digest(index) == entry.digest;
}

ContentReader::ContentReader(std::shared_ptr<const Source> source, const Limits& limits)
    : source_(std::move(source)), limits_(limits) {}

Result<Content> ContentReader::read(const Segment& segment, uint32_t index) {
  if (segment.manifest.artifacts.content_size[index] > limits_.artifact_content) {
    return limit_exceeded(segment.manifest_offset, "artifact_content");
  }
  Content content;
  TRY(read_into(&content, segment, index));
  return content;
}

Status ContentReader::check_length(const Segment& segment, uint32_t index) const {
  if (segment.manifest.artifacts.content_size[index] > limits_.total_decompressed) {
    return limit_exceeded(segment.manifest_offset, "total_decompressed");
  }
  return Done{};
}

Status ContentReader::verify(const Segment& segment, uint32_t index) {
  return read_into(nullptr, segment, index);
}

// [PCB-CONT-005] Block by block: a run is the whole of each of its blocks.
Status ContentReader::read_into(Content* content, const Segment& segment, uint32_t index) {
  TRY(check_length(segment, index));
  const ArtifactTable& table = segment.manifest.artifacts;
  const bool hashed = is_whole_block(segment, index);
  Sha256 hash;
  uint64_t left = table.content_size[index], offset = table.offset[index];
  for (uint32_t at = table.block[index]; left > 0; ++at, offset = 0) {
    const Segment::Block& block = segment.blocks[at];
    const BlockEntry& entry = segment.manifest.blocks[at];
    const uint64_t size = std::min(left, entry.content_size - offset);
    std::string_view part;
    if (content != nullptr && size == entry.content_size) {
      TRY(count(block, entry));
      const size_t before = content->size();
      TRY(load_block(block, entry, *content));
      part = content->view().substr(before);
    } else {
      TRY_SET(const std::string_view whole, this->block(segment, at));
      part = whole.substr(static_cast<size_t>(offset), static_cast<size_t>(size));
      if (content != nullptr) {
        char* const to = content->extend(part.size());
        if (to == nullptr) return Error::system("Memory is out.");
        std::memcpy(to, part.data(), part.size());
      }
    }
    if (!hashed) hash.update(part);
    left -= size;
  }
  // [PCB-CONT-001]
  if (!hashed && !is_digest(hash.finish(), table.digest(index))) {
    return content_mismatch(segment, index);
  }
  return Done{};
}

Status ContentReader::count(const Segment::Block& block, const BlockEntry& entry) {
  if (entry.content_size > limits_.total_decompressed - decompressed_) {
    return limit_exceeded(block.offset, "total_decompressed");
  }
  decompressed_ += entry.content_size;
  return Done{};
}

// [PCB-CONT-003]
Result<uint64_t> ContentReader::check_record(const Segment::Block& block,
                                             const BlockEntry& entry) {
  const auto shape = block_shape(block.size);  // [PCB-BLOCK-003] was checked
  TRY_SET(const std::string prefix,
          source_->read(block.offset, static_cast<size_t>(shape->prefix)));
  if (prefix != block_prefix(shape->data)) {
    return Error::rejection(v1::ERROR_CODE_MALFORMED_BLOCK, block.offset,
                            "No block record of the entry's size stands at its place.");
  }
  // [PCB-BLOCK-008]
  if (entry.compression == v1::COMPRESSION_NONE && shape->data != entry.content_size) {
    return Error::rejection(v1::ERROR_CODE_SIZE_MISMATCH, block.offset,
                            "The block's data has another length than its content.");
  }
  return shape->prefix;
}

Status ContentReader::load_block(const Segment::Block& block, const BlockEntry& entry,
                                 Content& to) {
  TRY_SET(const uint64_t prefix, check_record(block, entry));
  const uint64_t data_at = block.offset + prefix;
  const auto data_size = static_cast<size_t>(block.size - prefix);
  // What is not the content itself is held apart, as it is hashed before it is understood.
  const bool stored = entry.compression == v1::COMPRESSION_NONE;
  Content compressed;
  char* const data = (stored ? to : compressed).extend(data_size);
  if (data == nullptr) return Error::system("Memory is out.");
  Sha256 hash;
  for (size_t at = 0; at < data_size; at += kRead) {
    const size_t size = std::min(kRead, data_size - at);
    TRY(source_->read(data_at + at, data + at, size));
    hash.update({data + at, size});
  }
  // [PCB-CONT-002]
  if (!is_digest(hash.finish(), entry.digest)) return mismatch(block.offset, "The block's data");
  if (stored) return Done{};
  // [PCB-CONT-004]
  if (entry.compression != v1::COMPRESSION_ZSTD) {
    return Error::rejection(v1::ERROR_CODE_UNSUPPORTED_FEATURE, block.offset,
                            "The block's compression is unknown.");
  }
  // [PCB-ZSTD-008]
  Status status = check_frame_header(compressed.view(), entry.content_size);
  if (status.ok()) {
    const auto size = static_cast<size_t>(entry.content_size);
    char* const room = to.extend(size);
    if (room == nullptr) return Error::system("Memory is out.");
    status = decompress_frame(compressed.view(), room, size);
  }
  if (!status.ok()) status.error().offset = block.offset;
  return status;
}

Result<std::string_view> ContentReader::block(const Segment& segment, uint32_t index) {
  const Segment::Block& block = segment.blocks[index];
  const BlockEntry& entry = segment.manifest.blocks[index];
  if (!held_ || held_->offset != block.offset) {
    held_.reset();
    TRY(count(block, entry));
    held_ = Held{block.offset, {}, std::nullopt};
    Status status = load_block(block, entry, held_->content);
    if (!status.ok()) held_->refusal = std::move(status.error());
  }
  if (held_->refusal) return *held_->refusal;
  return held_->content.view();
}

Result<std::optional<std::string_view>> ContentReader::view(const Segment& segment,
                                                            uint32_t index) {
  const ArtifactTable& table = segment.manifest.artifacts;
  const uint64_t size = table.content_size[index], offset = table.offset[index];
  std::string_view found;
  if (size > 0) {
    const Segment::Block& block = segment.blocks[table.block[index]];
    const BlockEntry& entry = segment.manifest.blocks[table.block[index]];
    if (entry.compression != v1::COMPRESSION_NONE || size > entry.content_size - offset) {
      return std::optional<std::string_view>();
    }
    TRY(count(block, entry));
    TRY_SET(const uint64_t prefix, check_record(block, entry));
    const auto data = source_->view().substr(static_cast<size_t>(block.offset + prefix),
                                             static_cast<size_t>(block.size - prefix));
    if (!has_digest(data, entry.digest)) return mismatch(block.offset, "The block's data");
    found = data.substr(static_cast<size_t>(offset), static_cast<size_t>(size));
    if (is_whole_block(segment, index)) return std::optional(found);
  }
  if (!has_digest(found, table.digest(index))) return content_mismatch(segment, index);
  return std::optional(found);
}

}  // namespace precompile
