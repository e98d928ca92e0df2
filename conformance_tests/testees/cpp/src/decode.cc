#include <string>

#include "manifest.h"
#include "rows.h"
#include "wire.h"

namespace precompile {
namespace {

Error malformed(std::string detail) {
  return Error::rejection(v1::ERROR_CODE_MALFORMED_MANIFEST, std::nullopt, std::move(detail));
}

Error limit_exceeded(std::string detail) {
  return Error::rejection(v1::ERROR_CODE_LIMIT_EXCEEDED, std::nullopt, std::move(detail));
}

// The least bytes that what was counted takes in a valid manifest. [PCB-WIRE-008]
uint64_t least_bytes(const Elements& elements) {
  return 32 * (elements[Element::kKey] + elements[Element::kBlockEntry]) +
         4 * (elements[Element::kRequirement] + elements[Element::kRemoved] +
              elements[Element::kType] + elements[Element::kDetail] + elements[Element::kBackend] +
              elements[Element::kAttribute]) +
         2 * (elements[Element::kValue] + elements[Element::kFeature]);
}

uint64_t items(const Elements& elements) {
  uint64_t sum = 0;
  for (const Element each :
       {Element::kKey, Element::kType, Element::kDetail, Element::kBlockEntry, Element::kBackend,
        Element::kAttribute, Element::kRemoved, Element::kRequirement, Element::kValue}) {
    sum += elements[each];
  }
  return sum;
}

// The low 32 bits, as of every enum and uint32.
template <class Enum>
Enum enum_of(uint64_t value) {
  return static_cast<Enum>(static_cast<int32_t>(static_cast<uint32_t>(value)));
}

// Goes through a message whose wire rules were checked.
template <class Each>
void for_each_field(std::string_view message, const Each& each) {
  Fields fields(message);
  for (Field field; fields.next(field);) each(field);
}

template <class T>
void append_column(std::vector<T>& column, const Field& field) {
  if (field.wire == kVarint) column.push_back(static_cast<T>(field.value));
  if (field.wire != kBytes) return;
  for_each_packed(field.bytes, [&](uint64_t value) { column.push_back(static_cast<T>(value)); });
}

Requirement decode_requirement(std::string_view message, std::vector<std::string_view>& values) {
  Requirement requirement;
  requirement.values_begin = static_cast<uint32_t>(values.size());
  for_each_field(message, [&](const Field& field) {
    if (field.is(1, kBytes)) requirement.name = field.bytes;
    if (field.is(2, kVarint)) requirement.match = enum_of<v1::Match>(field.value);
    if (field.is(3, kBytes)) values.push_back(field.bytes);
  });
  requirement.values_end = static_cast<uint32_t>(values.size());
  return requirement;
}

BlockEntry decode_block(std::string_view message) {
  BlockEntry entry;
  for_each_field(message, [&](const Field& field) {
    if (field.is(1, kBytes)) entry.digest = field.bytes;
    if (field.is(2, kVarint)) entry.size = field.value;
    if (field.is(3, kVarint)) entry.compression = enum_of<v1::Compression>(field.value);
    if (field.is(4, kVarint)) entry.content_size = field.value;
  });
  return entry;
}

ArtifactTable::Type decode_type(std::string_view message) {
  ArtifactTable::Type type;
  for_each_field(message, [&](const Field& field) {
    if (field.is(1, kBytes)) type.name = field.bytes;
    if (field.is(2, kVarint)) type.kind = enum_of<v1::ArtifactKind>(field.value);
  });
  return type;
}

ArtifactTable::Detail decode_detail(std::string_view message) {
  ArtifactTable::Detail detail{0, message};
  for_each_field(message, [&](const Field& field) {
    if (field.is(1, kVarint)) detail.artifact = static_cast<uint32_t>(field.value);
  });
  return detail;
}

// [PCB-WIRE-004] A table that occurs several times is one: its columns go on in the next
// occurrence, and of content_digest, which is one field, the last one counts.
void merge_table(std::string_view message, ArtifactTable& table) {
  for_each_field(message, [&](const Field& field) {
    if (field.is(1, kBytes)) table.types.push_back(decode_type(field.bytes));
    if (field.number == 2) append_column(table.type, field);
    if (field.is(3, kBytes)) table.key.push_back(field.bytes);
    if (field.is(4, kBytes)) table.content_digest = field.bytes;
    if (field.number == 5) append_column(table.content_size, field);
    if (field.number == 6) append_column(table.block, field);
    if (field.number == 7) append_column(table.offset, field);
    if (field.is(8, kBytes)) table.details.push_back(decode_detail(field.bytes));
  });
}

// Memory is taken once, and only for columns of one length. [PCB-TABLE-001] [PCB-LIM-004]
bool reserve_columns(const Elements& elements, ArtifactTable& table) {
  const auto artifacts = static_cast<size_t>(elements[Element::kKey]);
  for (const Element column : {Element::kTypeColumn, Element::kContentSizeColumn,
                               Element::kBlockColumn, Element::kOffsetColumn}) {
    if (elements[column] != artifacts) return false;
  }
  table.types.reserve(static_cast<size_t>(elements[Element::kType]));
  table.type.reserve(artifacts);
  table.key.reserve(artifacts);
  table.content_size.reserve(artifacts);
  table.block.reserve(artifacts);
  table.offset.reserve(artifacts);
  table.details.reserve(static_cast<size_t>(elements[Element::kDetail]));
  return true;
}

void decode_fields(std::string_view payload, Manifest& manifest) {
  for_each_field(payload, [&](const Field& field) {
    if (field.wire != kBytes) return;
    switch (field.number) {
      case 2:
        manifest.previous_manifest_digest = field.bytes;
        break;
      case 3:
        for_each_field(field.bytes, [&](const Field& of) {
          if (of.is(1, kBytes)) manifest.producer_name = of.bytes;
          if (of.is(2, kBytes)) manifest.producer_version = of.bytes;
        });
        break;
      case 4:
        manifest.requirements.push_back(decode_requirement(field.bytes, manifest.values));
        break;
      case 5:
        manifest.blocks.push_back(decode_block(field.bytes));
        break;
      case 6:
        merge_table(field.bytes, manifest.artifacts);
        break;
      case 7: {
        const IdView id = decode_id(field.bytes);
        manifest.removed.push_back({id.type, id.key});
        break;
      }
      default:
        break;
    }
  });
}

std::string first_feature(std::string_view payload) {
  std::string feature;
  for_each_field(payload, [&](const Field& field) {
    if (field.is(1, kBytes) && feature.empty()) feature = field.bytes;
  });
  return feature;
}

}  // namespace

Result<Manifest> decode_manifest(std::string_view payload, const Limits& limits, Tally& tally) {
  // [PCB-WIRE-001]
  Elements elements;
  if (!is_message(payload, kManifestSchema, elements)) {
    return malformed("The payload is no serialized manifest.");
  }
  // [PCB-WIRE-008]
  if (payload.size() < least_bytes(elements)) {
    return malformed("The payload's elements are too short to be valid.");
  }
  // [PCB-EXT-001]
  if (elements[Element::kFeature] > 0) {
    return Error::rejection(v1::ERROR_CODE_UNSUPPORTED_FEATURE, std::nullopt,
                            "The manifest requires " + first_feature(payload) + ".");
  }
  tally.items += items(elements);
  if (tally.items > limits.items) {
    return limit_exceeded("The manifests hold more items than the limit.");
  }
  Manifest manifest;
  if (!reserve_columns(elements, manifest.artifacts)) {
    return malformed("The columns of the artifacts are of several lengths.");
  }
  manifest.requirements.reserve(static_cast<size_t>(elements[Element::kRequirement]));
  manifest.values.reserve(static_cast<size_t>(elements[Element::kValue]));
  manifest.blocks.reserve(static_cast<size_t>(elements[Element::kBlockEntry]));
  manifest.removed.reserve(static_cast<size_t>(elements[Element::kRemoved]));
  decode_fields(payload, manifest);
  if (auto fault = fields_fault(manifest)) return std::move(*fault);
  for (const uint64_t size : manifest.artifacts.content_size) {
    if (size > limits.total_content - tally.total_content) {
      return limit_exceeded("The contents are longer together than the limit.");
    }
    tally.total_content += size;
  }
  return manifest;
}

}  // namespace precompile
