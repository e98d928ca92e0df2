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
constexpr size_t kChunk = 256 << 10;

Error limit_exceeded(uint64_t offset, const char* limit) {
  return Error::rejection(v1::ERROR_CODE_LIMIT_EXCEEDED, offset,
                          std::string("The content is longer than the limit ") + limit + ".");
}

Error mismatch(uint64_t offset, const char* what) {
  return Error::rejection(v1::ERROR_CODE_DIGEST_MISMATCH, offset,
                          std::string(what) + " is not that of the digest.");
}

const v1::BlockEntry& entry_of(const Segment& segment, uint32_t block) {
  return segment.manifest.blocks(static_cast<int>(block));
}

// Where a whole content's digest is told: the first extent's block, or the manifest.
uint64_t content_offset(const Segment& segment, const v1::Artifact& artifact) {
  return artifact.extents().empty() ? segment.manifest_offset
                                    : segment.blocks[artifact.extents(0).block()].offset;
}

// Whether the block's digest says all that the content's does, so that one serves for both.
bool is_whole_block(const v1::Artifact& artifact, const v1::BlockEntry& entry) {
  return artifact.extents_size() == 1 && entry.compression() == v1::COMPRESSION_NONE &&
         artifact.content_size() == entry.content_size() &&
         artifact.content_digest() == entry.digest();
}

}  // namespace

ContentReader::ContentReader(std::shared_ptr<const Source> source, const Limits& limits)
    : source_(std::move(source)), limits_(limits) {}

Result<Content> ContentReader::read(const Segment& segment, const v1::Artifact& artifact) {
  if (artifact.content_size() > limits_.artifact_content) {
    return limit_exceeded(segment.manifest_offset, "artifact_content");
  }
  Content content;
  TRY(read_into(&content, segment, artifact));
  return content;
}

bool ContentReader::is_too_long(const v1::Artifact& artifact) const {
  return artifact.content_size() > limits_.total_decompressed;
}

Status ContentReader::verify(const Segment& segment, const v1::Artifact& artifact) {
  return read_into(nullptr, segment, artifact);
}

Result<std::string_view> ContentReader::block(const Segment& segment, uint32_t index) {
  return held_block(segment.blocks[index], entry_of(segment, index));
}

// [PCB-CONT-005]
Status ContentReader::read_into(Content* content, const Segment& segment,
                                const v1::Artifact& artifact) {
  if (is_too_long(artifact)) {
    return limit_exceeded(segment.manifest_offset, "total_decompressed");
  }
  Sha256 hash;
  bool hashed = false;
  for (const auto& extent : artifact.extents()) {
    const auto& block = segment.blocks[extent.block()];
    const auto& entry = entry_of(segment, extent.block());
    hashed = is_whole_block(artifact, entry);
    std::string_view part;
    if (content != nullptr && extent.size() == entry.content_size()) {
      TRY(count(block, entry));
      const size_t before = content->size();
      TRY(load_block(block, entry, *content));
      part = content->view().substr(before);
    } else {
      TRY_SET(const std::string_view whole, held_block(block, entry));
      part = whole.substr(static_cast<size_t>(extent.offset()), static_cast<size_t>(extent.size()));
      if (content != nullptr) {
        char* const to = content->extend(part.size());
        if (to == nullptr) return Error::system("Memory is out.");
        std::memcpy(to, part.data(), part.size());
      }
    }
    if (!hashed) hash.update(part);
  }
  // [PCB-CONT-001]
  if (!hashed && !is_digest(hash.finish(), artifact.content_digest())) {
    return mismatch(content_offset(segment, artifact), "The content");
  }
  return Done{};
}

Status ContentReader::count(const Segment::Block& block, const v1::BlockEntry& entry) {
  if (entry.content_size() > limits_.block_content) return limit_exceeded(block.offset, "block_content");
  if (entry.content_size() > limits_.total_decompressed - decompressed_) {
    return limit_exceeded(block.offset, "total_decompressed");
  }
  decompressed_ += entry.content_size();
  return Done{};
}

