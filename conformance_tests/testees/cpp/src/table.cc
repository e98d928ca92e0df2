#include <algorithm>

#include "precompile/manifest.h"
#include "rows.h"

namespace precompile {

// [PCB-WIRE-004] The last value counts.
IdView decode_id(std::string_view message) {
  IdView id;
  Fields fields(message);
  for (Field field; fields.next(field);) {
    if (field.is(1, kBytes)) id.type = field.bytes;
    if (field.is(2, kBytes)) id.key = field.bytes;
    if (field.is(3, kBytes)) id.content_digest = field.bytes;
  }
  return id;
}

AttributeView decode_attribute(std::string_view message) {
  AttributeView attribute;
  Fields fields(message);
  for (Field field; fields.next(field);) {
    if (field.is(1, kBytes)) attribute.name = field.bytes;
    attribute.has_value = attribute.has_value || field.is(2, kBytes) || field.is(3, kBytes) ||
                          field.is(4, kVarint) || field.is(5, kFixed64) || field.is(6, kVarint);
  }
  return attribute;
}

std::string_view ArtifactTable::detail(size_t i) const {
  const auto found =
      std::lower_bound(details.begin(), details.end(), i,
                       [](const Detail& detail, size_t index) { return detail.artifact < index; });
  return found == details.end() || found->artifact != i ? std::string_view() : found->fields;
}

std::vector<v1::ArtifactId> ArtifactTable::backends(size_t i) const {
  std::vector<v1::ArtifactId> backends;
  if (!has_backends(kind(i))) return backends;
  for_each_message(detail(i), kDetailBackends, [&](std::string_view message) {
    const IdView id = decode_id(message);
    auto& backend = backends.emplace_back();
    backend.set_type(std::string(id.type));
    backend.set_key(std::string(id.key));
    backend.set_content_digest(std::string(id.content_digest));
  });
  return backends;
}

std::vector<v1::Attribute> ArtifactTable::attributes(size_t i) const {
  std::vector<v1::Attribute> attributes;
  for_each_message(detail(i), kDetailAttributes, [&](std::string_view message) {
    auto& attribute = attributes.emplace_back();
    // The wire rules were checked: generated code takes what they let pass.
    attribute.ParseFromArray(message.data(), static_cast<int>(message.size()));
    if (attribute.value_case() != v1::Attribute::VALUE_NOT_SET) attribute.DiscardUnknownFields();
  });
  return attributes;
}

}  // namespace precompile
