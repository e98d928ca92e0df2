// Stage CONTENT: blocks and contents of an open bundle.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "precompile/limits.h"
#include "precompile/reader.h"
#include "sha256.h"

namespace precompile {

class ContentReader {
 public:
  ContentReader(std::shared_ptr<const Source> source, const Limits& limits);

  // The content, in memory.
  Result<Content> read(const Segment& segment, const v1::Artifact& artifact);
  // Whether the content is longer than all that may be read: then no block of it is.
  bool is_too_long(const v1::Artifact& artifact) const;
  // Reads and checks the content, and holds one block of it at a time.
  Status verify(const Segment& segment, const v1::Artifact& artifact);
  // The whole content of a block; the last one asked for is kept, its refusal too.
  Result<std::string_view> block(const Segment& segment, uint32_t index);
  // The content as bytes of the source, checked; nothing where it lies there otherwise.
  Result<std::optional<std::string_view>> view(const Segment& segment, const v1::Artifact& artifact);

 private:
  Status read_into(Content* content, const Segment& segment, const v1::Artifact& artifact);
  // Checks the block's record and puts its whole content behind what `to` holds.
  Status load_block(const Segment::Block& block, const v1::BlockEntry& entry, Content& to);
  // The framing of the record; how many bytes stand before its data.
  Result<uint64_t> check_record(const Segment::Block& block, const v1::BlockEntry& entry);
  Result<std::string_view> held_block(const Segment::Block& block, const v1::BlockEntry& entry);
  // Counts a block that is about to be read.
  Status count(const Segment::Block& block, const v1::BlockEntry& entry);

  std::shared_ptr<const Source> source_;
  Limits limits_;
  uint64_t decompressed_ = 0;

  struct Held {
    uint64_t offset;
    std::string entry;  // serialized: two entries may say different things of one record
    Content content;
    std::optional<Error> refusal;
  };
  std::optional<Held> held_;
};

}  // namespace precompile
