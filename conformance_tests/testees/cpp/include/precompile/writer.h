// Writing bundles: class Writer of the norm.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "precompile/reader.h"

namespace precompile {

class Chain;

// What an artifact is to be. Attributes are sorted for the caller.
struct NewArtifact {
  std::string type;
  std::string key;
  v1::ArtifactKind kind = v1::ARTIFACT_KIND_UNSPECIFIED;
  SharedBytes content;
  std::vector<v1::ArtifactId> backends;  // of an ENTRY, with the digests of their contents
  std::vector<v1::Attribute> attributes;
};

// What a segment is to hold. Requirements and their values are sorted for the caller. Where one
// manifest cannot say it all, it becomes several segments, in order.
struct NewSegment {
  std::vector<v1::Requirement> requirements;
  std::vector<NewArtifact> artifacts;  // in the order in which they were recorded
  std::vector<v1::ArtifactId> removed;
};

struct WriterOptions {
  WriterOptions();  // the producer is this library

  v1::Producer producer;
  std::optional<SigningKey> key;  // that signs each new segment
};

// Makes a bundle of one chain in memory, segment by segment. What no bundle can say is misuse.
class Writer {
 public:
  explicit Writer(WriterOptions options = {});
  Writer(Writer&&) noexcept;
  ~Writer();

  Status add(const NewSegment& segment);
  const std::string& bytes() const { return bytes_; }

 private:
  WriterOptions options_;
  std::string bytes_;
  std::unique_ptr<Chain> chain_;
};

// Appends a segment to the last chain of a bundle file, in place; a file that is empty or not
// there becomes a bundle. When it returns, all of it is on stable storage; a file that is
// refused is as it was. Of `open` the policy and the limits count.
Status append(const std::string& path, const NewSegment& segment, const WriterOptions& options = {},
              const OpenOptions& open = {});

// One bundle of all segments of these complete bundles, in this order. Refuses with an offset
// counted in the result.
Result<std::string> concatenate(const std::vector<std::string>& paths, const OpenOptions& open = {});

// Signs every segment of a bundle file that the policy accepts, in one step. Other signatures
// stay; of the key's own there is one afterwards, the last.
Status sign_file(const std::string& path, const SigningKey& key, const OpenOptions& open = {});

}  // namespace precompile
