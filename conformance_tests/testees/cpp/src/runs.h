// Contents over several blocks of one segment, hashed as the blocks pass.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "precompile/reader.h"
#include "sha256.h"

namespace precompile {

// Many runs may go through many small blocks: what is done for a block is for those that begin
// or end there alone, and bytes are hashed in long pieces.
class Runs {
 public:
  explicit Runs(const Segment& segment) : starts_(segment.content_starts) {}

  // Before any block passes: content that is the whole of these blocks.
  void add(uint32_t first, uint32_t last) { runs_.push_back({first, last, 0, nullptr, std::nullopt}); }
  void sort();

  // Whether a run begins at the block or goes on in it.
  bool needs(uint32_t block) const {
    return live_ > 0 || (next_ < runs_.size() && runs_[next_].first == block);
  }
  // The next block that is needed, or why it cannot be read.
  void pass(uint32_t block, const Result<std::string_view>& content);
  // The digest of a run whose last block has passed, once.
  Result<std::string> digest(uint32_t first, uint32_t last);

 private:
  struct Run {
    uint32_t first, last;
    uint64_t hashed;               // up to where, in the sums of contents
    std::unique_ptr<Sha256> hash;  // while it is live
    std::optional<Error> refusal;  // of its first block that cannot be read
  };

  void refuse(const Error& error);
  void hash_window(Run& run, uint64_t end) const;
  void flush(uint64_t end);

  const std::vector<uint64_t>& starts_;
  std::vector<Run> runs_;     // by first and last block
  size_t next_ = 0;           // the first one that has not begun
  std::vector<Run*> active_;  // that have begun; those that ended since the last flush, too
  size_t live_ = 0;           // of them that have not
  std::string window_;        // bytes that not all live ones have hashed
  uint64_t window_at_ = 0;    // where it begins, in the sums of contents
};

}  // namespace precompile
