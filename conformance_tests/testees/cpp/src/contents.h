// Contents in memory: recorded here, or read from where they are stored.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "content_reader.h"
#include "precompile/reader.h"

namespace precompile {

// Of each bundle it keeps the last block, which the next artifact may lie in.
class Contents {
 public:
  explicit Contents(const Limits& limits) : limits_(limits) {}

  // What is recorded; where it is stored, what lies there.
  Result<SharedBytes> of(const SharedBytes& recorded, const std::optional<ArtifactRef>& stored);

 private:
  Limits limits_;
  std::map<std::shared_ptr<const Bundle>, ContentReader> readers_;
};

}  // namespace precompile
