// What of an artifact travels with it wherever it is written anew.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "precompile/reader.h"

namespace precompile {

// Without its name, its place and what a reader ignores of it. [PCB-EXT-008]
struct Portable {
  v1::ArtifactKind kind = v1::ARTIFACT_KIND_UNSPECIFIED;
  std::string content_digest;
  uint64_t content_size = 0;
  std::vector<v1::ArtifactId> backends;
  // Serialized, sorted by name: doubles count bit for bit, and what is of a type of values that is
  // unknown here stays byte for byte.
  std::vector<std::string> attributes;

  static std::shared_ptr<const Portable> of(const ArtifactRef& artifact);
};

// Whether two artifacts of one name are the same.
bool same_artifact(const Portable& a, const Portable& b);

// One attribute as it is written.
std::string encode_attribute(const v1::Attribute& attribute);
// An ArtifactDetail but for its index; empty where there is nothing to say.
std::string encode_detail(const Portable& artifact);

}  // namespace precompile
