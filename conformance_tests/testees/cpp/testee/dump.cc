#include "dump.h"

#include "requests.h"

namespace testee {
namespace {

c1::ArtifactDump dump(const precompile::ArtifactRef& artifact) {
  c1::ArtifactDump dumped;
  dumped.set_type(std::string(artifact.type()));
  dumped.set_key(std::string(artifact.key()));
  dumped.set_kind(artifact.kind());
  dumped.set_content_digest(std::string(artifact.content_digest()));
  dumped.set_content_size(artifact.content_size());
  for (auto& backend : artifact.backends()) *dumped.add_backends() = std::move(backend);
  for (const auto& attribute : artifact.attributes()) *dumped.add_attributes() = known(attribute);
  return dumped;
}

c1::SegmentDump dump(const std::shared_ptr<const precompile::Bundle>& bundle, uint32_t index,
                     const precompile::Verification::Segment& found) {
  const precompile::Segment& segment = bundle->segments[index];
  c1::SegmentDump dumped;
  const precompile::Manifest& manifest = segment.manifest;
  dumped.set_offset(segment.offset);
  dumped.set_size(segment.size);
  dumped.set_payload_digest(segment.payload_digest);
  dumped.set_begins_chain(segment.begins_chain());
  dumped.set_matches(segment.matches);
  dumped.mutable_producer()->set_name(std::string(manifest.producer_name));
  dumped.mutable_producer()->set_version(std::string(manifest.producer_version));
  for (const auto& requirement : manifest.requirements) {
    auto& given = *dumped.add_requirements();
    given.set_name(std::string(requirement.name));
    given.set_match(requirement.match);
    for (const auto value : manifest.values_of(requirement)) given.add_values(std::string(value));
  }
  for (const auto& removed : manifest.removed) {
    auto& id = *dumped.add_removed();
    id.set_type(std::string(removed.type));
    id.set_key(std::string(removed.key));
  }
  for (uint32_t i = 0; i < manifest.artifacts.size(); ++i) {
    *dumped.add_artifacts() = dump(precompile::ArtifactRef(bundle, {index, i}));
  }
  for (const auto& [artifact, fault] : found.artifacts) {
    *dumped.mutable_artifacts(static_cast<int>(artifact))->mutable_content_fault() =
        rejection(fault);
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
  for (uint32_t i = 0; i < bundle.segments.size(); ++i) {
    *dumped.add_segments() = dump(reader.bundle(), i, found.segments[i]);
  }
  for (const auto& artifact : reader.current()) {
    auto& id = *dumped.add_current();
    id.set_type(std::string(artifact.type()));
    id.set_key(std::string(artifact.key()));
    id.set_content_digest(std::string(artifact.content_digest()));
  }
  if (found.first) *dumped.mutable_content_fault() = rejection(*found.first);
  return dumped;
}

}  // namespace testee
