#include "precompile/verifier.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "content_reader.h"
#include "sha256.h"
#include "try.h"

namespace precompile {
namespace {

// Contents of one segment, hashed as its blocks pass: each block is read once, and so is what
// many artifacts have at one place. [PCB-CONT-008]
class SegmentVerification {
 public:
  SegmentVerification(ContentReader& contents, const Segment& segment, Verification& found)
      : contents_(contents),
        segment_(segment),
        table_(segment.manifest.artifacts),
        found_(found) {}

  Verification::Segment run() {
    std::vector<uint32_t> rows;  // those with content, by the last block that it lies in
    std::vector<uint32_t> last(table_.size());
    for (uint32_t i = 0; i < table_.size(); ++i) {
      if (table_.content_size[i] == 0) {
        finish(i, contents_.verify(segment_, i));
        continue;
      }
      rows.push_back(i);
      last[i] = last_block(i);
      if (last[i] != table_.block[i] && contents_.check_length(segment_, i).ok()) {
        runs_.emplace_back(table_.block[i], last[i]);
      }
    }
    std::sort(runs_.begin(), runs_.end());
    runs_.erase(std::unique(runs_.begin(), runs_.end()), runs_.end());
    std::stable_sort(rows.begin(), rows.end(),
                     [&](uint32_t a, uint32_t b) { return last[a] < last[b]; });
    size_t done = 0;
    for (uint32_t block = 0; block < segment_.blocks.size(); ++block) {
      pass(block);
      const size_t from = done;
      while (done < rows.size() && last[rows[done]] == block) ++done;
      finish_all({rows.data() + from, rows.data() + done}, block);
      if (run_ && run_->last == block) run_.reset();
    }
    return std::move(outcomes_);
  }

 private:
  // Content over several blocks, hashed as they pass: one run at a time. [PCB-PLACE-005]
  struct Run {
    uint32_t last;
    Sha256 hash;
    std::optional<Error> refusal;  // of the first block that cannot be read
  };
  using Place = std::tuple<uint32_t, uint64_t, uint64_t>;  // first block, offset, size

  Place place(uint32_t i) const {
    return {table_.block[i], table_.offset[i], table_.content_size[i]};
  }

  uint32_t last_block(uint32_t i) const {
    const auto& starts = segment_.content_starts;
    const uint64_t end = starts[table_.block[i]] + table_.offset[i] + table_.content_size[i];
    return static_cast<uint32_t>(
        std::lower_bound(starts.begin() + table_.block[i], starts.end(), end) - starts.begin() - 1);
  }

  void tell(const Error& error) {
    if (!found_.first) found_.first = error;
  }

  void finish(uint32_t i, const Status& status) {
    if (status.ok()) return;
    tell(status.error());
    outcomes_.artifacts.emplace(i, status.error());
  }

  // Reads an own block, or an external one that a run goes through.
  void pass(uint32_t block) {
    if (next_ < runs_.size() && runs_[next_].first == block) {
      run_ = Run{runs_[next_++].second, {}, std::nullopt};
    }
    const bool is_own = segment_.manifest.blocks[block].size > 0;
    if (!is_own && !run_) return;
    const auto content = contents_.block(segment_, block);
    if (is_own && !content.ok()) tell(content.error());
    if (!run_ || run_->refusal) return;
    if (content.ok()) {
      run_->hash.update(content.value());
    } else {
      run_->refusal = content.error();
    }
  }

  // The artifacts whose content ends in this block, in the table's order.
  void finish_all(Range<uint32_t> rows, uint32_t block) {
    std::vector<uint32_t> by_place(rows.begin(), rows.end());
    std::sort(by_place.begin(), by_place.end(),
              [&](uint32_t a, uint32_t b) { return place(a) < place(b); });
    std::vector<std::optional<Result<std::string>>> digests(by_place.size());  // of equal places
    for (const uint32_t i : rows) {
      Status allowed = contents_.check_length(segment_, i);
      if (!allowed.ok() || is_whole_block(segment_, i)) {
        finish(i, allowed.ok() ? status_of(contents_.block(segment_, block)) : allowed);
        continue;
      }
      const auto first = std::lower_bound(by_place.begin(), by_place.end(), i,
                                          [&](uint32_t a, uint32_t b) { return place(a) < place(b); });
      auto& digest = digests[static_cast<size_t>(first - by_place.begin())];
      if (!digest) digest = digest_of(i, block);
      if (!digest->ok()) {
        finish(i, digest->error());
      } else if (!is_digest(digest->value(), table_.digest(i))) {
        finish(i, content_mismatch(segment_, i));
      }
    }
  }

  static Status status_of(const Result<std::string_view>& content) {
    if (!content.ok()) return content.error();
    return Done{};
  }

  Result<std::string> digest_of(uint32_t i, uint32_t block) {
    if (table_.block[i] == block) {
      TRY_SET(const std::string_view content, contents_.block(segment_, block));
      return sha256(content.substr(static_cast<size_t>(table_.offset[i]),
                                   static_cast<size_t>(table_.content_size[i])));
    }
    if (run_->refusal) return *run_->refusal;
    return run_->hash.finish();
  }

  ContentReader& contents_;
  const Segment& segment_;
  const ArtifactTable& table_;
  Verification& found_;
  Verification::Segment outcomes_;
  std::vector<std::pair<uint32_t, uint32_t>> runs_;  // first and last blocks
  size_t next_ = 0;
  std::optional<Run> run_;  // that the block which passes is of
};

}  // namespace

Result<Verifier> Verifier::open(const std::string& path, const OpenOptions& options,
                                const std::string& expected_digest) {
  TRY_SET(Reader reader, Reader::open(path, options));
  // [PCB-CHAIN-004]
  if (!expected_digest.empty() && reader.bundle()->digest() != expected_digest) {
    return Error::rejection(v1::ERROR_CODE_DIGEST_MISMATCH, std::nullopt,
                            "The bundle's digest is not the expected one.");
  }
  return Verifier(std::move(reader));
}

// [PCB-CONT-007]
Verification Verifier::verify() {
  Verification found;
  for (const Segment& segment : reader_.bundle_->segments) {
    found.segments.push_back(SegmentVerification(*reader_.contents_, segment, found).run());
  }
  return found;
}

}  // namespace precompile
