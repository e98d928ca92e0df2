// Small bundles and files for the tests.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include "precompile.h"

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
