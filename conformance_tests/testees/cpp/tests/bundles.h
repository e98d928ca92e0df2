// Small bundles and files for the tests.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include "envelope.h"
#include "frame.h"
#include "precompile.h"
#include "sha256.h"

namespace precompile {

inline NewArtifact artifact(const std::string& key, std::string content,
                            v1::ArtifactKind kind = v1::ARTIFACT_KIND_CACHE) {
  NewArtifact made;
  made.type = "t.cache";
  made.key = key;
  made.kind = kind;
  made.content = SharedBytes::of(std::move(content));
  return made;
}

inline NewSegment segment(std::vector<NewArtifact> artifacts) {
  NewSegment made;
  made.artifacts = std::move(artifacts);
  return made;
}

inline std::string bundle_of(const std::vector<NewSegment>& segments) {
  Writer writer;
  for (const auto& each : segments) EXPECT_TRUE(writer.add(each).ok());
  return writer.bytes();
}

// A segment around this payload, whatever it says; `blocks` are records.
inline std::string segment_around(const std::string& payload, const std::string& blocks = "") {
  std::string bytes = std::string(kHeader) + blocks;
  const uint64_t manifest = bytes.size();
  bytes += manifest_record(make_envelope(payload, sha256(payload), std::nullopt).value());
  return bytes + footer_record({manifest, bytes.size() + kFooterSize});
}

inline std::string block_record(const std::string& data) { return block_prefix(data.size()) + data; }

inline void add_block(v1::Manifest& manifest, const std::string& data) {
  auto& entry = *manifest.add_blocks();
  entry.set_digest(sha256(data));
  entry.set_size(block_record(data).size());
  entry.set_compression(v1::COMPRESSION_NONE);
  entry.set_content_size(data.size());
}

// A row of a table whose first type is t.cache.
inline void add_row(v1::Manifest& manifest, const std::string& key, const std::string& content,
                    uint32_t block = 0, uint64_t offset = 0) {
  auto& table = *manifest.mutable_artifacts();
  if (table.types().empty()) {
    table.add_types()->set_name("t.cache");
    table.mutable_types(0)->set_kind(v1::ARTIFACT_KIND_CACHE);
  }
  table.add_type(0);
  table.add_key(key);
  table.mutable_content_digest()->append(sha256(content));
  table.add_content_size(content.size());
  table.add_block(block);
  table.add_offset(offset);
}

// A path of its own; what stands there goes with it.
class File {
 public:
  File() {
    char name[] = "/tmp/precompile-test-XXXXXX";
    const int descriptor = ::mkstemp(name);
    EXPECT_GE(descriptor, 0);
    ::close(descriptor);
    path_ = name;
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { ::unlink(path_.c_str()); }

  const std::string& path() const { return path_; }
  void put(const std::string& bytes) const { std::ofstream(path_, std::ios::binary) << bytes; }
  std::string get() const {
    std::ostringstream bytes;
    bytes << std::ifstream(path_, std::ios::binary).rdbuf();
    return bytes.str();
  }

 private:
  std::string path_;
};

template <class T>
v1::ErrorCode code_of(const Result<T>& result) {
  if (result.ok()) return v1::ERROR_CODE_UNSPECIFIED;
  EXPECT_EQ(result.error().kind, Error::Kind::kRejection) << result.error().detail;
  return result.error().code;
}

template <class T>
bool is_misuse(const Result<T>& result) {
  return !result.ok() && result.error().kind == Error::Kind::kMisuse;
}

}  // namespace precompile
