#include "dump.h"

#include "requests.h"

namespace testee {
namespace {

c1::ArtifactDump dump(const v1::Artifact& artifact, const std::optional<precompile::Error>& fault) {
  c1::ArtifactDump dumped;
  dumped.set_type(artifact.type());
  dumped.set_key(artifact.key());
  dumped.set_kind(artifact.kind());
  dumped.set_content_digest(artifact.content_digest());
  dumped.set_content_size(artifact.content_size());
  if (artifact.kind() != v1::ARTIFACT_KIND_CACHE && artifact.kind() != v1::ARTIFACT_KIND_BACKEND) {
    for (const auto& backend : artifact.backends()) *dumped.add_backends() = id_of(backend);
  }
  for (const auto& attribute : artifact.attributes()) *dumped.add_attributes() = known(attribute);
  if (fault) *dumped.mutable_content_fault() = rejection(*fault);
  return dumped;
}

c1::SegmentDump dump(const precompile::Segment& segment,
                     const precompile::Verification::Segment& found) {
  c1::SegmentDump dumped;
  const v1::Manifest& manifest = segment.manifest;
  dumped.set_offset(segment.offset);
  dumped.set_size(segment.size);
  dumped.set_payload_digest(segment.payload_digest);
  dumped.set_begins_chain(segment.begins_chain());
  dumped.set_matches(segment.matches);
  dumped.mutable_producer()->set_name(manifest.producer().name());
  dumped.mutable_producer()->set_version(manifest.producer().version());
  for (const auto& requirement : manifest.requirements()) {
    *dumped.add_requirements() = requirement;
    dumped.mutable_requirements()->rbegin()->DiscardUnknownFields();
  }
  for (const auto& removed : manifest.removed()) {
    *dumped.add_removed() = id_of(removed);
    dumped.mutable_removed()->rbegin()->clear_content_digest();
  }
  for (int i = 0; i < manifest.artifacts_size(); ++i) {
    *dumped.add_artifacts() = dump(manifest.artifacts(i), found.artifacts[static_cast<size_t>(i)]);
  }
  return dumped;
}

}  // namespace

precompile::Result<precompile::Policy> policy_of(const c1::TrustPolicy* trust) {
  if (trust == nullptr) return precompile::Policy::accept_unsigned();
  const auto& keys = trust->trusted_keys();
  return precompile::Policy::trust({keys.begin(), keys.end()}, trust->threshold());
}

precompile::Host host_of(const c1::Host& host) {
  precompile::Host facts;
  for (const auto& fact : host.facts()) {
    facts[fact.name()].insert(fact.values().begin(), fact.values().end());
  }
  return facts;
}

v1::Attribute known(const v1::Attribute& attribute) {
  v1::Attribute kept = attribute;
  kept.DiscardUnknownFields();
  return kept;
}

c1::BundleDump dump(const precompile::Reader& reader, const precompile::Verification& found) {
  const precompile::Bundle& bundle = *reader.bundle();
  c1::BundleDump dumped;
  dumped.set_bundle_digest(bundle.digest());
  dumped.set_size(bundle.size);
  dumped.set_ignored(bundle.ignored);
  for (size_t i = 0; i < bundle.segments.size(); ++i) {
    *dumped.add_segments() = dump(bundle.segments[i], found.segments[i]);
  }
  for (const auto& artifact : reader.current()) *dumped.add_current() = id_of(*artifact);
  if (found.first) *dumped.mutable_content_fault() = rejection(*found.first);
  return dumped;
}

}  // namespace testee
