#include "describe.h"

#include <algorithm>
#include <set>

#include "names.h"
#include "segment_writer.h"
#include "sha256.h"
#include "try.h"
#include "wire.h"

namespace precompile {
namespace {

constexpr auto by_name = [](const auto& a, const auto& b) { return a.name() < b.name(); };

// [PCB-NAME-004]
Status check_id(const std::string& type, const std::string& key) {
  if (!is_name(type)) return Error::misuse("No type can be called " + type + ".");
  if (!is_utf8(key) || !is_key(key)) {
    return Error::misuse("A key of type " + type + " is not allowed.");
  }
  return Done{};
}

// Its values must be such that a reader of this version takes. [PCB-EXT-006]
Status check_attribute(const v1::Attribute& attribute) {
  if (!is_name(attribute.name())) return Error::misuse("An attribute's name is not allowed.");
  if (attribute.value_case() == v1::Attribute::VALUE_NOT_SET) {
    return Error::misuse("The attribute " + attribute.name() + " has no value.");
  }
  if (!is_utf8(attribute.string_value())) {
    return Error::misuse("The text of attribute " + attribute.name() + " is not UTF-8.");
  }
  return Done{};
}

}  // namespace

Result<Portable> plan_artifact(const NewArtifact& described) {
  TRY(check_id(described.type, described.key));
  // [PCB-REG-001]
  if (!is_registered_type(described.type)) {
    return Error::misuse("The type " + described.type + " has no prefix and is not registered.");
  }
  // [PCB-EXT-006]
  if (described.kind < v1::ARTIFACT_KIND_CACHE || described.kind > v1::ARTIFACT_KIND_ENTRY) {
    return Error::misuse("The kind of " + described.key + " is not defined.");
  }
  if (!described.backends.empty() && described.kind != v1::ARTIFACT_KIND_ENTRY) {
    return Error::misuse("Only an entry has backends.");  // [PCB-ART-003]
  }
  Portable artifact;
  artifact.kind = described.kind;
  for (const auto& backend : described.backends) {
    TRY(check_id(backend.type(), backend.key()));
    const size_t size = backend.content_digest().size();
    if (size != 0 && size != kDigestSize) {
      return Error::misuse("The digest of backend " + backend.key() + " is not 32 bytes long.");
    }
    artifact.backends.push_back(backend);
  }
  // [PCB-ART-004]
  std::vector<v1::Attribute> attributes = described.attributes;
  std::sort(attributes.begin(), attributes.end(), by_name);
  Ascending names;
  for (const auto& attribute : attributes) {
    TRY(check_attribute(attribute));
    if (!names.takes(attribute.name())) {
      return Error::misuse("An attribute of " + described.key + " is there twice.");
    }
    artifact.attributes.push_back(encode_attribute(attribute));
  }
  return artifact;
}

Status check_fits(std::string_view type, std::string_view key, const Portable& artifact,
                  const std::vector<v1::Requirement>& requirements, const v1::Producer& producer) {
  size_t missing = 0;  // of the backends' digests
  for (const auto& backend : artifact.backends) {
    if (backend.content_digest().empty()) missing += 2 + kDigestSize + 2;
  }
  const auto blocks = static_cast<size_t>(Packer::most_blocks(artifact.content_size));
  if (Draft::fixed_bytes(producer, requirements) + Draft::bytes_of(type, key, artifact) + missing +
          blocks * Draft::kBlockBytes <= kMostPayload) {
    return Done{};
  }
  return Error::misuse("No manifest can hold the artifact " + std::string(key) + ".");
}

// [PCB-REQ-001] [PCB-REQ-003]
Result<std::vector<v1::Requirement>> plan_requirements(std::vector<v1::Requirement> requirements) {
  for (auto& requirement : requirements) {
    if (!is_name(requirement.name())) return Error::misuse("A requirement's name is not allowed.");
    if (requirement.match() != v1::MATCH_EXACT && requirement.match() != v1::MATCH_SUPERSET) {
      return Error::misuse("The match of " + requirement.name() + " is not defined.");
    }
    const std::set<std::string> values(requirement.values().begin(), requirement.values().end());
    requirement.clear_values();
    for (const auto& value : values) {
      if (value.size() > kMaxValue || !is_utf8(value)) {
        return Error::misuse("A value of " + requirement.name() + " is too long or not UTF-8.");
      }
      requirement.add_values(value);
    }
    requirement.DiscardUnknownFields();
  }
  std::sort(requirements.begin(), requirements.end(), by_name);
  for (size_t i = 1; i < requirements.size(); ++i) {
    if (requirements[i - 1].name() == requirements[i].name()) {
      return Error::misuse("The fact " + requirements[i].name() + " is required twice.");
    }
  }
  return requirements;
}

Result<SegmentPlan> plan(const NewSegment& segment, const WriterOptions& options) {
  SegmentPlan planned;
  TRY_SET(planned.requirements, plan_requirements(segment.requirements));
  if (Draft::fixed_bytes(options.producer, planned.requirements) > kMostPayload) {
    return Error::misuse("No manifest can hold these requirements.");
  }
  std::set<std::pair<std::string_view, std::string_view>> names;
  for (const NewArtifact& described : segment.artifacts) {
    TRY_SET(Portable fields, plan_artifact(described));
    if (!names.emplace(described.type, described.key).second) {
      return Error::misuse("The artifact " + described.key + " is there twice.");
    }
    fields.content_digest = sha256(described.content.view);
    fields.content_size = described.content.view.size();
    TRY(check_fits(described.type, described.key, fields, planned.requirements, options.producer));
    planned.artifacts.push_back({described.type, described.key,
                                 std::make_shared<const Portable>(std::move(fields)),
                                 described.content, std::nullopt});
  }
  for (const auto& removed : segment.removed) {
    TRY(check_id(removed.type(), removed.key()));
    planned.removed.push_back(removed);
  }
  return planned;
}

}  // namespace precompile
