// What a manifest must be beyond a serialized message: the rest of stage DECODE.
#include <string>

#include "manifest.h"
#include "positions.h"
#include "rows.h"
#include "sha256.h"

namespace precompile {
namespace {

Error malformed_value(std::string detail) {
  return Error::rejection(v1::ERROR_CODE_MALFORMED_MANIFEST, std::nullopt, std::move(detail));
}

// [PCB-WIRE-005] [PCB-WIRE-006]
std::optional<Error> row_fault(const Manifest& manifest) {
  const size_t previous = manifest.previous_manifest_digest.size();
  if (previous != 0 && previous != kDigestSize) {
    return malformed_value("previous_manifest_digest is not 32 bytes long.");
  }
  for (const Requirement& requirement : manifest.requirements) {
    if (requirement.match == v1::MATCH_UNSPECIFIED) {
      return malformed_value("The requirement on " + std::string(requirement.name) + " has no match.");
    }
  }
  for (const BlockEntry& entry : manifest.blocks) {
    if (entry.compression == v1::COMPRESSION_UNSPECIFIED) {
      return malformed_value("A block entry has no compression.");
    }
    if (entry.digest.size() != kDigestSize) {
      return malformed_value("A block entry's digest is not 32 bytes long.");
    }
  }
  return std::nullopt;
}

// [PCB-TABLE-003]
bool has_type_twice(const std::vector<ArtifactTable::Type>& types) {
  Positions seen;
  seen.reserve(types.size());
  for (size_t i = 0; i < types.size(); ++i) {
    const auto same = [&](uint32_t at) {
      return types[at].kind == types[i].kind && types[at].name == types[i].name;
    };
    const uint64_t hash = keyed_hash(types[i].name) + static_cast<uint32_t>(types[i].kind);
    if (!seen.insert(hash, static_cast<uint32_t>(i), same).second) return true;
  }
  return false;
}

// [PCB-TABLE-001], as far as it is not told from the columns' lengths, to [PCB-TABLE-004]
std::optional<Error> table_fault(const ArtifactTable& table) {
  if (table.content_digest.size() != kDigestSize * table.size()) {
    return malformed_value("content_digest does not have 32 bytes for each artifact.");
  }
  for (const auto& type : table.types) {
    if (type.kind == v1::ARTIFACT_KIND_UNSPECIFIED) {
      return malformed_value("The type " + std::string(type.name) + " has no kind.");
    }
  }
  if (has_type_twice(table.types)) return malformed_value("A type stands twice with one kind.");
  // [PCB-TABLE-002]
  for (const uint32_t type : table.type) {
    if (type >= table.types.size()) return malformed_value("An artifact's type is none of the table's.");
  }
  // [PCB-TABLE-004]
  for (size_t i = 0; i < table.details.size(); ++i) {
    const auto& detail = table.details[i];
    if (detail.artifact >= table.size() ||
        (i > 0 && detail.artifact <= table.details[i - 1].artifact)) {
      return malformed_value("The details are not of the table's artifacts, in order.");
    }
    if (!has_backends(table.kind(detail.artifact))) continue;
    bool fits = true;
    for_each_message(detail.fields, kDetailBackends, [&](std::string_view message) {
      const size_t size = decode_id(message).content_digest.size();
      fits = fits && (size == 0 || size == kDigestSize);
    });
    if (!fits) return malformed_value("A backend's digest is not 32 bytes long.");
  }
  return std::nullopt;
}

}  // namespace

std::optional<Error> fields_fault(const Manifest& manifest) {
  if (auto fault = row_fault(manifest)) return fault;
  return table_fault(manifest.artifacts);
}

}  // namespace precompile
