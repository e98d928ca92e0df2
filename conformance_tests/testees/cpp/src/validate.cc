#include <algorithm>

#include "frame.h"
#include "manifest.h"
#include "names.h"
#include "try.h"

namespace precompile {
namespace {

Error invalid(std::string detail) {
  return Error::rejection(v1::ERROR_CODE_INVALID_NAME, std::nullopt, std::move(detail));
}

Error bad_reference(std::string detail) {
  return Error::rejection(v1::ERROR_CODE_BAD_REFERENCE, std::nullopt, std::move(detail));
}

constexpr auto kName = [](const auto& named) -> const std::string& { return named.name(); };
constexpr auto kSelf = [](const std::string& value) -> const std::string& { return value; };

// [PCB-REQ-002] [PCB-REQ-004]
Status check_requirements(const v1::Manifest& manifest) {
  for (const auto& requirement : manifest.requirements()) {
    if (!is_name(requirement.name())) return invalid("A requirement's name is not allowed.");
    if (!sorted_and_distinct(requirement.values(), kSelf)) {
      return invalid("The values of " + requirement.name() + " are not sorted and distinct.");
    }
    for (const auto& value : requirement.values()) {
      if (value.size() > kMaxValue) return invalid("A value of " + requirement.name() + " is too long.");
    }
  }
  if (!sorted_and_distinct(manifest.requirements(), kName)) {
    return invalid("The requirements are not sorted and distinct.");
  }
  return Done{};
}

// [PCB-NAME-001] [PCB-NAME-002]
template <class Named>
Status check_id(const Named& named) {
  if (!is_name(named.type())) return invalid("A type's name is not allowed.");
  if (!is_key(named.key())) return invalid("A key of type " + named.type() + " is not allowed.");
  return Done{};
}

// [PCB-NAME-006]
Status check_names(const v1::Manifest& manifest) {
  TRY(check_requirements(manifest));
  for (const auto& artifact : manifest.artifacts()) {
    TRY(check_id(artifact));
    for (const auto& attribute : artifact.attributes()) {
      if (!is_name(attribute.name())) return invalid("An attribute's name is not allowed.");
    }
    // [PCB-ART-005]
    if (!sorted_and_distinct(artifact.attributes(), kName)) {
      return invalid("The attributes of " + artifact.key() + " are not sorted and distinct.");
    }
    // [PCB-ART-002]
    if (artifact.kind() == v1::ARTIFACT_KIND_CACHE || artifact.kind() == v1::ARTIFACT_KIND_BACKEND) {
      continue;
    }
    for (const auto& backend : artifact.backends()) TRY(check_id(backend));
  }
  for (const auto& removed : manifest.removed()) TRY(check_id(removed));
  return Done{};
}

// [PCB-NAME-003] Sorted, not hashed: nobody can choose names that make it slow.
Status check_duplicates(const v1::Manifest& manifest) {
  std::vector<std::pair<std::string_view, std::string_view>> names;
  for (const auto& artifact : manifest.artifacts()) {
    names.emplace_back(artifact.type(), artifact.key());
  }
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice == names.end()) return Done{};
  return Error::rejection(
      v1::ERROR_CODE_DUPLICATE_ARTIFACT, std::nullopt,
      "The manifest holds two artifacts " + std::string(twice->first) + " " +
          std::string(twice->second) + ".");
}

Status place_blocks(Segment& segment, const ChainBlocks& chain) {
  uint64_t at = segment.offset + kHeader.size();
  segment.blocks.reserve(static_cast<size_t>(segment.manifest.blocks_size()));
  for (const auto& entry : segment.manifest.blocks()) {
    // [PCB-BLOCK-005]
    if (entry.content_size() == 0) return bad_reference("A block entry's content is empty.");
    if (entry.size() == 0) {
      // [PCB-BLOCK-006]
      const Segment::Block* const block = chain.find(entry);
      if (block == nullptr) return bad_reference("An external block is in no earlier segment.");
      segment.blocks.push_back(*block);
      continue;
    }
    // [PCB-BLOCK-003]
    if (!block_shape(entry.size())) return bad_reference("No block record has the entry's size.");
    if (entry.size() > segment.manifest_offset - at) {
      return bad_reference("The own blocks are longer than the segment's room for them.");
    }
    segment.blocks.push_back({at, entry.size()});
    at += entry.size();
  }
  // [PCB-BLOCK-004]
  if (at != segment.manifest_offset) {
    return bad_reference("The own blocks do not add up to the manifest's offset.");
  }
  return Done{};
}

// [PCB-EXTENT-001] [PCB-EXTENT-002] [PCB-EXTENT-003] [PCB-EXTENT-004]
Status check_extents(const v1::Manifest& manifest) {
  for (const auto& artifact : manifest.artifacts()) {
    uint64_t left = artifact.content_size();
    for (const auto& extent : artifact.extents()) {
      if (extent.block() >= static_cast<uint32_t>(manifest.blocks_size())) {
        return bad_reference("An extent of " + artifact.key() + " names no block.");
      }
      const uint64_t size = manifest.blocks(static_cast<int>(extent.block())).content_size();
      if (extent.size() == 0 || extent.size() > size || extent.offset() > size - extent.size()) {
        return bad_reference("An extent of " + artifact.key() + " is empty or leaves its block.");
      }
      if (artifact.extents_size() > 1 && extent.size() != size) {
        return bad_reference("One of several extents of " + artifact.key() +
                             " is not a whole block.");
      }
      if (extent.size() > left) {
        return bad_reference("The extents of " + artifact.key() + " are longer than its content.");
      }
      left -= extent.size();
    }
    if (left != 0) return bad_reference("The extents of " + artifact.key() + " are too short.");
  }
  return Done{};
}

}  // namespace

void ChainBlocks::add(const v1::BlockEntry& entry, const Segment::Block& block) {
  blocks_.insert_or_assign(identity(entry), block);
}

const Segment::Block* ChainBlocks::find(const v1::BlockEntry& entry) const {
  const auto found = blocks_.find(identity(entry));
  return found == blocks_.end() ? nullptr : &found->second;
}

Status validate(Segment& segment, const std::string& previous, ChainBlocks& chain) {
  if (segment.begins_chain()) chain.clear();  // [PCB-CHAIN-003]
  TRY(check_names(segment.manifest));
  TRY(check_duplicates(segment.manifest));
  // [PCB-CHAIN-002]
  if (!segment.begins_chain() && segment.manifest.previous_manifest_digest() != previous) {
    return Error::rejection(v1::ERROR_CODE_BROKEN_CHAIN, std::nullopt,
                            "The segment names another predecessor than it has.");
  }
  TRY(place_blocks(segment, chain));
  TRY(check_extents(segment.manifest));
  for (int i = 0; i < segment.manifest.blocks_size(); ++i) {
    const auto& entry = segment.manifest.blocks(i);
    if (entry.size() > 0) chain.add(entry, segment.blocks[static_cast<size_t>(i)]);
  }
  return Done{};
}

}  // namespace precompile
