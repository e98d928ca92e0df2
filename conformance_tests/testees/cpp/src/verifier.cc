#include "precompile/verifier.h"

#include "content_reader.h"
#include "try.h"

namespace precompile {

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
  ContentReader& contents = *reader_.contents_;
  const auto keep_first = [&](const Status& status) {
    if (status.ok() || (found.first && !(status.error().offset < found.first->offset))) return;
    found.first = status.error();
  };
  for (const Segment& segment : reader_.bundle_->segments) {
    std::vector<bool> read(segment.blocks.size());
    auto& outcomes = found.segments.emplace_back().artifacts;
    for (const auto& artifact : segment.manifest.artifacts()) {
      const Status status = contents.verify(segment, artifact);
      outcomes.push_back(status.ok() ? std::nullopt : std::optional(status.error()));
      keep_first(status);
      // A refused artifact may have been refused before its last block was read.
      if (!status.ok()) continue;
      for (const auto& extent : artifact.extents()) read[extent.block()] = true;
    }
    for (size_t i = 0; i < segment.blocks.size(); ++i) {
      const bool own = segment.manifest.blocks(static_cast<int>(i)).size() > 0;
      if (own && !read[i]) keep_first(contents.verify_block(segment, i));
    }
  }
  return found;
}

}  // namespace precompile
