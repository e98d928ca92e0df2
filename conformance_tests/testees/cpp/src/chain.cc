#include "chain.h"

#include "source.h"

namespace precompile {

Parts parts_of(const v1::Manifest& manifest, const v1::Artifact& artifact) {
  Parts parts;
  for (const auto& extent : artifact.extents()) {
    const auto& entry = manifest.blocks(static_cast<int>(extent.block()));
    v1::BlockEntry block;
    block.set_digest(entry.digest());
    block.set_compression(entry.compression());
    block.set_content_size(entry.content_size());
    parts.push_back({std::move(block), extent.offset(), extent.size()});
  }
  return parts;
}

void Chain::follow(const std::shared_ptr<const Bundle>& bundle, size_t segment) {
  const Segment& followed = bundle->segments[segment];
  if (followed.begins_chain()) {
    known_.clear();
    unverified_.clear();
  }
  previous = followed.payload_digest;
  for (int i = 0; i < followed.manifest.artifacts_size(); ++i) {
    unverified_.insert_or_assign(followed.manifest.artifacts(i).content_digest(),
                                 ArtifactRef{bundle, segment, i});
  }
}

const Parts* Chain::find(const std::string& content_digest) {
  if (const auto known = known_.find(content_digest); known != known_.end()) return &known->second;
  const auto found = unverified_.find(content_digest);
  if (found == unverified_.end()) return nullptr;
  const ArtifactRef artifact = found->second;
  unverified_.erase(found);
  if (read_ != artifact.bundle) {
    read_ = artifact.bundle;
    reader_ = std::make_shared<ContentReader>(read_->source, Limits());
  }
  if (!reader_->verify(artifact.in(), *artifact).ok()) return nullptr;  // it is stored again
  learn(content_digest, parts_of(artifact.in().manifest, *artifact));
  return &known_.at(content_digest);
}

}  // namespace precompile
