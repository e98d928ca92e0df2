// What a writer knows of the chain that it appends to.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "content_reader.h"
#include "precompile/reader.h"

namespace precompile {

// Where content lies: a part of a block that is named as external entries name it.
struct Part {
  v1::BlockEntry block;
  uint64_t offset;
  uint64_t size;
};
using Parts = std::vector<Part>;

// The parts that an artifact's content lies in.
Parts parts_of(const v1::Manifest& manifest, const v1::Artifact& artifact);

struct Chain {
  std::string previous;  // the last segment's payload digest; empty before the first

  // Goes on behind a segment of a bundle that was read.
  void follow(const std::shared_ptr<const Bundle>& bundle, size_t segment);
  void learn(const std::string& content_digest, Parts parts) {
    known_.insert_or_assign(content_digest, std::move(parts));
  }
  // Where content with this digest lies that was recorded, or is verified now; or null.
  // [PCB-BLOCK-007]
  const Parts* find(const std::string& content_digest);

 private:
  std::map<std::string, Parts> known_;
  std::map<std::string, ArtifactRef> unverified_;
  std::shared_ptr<ContentReader> reader_;  // of the bundle read last
  std::shared_ptr<const Bundle> read_;
};

}  // namespace precompile
