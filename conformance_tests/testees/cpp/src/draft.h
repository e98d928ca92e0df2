// A manifest as it is written: rows go into columns, and its length is known while it grows.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "portable.h"
#include "precompile/v1/bundle.pb.h"

namespace precompile {

// A block entry that is written.
struct BlockRow {
  std::string digest;
  uint64_t size = 0;  // 0: external
  v1::Compression compression = v1::COMPRESSION_NONE;
  uint64_t content_size = 0;
};

// Where content begins.
struct Place {
  uint32_t block = 0;
  uint64_t offset = 0;
};

class Draft {
 public:
  Draft(std::string_view previous, const v1::Producer& producer,
        const std::vector<v1::Requirement>& requirements);

  // Most bytes that a serialized manifest of these alone takes, but for what artifacts add.
  static size_t fixed_bytes(const v1::Producer& producer,
                            const std::vector<v1::Requirement>& requirements);
  // Most bytes that a row adds.
  static size_t bytes_of(const v1::ArtifactId& removed);
  static size_t bytes_of(std::string_view type, std::string_view key, const Portable& artifact);
  static constexpr size_t kBlockBytes = 56;  // that an entry of a block adds at most

  void remove(const v1::ArtifactId& removed);
  void add(std::string_view type, std::string_view key, const Portable& artifact, Place place);
  std::vector<BlockRow>& blocks() { return blocks_; }
  const std::vector<BlockRow>& blocks() const { return blocks_; }

  // Bytes that the payload takes at least, as it is now.
  size_t least_bytes() const;
  // What counts for the limit of that name.
  uint64_t items() const { return items_ + blocks_.size() + types_.size(); }
  // The payload. [PCB-DET-003]
  std::string serialized() const;

 private:
  std::string head_;     // fields in front of the blocks
  std::string removed_;  // fields behind the artifacts
  std::vector<BlockRow> blocks_;
  uint64_t items_ = 0;

  std::map<std::pair<std::string, int>, uint32_t> types_;  // name and kind to index
  std::string type_fields_;
  std::string key_fields_;
  std::string detail_fields_;
  std::string digests_;
  std::vector<uint32_t> type_;
  std::vector<uint64_t> content_size_;
  std::vector<uint32_t> block_;
  std::vector<uint64_t> offset_;
};

}  // namespace precompile
