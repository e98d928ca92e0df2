#include "manifest.h"
#include "sha256.h"
#include "wire.h"

namespace precompile {
namespace {

Error malformed(std::string detail) {
  return Error::rejection(v1::ERROR_CODE_MALFORMED_MANIFEST, std::nullopt, std::move(detail));
}

// [PCB-WIRE-005] [PCB-WIRE-006]
std::optional<Error> field_fault(const v1::Manifest& manifest) {
  const std::string& previous = manifest.previous_manifest_digest();
  if (!previous.empty() && previous.size() != kDigestSize) {
    return malformed("previous_manifest_digest is not 32 bytes long.");
  }
  for (const auto& requirement : manifest.requirements()) {
    if (requirement.match() == v1::MATCH_UNSPECIFIED) {
      return malformed("The requirement on " + requirement.name() + " has no match.");
    }
  }
  for (const auto& block : manifest.blocks()) {
    if (block.compression() == v1::COMPRESSION_UNSPECIFIED) {
      return malformed("A block entry has no compression.");
    }
    if (block.digest().size() != kDigestSize) {
      return malformed("A block entry's digest is not 32 bytes long.");
    }
  }
  for (const auto& artifact : manifest.artifacts()) {
    if (artifact.kind() == v1::ARTIFACT_KIND_UNSPECIFIED) {
      return malformed("The artifact " + artifact.key() + " has no kind.");
    }
    if (artifact.content_digest().size() != kDigestSize) {
      return malformed("The content_digest of " + artifact.key() + " is not 32 bytes long.");
    }
    if (artifact.kind() == v1::ARTIFACT_KIND_CACHE || artifact.kind() == v1::ARTIFACT_KIND_BACKEND) {
      continue;
    }
    for (const auto& backend : artifact.backends()) {
      const size_t size = backend.content_digest().size();
      if (size != 0 && size != kDigestSize) {
        return malformed("A backend's digest in " + artifact.key() + " is not 32 bytes long.");
      }
    }
  }
  return std::nullopt;
}

}  // namespace

Result<v1::Manifest> decode_manifest(const std::string& payload, const Limits& limits,
                                     Tally& tally) {
  // [PCB-WIRE-001]
  Elements elements;
  if (!is_message(payload, *v1::Manifest::descriptor(), elements)) {
    return malformed("The payload is no serialized manifest.");
  }
  // [PCB-WIRE-008]
  if (payload.size() < 4 * elements.messages + 2 * elements.values) {
    return malformed("The payload's elements are too short to be valid.");
  }
  tally.items += elements.messages + elements.values;
  if (tally.items > limits.items && elements.features == 0) {  // features are asked first
    return Error::rejection(v1::ERROR_CODE_LIMIT_EXCEEDED, std::nullopt,
                            "The manifests hold more items than the limit.");
  }
  v1::Manifest manifest;
  if (!manifest.ParseFromString(payload)) return malformed("The payload is no serialized manifest.");
  // [PCB-EXT-001]
  if (manifest.required_features_size() > 0) {
    return Error::rejection(v1::ERROR_CODE_UNSUPPORTED_FEATURE, std::nullopt,
                            "The manifest requires " + manifest.required_features(0) + ".");
  }
  if (auto fault = field_fault(manifest)) return std::move(*fault);
  for (const auto& artifact : manifest.artifacts()) {
    if (artifact.content_size() > limits.total_content - tally.total_content) {
      return Error::rejection(v1::ERROR_CODE_LIMIT_EXCEEDED, std::nullopt,
                              "The contents are longer together than the limit.");
    }
    tally.total_content += artifact.content_size();
  }
  return manifest;
}

}  // namespace precompile
