// What generated code makes of a payload that was decoded here.
#pragma once

#include <string>

#include "precompile/manifest.h"

namespace precompile {

// The manifest as generated code has it, but for what a reader gives no heed to.
inline v1::Manifest as_generated(const Manifest& manifest) {
  v1::Manifest made;
  made.set_previous_manifest_digest(std::string(manifest.previous_manifest_digest));
  made.mutable_producer()->set_name(std::string(manifest.producer_name));
  made.mutable_producer()->set_version(std::string(manifest.producer_version));
  for (const Requirement& requirement : manifest.requirements) {
    auto& given = *made.add_requirements();
    given.set_name(std::string(requirement.name));
    given.set_match(requirement.match);
    for (const auto value : manifest.values_of(requirement)) given.add_values(std::string(value));
  }
  for (const BlockEntry& entry : manifest.blocks) {
    auto& given = *made.add_blocks();
    given.set_digest(std::string(entry.digest));
    given.set_size(entry.size);
    given.set_compression(entry.compression);
    given.set_content_size(entry.content_size);
  }
  const ArtifactTable& table = manifest.artifacts;
  auto& given = *made.mutable_artifacts();
  for (const auto& type : table.types) {
    given.add_types()->set_name(std::string(type.name));
    given.mutable_types()->rbegin()->set_kind(type.kind);
  }
  for (size_t i = 0; i < table.size(); ++i) given.add_key(std::string(table.key[i]));
  *given.mutable_type() = {table.type.begin(), table.type.end()};
  given.set_content_digest(std::string(table.content_digest));
  *given.mutable_content_size() = {table.content_size.begin(), table.content_size.end()};
  *given.mutable_block() = {table.block.begin(), table.block.end()};
  *given.mutable_offset() = {table.offset.begin(), table.offset.end()};
  for (const auto& detail : table.details) {
    auto& of = *given.add_details();
    of.set_artifact(detail.artifact);
    for (const auto& backend : table.backends(detail.artifact)) *of.add_backends() = backend;
    for (const auto& attribute : table.attributes(detail.artifact)) {
      *of.add_attributes() = attribute;
      of.mutable_attributes()->rbegin()->DiscardUnknownFields();
    }
  }
  for (const NameView& removed : manifest.removed) {
    made.add_removed()->set_type(std::string(removed.type));
    made.mutable_removed()->rbegin()->set_key(std::string(removed.key));
  }
  return made;
}

// Whether generated code takes the payload, too, and for the same manifest.
inline bool agrees_with_generated(const Manifest& manifest, std::string_view payload) {
  v1::Manifest parsed;
  if (!parsed.ParseFromString(std::string(payload))) return false;
  parsed.DiscardUnknownFields();
  parsed.mutable_producer();
  parsed.mutable_artifacts();
  for (auto& removed : *parsed.mutable_removed()) removed.clear_content_digest();
  for (auto& detail : *parsed.mutable_artifacts()->mutable_details()) {
    const v1::ArtifactKind kind = manifest.artifacts.kind(detail.artifact());
    if (kind == v1::ARTIFACT_KIND_CACHE || kind == v1::ARTIFACT_KIND_BACKEND) detail.clear_backends();
  }
  return as_generated(manifest).SerializeAsString() == parsed.SerializeAsString();
}

}  // namespace precompile
