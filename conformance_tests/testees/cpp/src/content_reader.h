// Stage CONTENT: blocks and contents of an open bundle.
#pragma once

#include <cstdint>
#include <optional>

#include "precompile/limits.h"
#include "precompile/reader.h"
#include "sha256.h"

namespace precompile {

class ContentReader {
 public:
  ContentReader(std::shared_ptr<const Source> source, const Limits& limits);

  // The content of the segment's artifact `index`, in memory.
  Result<Content> read(const Segment& segment, uint32_t index);
  // Refuses content that is longer than all that may be read: then no block of it is.
  Status check_length(const Segment& segment, uint32_t index) const;
  // Reads and checks the content, and holds one block of it at a time.
  Status verify(const Segment& segment, uint32_t index);
  // The whole content of a block; the last one asked for is kept, its refusal too.
  Result<std::string_view> block(const Segment& segment, uint32_t index);
  // The content as bytes of the source, checked; nothing where it lies there otherwise.
  Result<std::optional<std::string_view>> view(const Segment& segment, uint32_t index);

 private:
  Status read_into(Content* content, const Segment& segment, uint32_t index);
  // Checks the block's record and puts its whole content behind what `to` holds.
  Status load_block(const Segment::Block& block, const BlockEntry& entry, Content& to);
  // The framing of the record; how many bytes stand before its data.
  Result<uint64_t> check_record(const Segment::Block& block, const BlockEntry& entry);
  // Counts a block that is about to be read.
  Status count(const Segment::Block& block, const BlockEntry& entry);

  std::shared_ptr<const Source> source_;
  Limits limits_;
  uint64_t decompressed_ = 0;

  struct Held {
    uint64_t offset;  // of the record: every entry that stands for it says the same of it
    Content content;
    std::optional<Error> refusal;
  };
  std::optional<Held> held_;
};

// Whether the digest of the artifact's one block says all that the content's does.
bool is_whole_block(const Segment& segment, uint32_t index);
// That the content is not that of its digest: at its first block, or, empty, at the manifest.
Error content_mismatch(const Segment& segment, uint32_t index);

}  // namespace precompile
