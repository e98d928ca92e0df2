#include "segment_writer.h"

#include "envelope.h"
#include "frame.h"
#include "try.h"

namespace precompile {
namespace {

constexpr uint64_t kMaxManifest = 16ull << 20;  // [PCB-LIM-006]

// Gives artifacts their extents: in blocks of this segment, or in external ones.
class Placing {
 public:
  Placing(v1::Manifest& manifest, Chain& chain, const Sink& sink)
      : manifest_(manifest), chain_(chain), packer_(manifest, sink) {}

  // [PCB-EXTENT-006]
  Status place(v1::Artifact& artifact, std::string_view content) {
    if (artifact.content_size() == 0) return Done{};
    const std::string& digest = artifact.content_digest();
    if (const auto here = here_.find(digest); here != here_.end()) {
      *artifact.mutable_extents() = manifest_.artifacts(here->second).extents();
      return Done{};
    }
    if (const Parts* parts = chain_.find(digest)) {
      for (const Part& part : *parts) refer(part, artifact);
    } else if (!content.empty()) {
      TRY(packer_.add(content, artifact));
    } else {
      return Error::system("The content of " + artifact.key() + " is not there to be written.");
    }
    here_.emplace(digest, manifest_.artifacts_size() - 1);
    return Done{};
  }

  Status finish() { return packer_.finish(); }

  void teach() const {
    for (const auto& [digest, index] : here_) {
      chain_.learn(digest, parts_of(manifest_, manifest_.artifacts(index)));
    }
  }

 private:
  void refer(const Part& part, v1::Artifact& artifact) {
    const auto [found, is_new] =
        external_.emplace(part.block.SerializeAsString(), manifest_.blocks_size());
    if (is_new) *manifest_.add_blocks() = part.block;
    auto& extent = *artifact.add_extents();
    extent.set_block(static_cast<uint32_t>(found->second));
    extent.set_offset(part.offset);
    extent.set_size(part.size);
  }

  v1::Manifest& manifest_;
  Chain& chain_;
  Packer packer_;
  std::map<std::string, int> here_;      // content digest to an artifact of this manifest
  std::map<std::string, int> external_;  // external entry to its index
};

uint64_t items_of(const v1::Manifest& manifest) {
  auto items = manifest.blocks_size() + manifest.artifacts_size() + manifest.removed_size();
  for (const auto& requirement : manifest.requirements()) items += 1 + requirement.values_size();
  for (const auto& artifact : manifest.artifacts()) {
    items += artifact.extents_size() + artifact.backends_size() + artifact.attributes_size();
  }
  return static_cast<uint64_t>(items);
}

}  // namespace

Result<WrittenSegment> write_segment(const SegmentPlan& plan, Chain& chain,
                                     const WriterOptions& options, const Sink& sink) {
  uint64_t written = 0;
  const Sink counted = [&](std::string_view bytes) {
    written += bytes.size();
    return sink(bytes);
  };
  v1::Manifest manifest;
  manifest.set_previous_manifest_digest(chain.previous);  // [PCB-CHAIN-001]
  *manifest.mutable_producer() = options.producer;
  for (const auto& requirement : plan.requirements) *manifest.add_requirements() = requirement;
  for (const auto& removed : plan.removed) *manifest.add_removed() = removed;
  TRY(counted(kHeader));
  Placing placing(manifest, chain, counted);
  // [PCB-DET-004]
  for (const auto& artifact : plan.artifacts) {
    auto& fields = *manifest.add_artifacts() = artifact.artifact;
    TRY(placing.place(fields, artifact.content.view));
  }
  TRY(placing.finish());
  // [PCB-DET-003] Generated code writes fields in ascending order and no defaults.
  v1::Envelope envelope = make_envelope(manifest.SerializeAsString());
  if (options.key) TRY(options.key->sign(envelope));
  const std::string bytes = envelope.SerializeAsString();
  const std::string head = kManifestTag + varint(bytes.size());
  if (head.size() + bytes.size() > kMaxManifest) {
    return Error::misuse("The segment holds more than one manifest can say.");
  }
  const uint64_t manifest_offset = written;
  TRY(counted(head));
  TRY(counted(bytes));
  placing.teach();
  chain.previous = envelope.payload_digest();
  return WrittenSegment{footer_record({manifest_offset, written + kFooterSize}), written,
                        envelope.payload_digest(), items_of(manifest)};
}

}  // namespace precompile
