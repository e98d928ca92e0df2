#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "frame.h"
#include "manifest.h"
#include "names.h"
#include "positions.h"
#include "rows.h"
#include "try.h"

namespace precompile {
namespace {

Error invalid(std::string detail) {
  return Error::rejection(v1::ERROR_CODE_INVALID_NAME, std::nullopt, std::move(detail));
}

Error bad_reference(std::string detail) {
  return Error::rejection(v1::ERROR_CODE_BAD_REFERENCE, std::nullopt, std::move(detail));
}

// [PCB-REQ-002] [PCB-REQ-004]
Status check_requirements(const Manifest& manifest) {
  Ascending names;
  for (const Requirement& requirement : manifest.requirements) {
    if (!is_name(requirement.name)) return invalid("A requirement's name is not allowed.");
    const std::string name(requirement.name);
    if (!names.takes(requirement.name)) {
      return invalid("The requirement on " + name + " stands behind a greater or equal one.");
    }
    Ascending values;
    for (const std::string_view value : manifest.values_of(requirement)) {
      if (!values.takes(value)) {
        return invalid("The values of " + name + " are not sorted and distinct.");
      }
      if (value.size() > kMaxValue) return invalid("A value of " + name + " is too long.");
    }
  }
  return Done{};
}

// [PCB-NAME-001] [PCB-NAME-002]
Status check_id(const NameView& name) {
  if (!is_name(name.type)) return invalid("A type's name is not allowed.");
  if (!is_key(name.key)) return invalid("A key of " + std::string(name.type) + " is not allowed.");
  return Done{};
}

Status check_detail(const ArtifactTable& table, const ArtifactTable::Detail& detail) {
  const std::string_view key = table.key[detail.artifact];
  Status status = Done{};
  Ascending names;
  for_each_message(detail.fields, kDetailAttributes, [&](std::string_view message) {
    const std::string_view name = decode_attribute(message).name;
    if (!status.ok()) return;
    if (!is_name(name)) status = invalid("An attribute's name is not allowed.");
    // [PCB-ART-005]
    if (!names.takes(name)) {
      status = invalid("The attributes of " + std::string(key) + " are not sorted and distinct.");
    }
  });
  if (!has_backends(table.kind(detail.artifact))) return status;
  for_each_message(detail.fields, kDetailBackends, [&](std::string_view message) {
    if (!status.ok()) return;
    const IdView id = decode_id(message);
    status = check_id({id.type, id.key});
  });
  return status;
}

// [PCB-NAME-006]
Status check_names(const Manifest& manifest) {
  TRY(check_requirements(manifest));
  const ArtifactTable& table = manifest.artifacts;
  for (const auto& type : table.types) {
    if (!is_name(type.name)) return invalid("A type's name is not allowed.");
  }
  for (size_t i = 0; i < table.size(); ++i) {
    if (!is_key(table.key[i])) {
      return invalid("A key of " + std::string(table.name(i).type) + " is not allowed.");
    }
  }
  for (const auto& detail : table.details) TRY(check_detail(table, detail));
  for (const NameView& removed : manifest.removed) TRY(check_id(removed));
  return Done{};
}

// [PCB-NAME-003] Of one name whatever the kinds are, so the types' names count, not their indexes.
Status check_duplicates(const ArtifactTable& table) {
  std::vector<uint64_t> type_hashes;
  for (const auto& type : table.types) type_hashes.push_back(keyed_hash(type.name));
  Positions seen;
  seen.reserve(table.size());
  for (size_t i = 0; i < table.size(); ++i) {
    const NameView name = table.name(i);
    const auto same = [&](uint32_t at) { return table.name(at) == name; };
    const uint64_t hash = name_hash(type_hashes[table.type[i]], name.key);
    if (seen.insert(hash, static_cast<uint32_t>(i), same).second) continue;
    return Error::rejection(v1::ERROR_CODE_DUPLICATE_ARTIFACT, std::nullopt,
                            "The manifest holds two artifacts " + std::string(name.type) + " " +
                                std::string(name.key) + ".");
  }
  return Done{};
}

Status place_blocks(Segment& segment, const ChainBlocks& chain) {
  const auto& entries = segment.manifest.blocks;
  uint64_t at = segment.offset + kHeader.size();
  segment.blocks.reserve(entries.size());
  segment.content_starts.reserve(entries.size() + 1);
  segment.content_starts.push_back(0);
  for (const BlockEntry& entry : entries) {
    // [PCB-BLOCK-005]
    if (entry.content_size == 0 || entry.content_size > kMaxBlock) {
      return bad_reference("A block entry's content is empty or longer than 64 MiB.");
    }
    segment.content_starts.push_back(segment.content_starts.back() + entry.content_size);
    if (entry.size == 0) {
      // [PCB-BLOCK-006]
      const Segment::Block* const block = chain.find(entry);
      if (block == nullptr) return bad_reference("An external block is in no earlier segment.");
      segment.blocks.push_back(*block);
      continue;
    }
    // [PCB-BLOCK-003]
    if (!block_shape(entry.size)) return bad_reference("No block record has the entry's size.");
    if (entry.size > segment.manifest_offset - at) {
      return bad_reference("The own blocks are longer than the segment's room for them.");
    }
    segment.blocks.push_back({at, entry.size});
    at += entry.size;
  }
  // [PCB-BLOCK-004]
  if (at != segment.manifest_offset) {
    return bad_reference("The own blocks do not add up to the manifest's offset.");
  }
  return Done{};
}

using Run = std::pair<uint32_t, uint32_t>;  // its first and its last entry

// The run of `size` bytes that begins with an entry; nothing where they end within one. `starts`
// are sums, so that no run is walked: many artifacts may lie in one long run.
std::optional<Run> run_of(const std::vector<uint64_t>& starts, uint32_t block, uint64_t size) {
  if (size > starts.back() - starts[block]) return std::nullopt;
  const uint64_t end = starts[block] + size;
  const auto found = std::lower_bound(starts.begin() + block, starts.end(), end);
  if (*found != end) return std::nullopt;
  return Run(block, static_cast<uint32_t>(found - starts.begin() - 1));
}

// [PCB-PLACE-005] Each block is read for one run at most.
bool have_an_entry_in_common(std::vector<Run> runs) {
  std::sort(runs.begin(), runs.end());
  runs.erase(std::unique(runs.begin(), runs.end()), runs.end());
  const auto overlap = [](const Run& a, const Run& b) { return b.first <= a.second; };
  return std::adjacent_find(runs.begin(), runs.end(), overlap) != runs.end();
}

Status check_places(const Segment& segment) {
  const ArtifactTable& table = segment.manifest.artifacts;
  const auto& entries = segment.manifest.blocks;
  std::vector<Run> runs;
  for (size_t i = 0; i < table.size(); ++i) {
    const uint64_t size = table.content_size[i], offset = table.offset[i];
    const uint32_t block = table.block[i];
    if (size == 0) {
      // [PCB-PLACE-001]
      if (block == 0 && offset == 0) continue;
      return bad_reference("The empty content of " + std::string(table.key[i]) + " has a place.");
    }
    // [PCB-PLACE-002]
    if (block >= entries.size() || offset >= entries[block].content_size) {
      return bad_reference("The content of " + std::string(table.key[i]) + " begins nowhere.");
    }
    if (size <= entries[block].content_size - offset) continue;
    // [PCB-PLACE-003]
    const auto run = offset == 0 ? run_of(segment.content_starts, block, size) : std::nullopt;
    if (!run) {
      return bad_reference("The content of " + std::string(table.key[i]) +
                           " leaves its block and is no run of whole blocks.");
    }
    runs.push_back(*run);
  }
  if (have_an_entry_in_common(std::move(runs))) {
    return bad_reference("Two runs of blocks overlap.");
  }
  return Done{};
}

}  // namespace

Status validate(Segment& segment, std::string_view previous, ChainBlocks& chain) {
  if (segment.begins_chain()) chain.clear();  // [PCB-CHAIN-003]
  TRY(check_names(segment.manifest));
  TRY(check_duplicates(segment.manifest.artifacts));
  // [PCB-CHAIN-002]
  if (!segment.begins_chain() && segment.manifest.previous_manifest_digest != previous) {
    return Error::rejection(v1::ERROR_CODE_BROKEN_CHAIN, std::nullopt,
                            "The segment names another predecessor than it has.");
  }
  TRY(place_blocks(segment, chain));
  TRY(check_places(segment));
  chain.add(segment);
  return Done{};
}

}  // namespace precompile