// [PCB-CONT-003]
Result<uint64_t> ContentReader::check_record(const Segment::Block& block,
                                             const v1::BlockEntry& entry) {
  const auto shape = block_shape(block.size);  // [PCB-BLOCK-003] was checked
  TRY_SET(const std::string prefix,
          source_->read(block.offset, static_cast<size_t>(shape->prefix)));
  if (prefix != block_prefix(shape->data)) {
    return Error::rejection(v1::ERROR_CODE_MALFORMED_BLOCK, block.offset,
                            "No block record of the entry's size stands at its place.");
  }
  // [PCB-BLOCK-008]
  if (entry.compression() == v1::COMPRESSION_NONE && shape->data != entry.content_size()) {
    return Error::rejection(v1::ERROR_CODE_SIZE_MISMATCH, block.offset,
                            "The block's data has another length than its content.");
  }
  return shape->prefix;
}

Status ContentReader::load_block(const Segment::Block& block, const v1::BlockEntry& entry,
                                 Content& to) {
  TRY_SET(const uint64_t prefix, check_record(block, entry));
  const uint64_t data_at = block.offset + prefix;
  const auto data_size = static_cast<size_t>(block.size - prefix);
  // What is not the content itself is held apart, as it is hashed before it is understood.
  const bool stored = entry.compression() == v1::COMPRESSION_NONE;
  Content compressed;
  char* const data = (stored ? to : compressed).extend(data_size);
  if (data == nullptr) return Error::system("Memory is out.");
  Sha256 hash;
  for (size_t at = 0; at < data_size; at += kChunk) {
    const size_t size = std::min(kChunk, data_size - at);
    TRY(source_->read(data_at + at, data + at, size));
    hash.update({data + at, size});
  }
  // [PCB-CONT-002]
  if (!is_digest(hash.finish(), entry.digest())) return mismatch(block.offset, "The block's data");
  if (stored) return Done{};
  // [PCB-CONT-004]
  if (entry.compression() != v1::COMPRESSION_ZSTD) {
    return Error::rejection(v1::ERROR_CODE_UNSUPPORTED_FEATURE, block.offset,
                            "The block's compression is unknown.");
  }
  // [PCB-ZSTD-008]
  Status status = check_frame_header(compressed.view(), entry.content_size());
  if (status.ok()) {
    const auto size = static_cast<size_t>(entry.content_size());
    char* const room = to.extend(size);
    if (room == nullptr) return Error::system("Memory is out.");
    status = decompress_frame(compressed.view(), room, size);
  }
  if (!status.ok()) status.error().offset = block.offset;
  return status;
}

Result<std::string_view> ContentReader::held_block(const Segment::Block& block,
                                                   const v1::BlockEntry& entry) {
  const std::string identity = entry.SerializeAsString();
  if (!held_ || held_->offset != block.offset || held_->entry != identity) {
    held_.reset();
    TRY(count(block, entry));
    held_ = Held{block.offset, identity, {}, std::nullopt};
    Status status = load_block(block, entry, held_->content);
    if (!status.ok()) held_->refusal = std::move(status.error());
  }
  if (held_->refusal) return *held_->refusal;
  return held_->content.view();
}

Result<std::optional<std::string_view>> ContentReader::view(const Segment& segment,
                                                            const v1::Artifact& artifact) {
  std::string_view found;
  if (artifact.extents_size() > 1) return std::optional<std::string_view>();
  if (artifact.extents_size() == 1) {
    const auto& extent = artifact.extents(0);
    const auto& block = segment.blocks[extent.block()];
    const auto& entry = entry_of(segment, extent.block());
    if (entry.compression() != v1::COMPRESSION_NONE) return std::optional<std::string_view>();
    TRY(count(block, entry));
    TRY_SET(const uint64_t prefix, check_record(block, entry));
    const auto data = source_->view().substr(static_cast<size_t>(block.offset + prefix),
                                             static_cast<size_t>(block.size - prefix));
    if (!has_digest(data, entry.digest())) return mismatch(block.offset, "The block's data");
    found = data.substr(static_cast<size_t>(extent.offset()), static_cast<size_t>(extent.size()));
    if (is_whole_block(artifact, entry)) return std::optional(found);
  }
  if (!has_digest(found, artifact.content_digest())) {
    return mismatch(content_offset(segment, artifact), "The content");
  }
  return std::optional(found);
}

}  // namespace precompile
