#include "precompile/verifier.h"

#include <algorithm>

#include "content_reader.h"
#include "try.h"

namespace precompile {
namespace {

// Contents of one segment, hashed as its blocks pass, so that each block is read once.
class SegmentVerification {
 public:
  SegmentVerification(ContentReader& contents, const Segment& segment, Verification& found)
      : contents_(contents), segment_(segment), found_(found) {}

  std::vector<std::optional<Error>> run() {
    const auto& artifacts = segment_.manifest.artifacts();
    outcomes_.resize(static_cast<size_t>(artifacts.size()));
    in_block_.resize(segment_.blocks.size());
    ends_with_.resize(segment_.blocks.size());
    for (int i = 0; i < artifacts.size(); ++i) place(i);
    for (uint32_t i = 0; i < segment_.blocks.size(); ++i) pass(i);
    return std::move(outcomes_);
  }

 private:
  struct Pending {
    int artifact;
    int next = 0;  // the extent that is hashed next
    Sha256 hash;
  };

  const v1::Artifact& artifact(int index) const { return segment_.manifest.artifacts(index); }

  void tell(const Status& status) {
    if (!status.ok() && !found_.first) found_.first = status.error();
  }

  void finish(int index, const Status& status) {
    if (!status.ok()) outcomes_[static_cast<size_t>(index)] = status.error();
    tell(status);
  }

  // Where the artifact's extents are met in their order, it is hashed as they pass.
  void place(int index) {
    const auto& extents = artifact(index).extents();
    if (extents.empty()) return finish(index, contents_.verify(segment_, artifact(index)));
    uint32_t last = 0;
    bool ascending = true;
    for (const auto& extent : extents) {
      ascending = ascending && extent.block() >= last;
      last = std::max(last, extent.block());
    }
    ends_with_[last].push_back(index);
    // One that lies in one block is read from it while it is held; one too long is refused.
    if (!ascending || extents.size() == 1 || contents_.is_too_long(artifact(index))) return;
    auto pending = std::make_shared<Pending>();
    pending->artifact = index;
    for (const auto& extent : extents) {
      auto& passing = in_block_[extent.block()];
      if (passing.empty() || passing.back() != pending) passing.push_back(pending);
    }
  }

  void pass(uint32_t index) {
    const bool is_own = segment_.manifest.blocks(static_cast<int>(index)).size() > 0;
    if (is_own || !in_block_[index].empty()) {
      const auto content = contents_.block(segment_, index);
      if (is_own && !content.ok()) tell(content.error());
      for (const auto& pending : in_block_[index]) advance(*pending, index, content);
    }
    for (const int ending : ends_with_[index]) {
      if (passed_.count(ending) == 0) finish(ending, contents_.verify(segment_, artifact(ending)));
    }
    in_block_[index].clear();
  }

  void advance(Pending& pending, uint32_t block, const Result<std::string_view>& content) {
    const auto& of = artifact(pending.artifact);
    if (!content.ok()) return;  // read again, to be refused at its first fault
    for (; pending.next < of.extents_size() && of.extents(pending.next).block() == block;
         ++pending.next) {
      pending.hash.update(content.value());
    }
    if (pending.next < of.extents_size()) return;
    if (is_digest(pending.hash.finish(), of.content_digest())) passed_.insert(pending.artifact);
  }

  ContentReader& contents_;
  const Segment& segment_;
  Verification& found_;
  std::vector<std::optional<Error>> outcomes_;
  std::vector<std::vector<std::shared_ptr<Pending>>> in_block_;
  std::vector<std::vector<int>> ends_with_;  // artifacts whose last block it is
  std::set<int> passed_;
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
    found.segments.push_back({SegmentVerification(*reader_.contents_, segment, found).run()});
  }
  return found;
}

}  // namespace precompile
