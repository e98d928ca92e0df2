// What a manifest says: numbers in columns, names as views of the payload, no object an artifact.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "precompile/v1/bundle.pb.h"

namespace precompile {

// Consecutive elements that somebody else keeps.
template <class T>
struct Range {
  const T* first;
  const T* last;

  const T* begin() const { return first; }
  const T* end() const { return last; }
  size_t size() const { return static_cast<size_t>(last - first); }
  const T& operator[](size_t index) const { return first[index]; }
};

// The name of an artifact, as views of bytes that somebody else keeps.
struct NameView {
  std::string_view type;
  std::string_view key;

  bool operator==(const NameView& other) const { return key == other.key && type == other.type; }
};

struct BlockEntry {
  std::string_view digest;
  uint64_t size = 0;  // of the record; 0: the block is external
  v1::Compression compression = v1::COMPRESSION_UNSPECIFIED;
  uint64_t content_size = 0;
};

struct Requirement {
  std::string_view name;
  v1::Match match = v1::MATCH_UNSPECIFIED;
  uint32_t values_begin = 0;  // in Manifest::values
  uint32_t values_end = 0;
};

// The artifacts of one segment: element i of each column is artifact i's.
struct ArtifactTable {
  struct Type {
    std::string_view name;
    v1::ArtifactKind kind = v1::ARTIFACT_KIND_UNSPECIFIED;
  };
  struct Detail {
    uint32_t artifact = 0;
    std::string_view fields;  // a serialized ArtifactDetail, decoded when it is asked for
  };

  std::vector<Type> types;
  std::vector<uint32_t> type;  // index into `types`
  std::vector<std::string_view> key;
  std::string_view content_digest;  // 32 bytes an artifact
  std::vector<uint64_t> content_size;
  std::vector<uint32_t> block;
  std::vector<uint64_t> offset;
  std::vector<Detail> details;  // ascending by artifact; few artifacts have any

  size_t size() const { return key.size(); }
  NameView name(size_t i) const { return {types[type[i]].name, key[i]}; }
  v1::ArtifactKind kind(size_t i) const { return types[type[i]].kind; }
  std::string_view digest(size_t i) const { return content_digest.substr(32 * i, 32); }
  // The artifact's ArtifactDetail; empty where it has none.
  std::string_view detail(size_t i) const;
  // As the manifest has them, but for unknown fields; none for CACHE and BACKEND. [PCB-ART-002]
  std::vector<v1::ArtifactId> backends(size_t i) const;
  // As the manifest has them; one whose value is of a type added later has its name and unknown
  // fields. [PCB-ART-006]
  std::vector<v1::Attribute> attributes(size_t i) const;
};

// All views are of the payload that it was decoded from, which has to stay.
struct Manifest {
  std::string_view previous_manifest_digest;
  std::string_view producer_name;
  std::string_view producer_version;
  std::vector<Requirement> requirements;
  std::vector<std::string_view> values;  // of all requirements, one's behind another's
  std::vector<BlockEntry> blocks;
  ArtifactTable artifacts;
  std::vector<NameView> removed;

  Range<std::string_view> values_of(const Requirement& requirement) const {
    return {values.data() + requirement.values_begin, values.data() + requirement.values_end};
  }
};

}  // namespace precompile
