#include "describe.h"

#include <algorithm>
#include <set>

#include "frame.h"
#include "names.h"
#include "ordered.h"
#include "pack.h"
#include "sha256.h"
#include "try.h"
#include "wire.h"

namespace precompile {
namespace {

constexpr auto by_name = [](const auto& a, const auto& b) { return a.name() < b.name(); };

// [PCB-NAME-004]
template <class Named>
Status check_id(const Named& named) {
  if (!is_name(named.type())) return Error::misuse("No type can be called " + named.type() + ".");
  if (!is_utf8(named.key()) || !is_key(named.key())) {
    return Error::misuse("A key of type " + named.type() + " is not allowed.");
  }
  return Done{};
}

// Its values must be such that a reader of this version takes. [PCB-EXT-006]
Status check_attribute(const v1::Attribute& attribute) {
  if (!is_name(attribute.name())) return Error::misuse("An attribute's name is not allowed.");
  if (!is_utf8(attribute.string_value())) {
    return Error::misuse("The text of attribute " + attribute.name() + " is not UTF-8.");
  }
  return Done{};
}

// An upper bound of what an artifact adds to a manifest.
size_t manifest_bytes(const v1::Artifact& artifact) {
  constexpr size_t kFraming = 64;
  constexpr size_t kBlockAndExtent = 96;
  const size_t blocks = static_cast<size_t>(artifact.content_size() / kMaxBlockContent) + 1;
  return artifact.ByteSizeLong() + kFraming + blocks * kBlockAndExtent;
}

}  // namespace

Status plan_artifact(v1::Artifact& artifact) {
  TRY(check_id(artifact));
  // [PCB-REG-001]
  if (!is_registered_type(artifact.type())) {
    return Error::misuse("The type " + artifact.type() + " has no prefix and is not registered.");
  }
  if (!artifact.backends().empty() && (artifact.kind() == v1::ARTIFACT_KIND_CACHE ||
                                       artifact.kind() == v1::ARTIFACT_KIND_BACKEND)) {
    return Error::misuse("Only an entry has backends.");  // [PCB-ART-003]
  }
  for (const auto& backend : artifact.backends()) {
    TRY(check_id(backend));
    const size_t size = backend.content_digest().size();
    if (size != 0 && size != kDigestSize) {
      return Error::misuse("The digest of backend " + backend.key() + " is not 32 bytes long.");
    }
  }
  for (const auto& attribute : artifact.attributes()) TRY(check_attribute(attribute));
  // [PCB-ART-004]
  auto& attributes = *artifact.mutable_attributes();
  std::sort(attributes.begin(), attributes.end(), by_name);
  if (!sorted_and_distinct(attributes, [](const auto& a) -> const std::string& { return a.name(); })) {
    return Error::misuse("An attribute of " + artifact.key() + " is there twice.");
  }
  return Done{};
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

Result<SegmentPlan> plan(const NewSegment& segment) {
  SegmentPlan planned;
  TRY_SET(planned.requirements, plan_requirements(segment.requirements));
  std::set<Name> names;
  for (const auto& described : segment.artifacts) {
    NewArtifact artifact = described;
    v1::Artifact& fields = artifact.artifact;
    if (fields.kind() < v1::ARTIFACT_KIND_CACHE || fields.kind() > v1::ARTIFACT_KIND_ENTRY) {
      return Error::misuse("The kind of " + fields.key() + " is not defined.");
    }
    for (const auto& attribute : fields.attributes()) {
      if (attribute.value_case() == v1::Attribute::VALUE_NOT_SET) {
        return Error::misuse("The attribute " + attribute.name() + " has no value.");
      }
    }
    fields.DiscardUnknownFields();
    fields.clear_extents();
    TRY(plan_artifact(fields));
    if (!names.insert(Name::of(fields)).second) {
      return Error::misuse("The artifact " + fields.key() + " is there twice.");
    }
    fields.set_content_digest(sha256(artifact.content.view));
    fields.set_content_size(artifact.content.view.size());
    planned.artifacts.push_back(std::move(artifact));
  }
  for (const auto& removed : segment.removed) {
    TRY(check_id(removed));
    v1::ArtifactId id;  // [PCB-CURR-005]
    id.set_type(removed.type());
    id.set_key(removed.key());
    planned.removed.push_back(std::move(id));
  }
  return planned;
}

std::vector<SegmentPlan> split(SegmentPlan whole) {
  constexpr size_t kMost = 15u << 20;  // leaves room for the envelope and what is rounded
  size_t own = 0;
  for (const auto& requirement : whole.requirements) own += requirement.ByteSizeLong() + 8;
  std::vector<SegmentPlan> parts;
  size_t size = kMost;
  const auto room = [&](size_t more) -> SegmentPlan& {
    if (size + more > kMost) {
      parts.push_back({whole.requirements, {}, {}});
      size = own;
    }
    size += more;
    return parts.back();
  };
  for (auto& removed : whole.removed) {
    const size_t more = removed.ByteSizeLong() + 8;
    room(more).removed.push_back(std::move(removed));
  }
  for (auto& artifact : whole.artifacts) {
    const size_t more = manifest_bytes(artifact.artifact);
    room(more).artifacts.push_back(std::move(artifact));
  }
  return parts;
}

}  // namespace precompile
