#include "wire.h"

#include <cstring>

namespace precompile {
namespace {

// [PCB-WIRE-007]
constexpr size_t kMostTagBytes = 5;
constexpr size_t kMostVarintBytes = 10;
// Beyond what every reader takes. [PCB-LIM-009]
constexpr size_t kMostGroups = 64;

using Form = Schema::Form;
using Known = Schema::Known;

template <size_t kSize>
constexpr Schema schema_of(const Known (&fields)[kSize]) {
  return {fields, kSize};
}

constexpr Known kIdFields[] = {{1, Form::kText}, {2, Form::kText}};
constexpr Schema kId = schema_of(kIdFields);
constexpr Known kAttributeFields[] = {{1, Form::kText}, {3, Form::kText}};
constexpr Schema kAttribute = schema_of(kAttributeFields);
constexpr Known kNamedFields[] = {{1, Form::kText}};
constexpr Schema kType = schema_of(kNamedFields);
constexpr Known kDetailFields[] = {{2, Form::kMessage, Element::kBackend, &kId},
                                   {3, Form::kMessage, Element::kAttribute, &kAttribute}};
constexpr Schema kDetail = schema_of(kDetailFields);
constexpr Known kTableFields[] = {{1, Form::kMessage, Element::kType, &kType},
                                  {2, Form::kColumn, Element::kTypeColumn},
                                  {3, Form::kText, Element::kKey},
                                  {5, Form::kColumn, Element::kContentSizeColumn},
                                  {6, Form::kColumn, Element::kBlockColumn},
                                  {7, Form::kColumn, Element::kOffsetColumn},
                                  {8, Form::kMessage, Element::kDetail, &kDetail}};
constexpr Schema kTable = schema_of(kTableFields);
constexpr Known kRequirementFields[] = {{1, Form::kText}, {3, Form::kText, Element::kValue}};
constexpr Schema kRequirement = schema_of(kRequirementFields);
constexpr Known kProducerFields[] = {{1, Form::kText}, {2, Form::kText}};
constexpr Schema kProducer = schema_of(kProducerFields);
constexpr Schema kBlockEntry = {nullptr, 0};
constexpr Known kManifestFields[] = {{1, Form::kText, Element::kFeature},
                                     {3, Form::kMessage, Element::kNone, &kProducer},
                                     {4, Form::kMessage, Element::kRequirement, &kRequirement},
                                     {5, Form::kMessage, Element::kBlockEntry, &kBlockEntry},
                                     {6, Form::kMessage, Element::kNone, &kTable},
                                     {7, Form::kMessage, Element::kRemoved, &kId}};
constexpr Known kSignatureFields[] = {{2, Form::kText}};
constexpr Schema kSignature = schema_of(kSignatureFields);
constexpr Known kEnvelopeFields[] = {{2, Form::kText},
                                     {3, Form::kMessage, Element::kNone, &kSignature}};

// How many varints are packed in these bytes; false where they are none.
bool count_packed(std::string_view packed, uint64_t& count) {
  size_t bytes = 0;  // of the varint that is gone through
  for (const char c : packed) {
    if (++bytes > kMostVarintBytes) return false;
    if (static_cast<unsigned char>(c) & 0x80) continue;
    ++count;
    bytes = 0;
  }
  return bytes == 0;
}

bool is_field(const Field& field, const Known& known, Elements& elements) {
  uint64_t count = 1;
  switch (known.form) {
    case Form::kColumn:  // packed or not, a writer may mix both
      if (field.wire == kBytes) {
        count = 0;
        if (!count_packed(field.bytes, count)) return false;
      } else if (field.wire != kVarint) {
        return true;
      }
      break;
    case Form::kText:
      if (field.wire != kBytes) return true;
      if (!is_utf8(field.bytes)) return false;  // [PCB-WIRE-002]
      break;
    case Form::kMessage:
      if (field.wire != kBytes) return true;
      if (!is_message(field.bytes, *known.message, elements)) return false;
      break;
  }
  elements.add(known.counts_as, count);
  return true;
}

}  // namespace

const Schema kManifestSchema = schema_of(kManifestFields);
const Schema kEnvelopeSchema = schema_of(kEnvelopeFields);

bool Fields::varint(uint64_t& value, size_t most_bytes) {
  value = 0;
  for (size_t i = 0; i < rest_.size() && i < most_bytes; ++i) {
    const auto byte = static_cast<unsigned char>(rest_[i]);
    value |= static_cast<uint64_t>(byte & 0x7f) << 7 * i;
    if (byte & 0x80) continue;
    rest_.remove_prefix(i + 1);
    return true;
  }
  return false;
}

bool Fields::take(uint64_t size, std::string_view& taken) {
  if (size > rest_.size()) return false;
  taken = rest_.substr(0, static_cast<size_t>(size));
  rest_.remove_prefix(static_cast<size_t>(size));
  return true;
}

// One field, of a group its beginning or end alone.
bool Fields::read(Field& field) {
  uint64_t tag = 0;
  if (!varint(tag, kMostTagBytes) || tag > UINT32_MAX || tag < 8) return false;
  field.number = static_cast<uint32_t>(tag >> 3);
  field.wire = static_cast<uint32_t>(tag & 7);
  field.value = 0;
  field.bytes = {};
  std::string_view fixed;
  switch (field.wire) {
    case kVarint:
      return varint(field.value, kMostVarintBytes);
    case kFixed64:
      return take(8, fixed);
    case kFixed32:
      return take(4, fixed);
    case kGroup:
    case kGroupEnd:
      return true;
    case kBytes: {
      uint64_t size = 0;
      return varint(size, kMostTagBytes) && take(size, field.bytes);
    }
    default:
      return false;
  }
}

bool Fields::skip_group(uint32_t number) {
  std::vector<uint32_t> open{number};
  for (Field inner; !open.empty();) {
    if (!read(inner)) return false;
    if (inner.wire == kGroup) {
      open.push_back(inner.number);
      if (open.size() > kMostGroups) return false;
    } else if (inner.wire == kGroupEnd) {
      if (open.back() != inner.number) return false;
      open.pop_back();
    }
  }
  return true;
}

bool Fields::next(Field& field) {
  if (malformed_ || rest_.empty()) return false;
  const std::string_view from = rest_;
  malformed_ = !read(field) || field.wire == kGroupEnd ||
               (field.wire == kGroup && !skip_group(field.number));
  if (malformed_) return false;
  field.raw = from.substr(0, from.size() - rest_.size());
  return true;
}

bool is_message(std::string_view bytes, const Schema& schema, Elements& elements) {
  Fields fields(bytes);
  for (Field field; fields.next(field);) {
    for (size_t i = 0; i < schema.size; ++i) {
      if (schema.fields[i].number != field.number) continue;
      if (!is_field(field, schema.fields[i], elements)) return false;
      break;
    }
  }
  return !fields.malformed();
}

bool is_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto byte = [&](size_t at) {
      return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u;
    };
    const unsigned first = byte(i);
    if (first < 0x80) {
      ++i;
      // Names are ASCII nearly always: eight bytes at a time.
      for (uint64_t eight = 0; i + sizeof eight <= text.size(); i += sizeof eight) {
        std::memcpy(&eight, text.data() + i, sizeof eight);
        if (eight & 0x8080808080808080u) break;
      }
      continue;
    }
    if (first < 0xc2 || first > 0xf4) return false;
    const size_t size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    for (size_t k = 1; k < size; ++k) {
      if ((byte(i + k) & 0xc0) != 0x80) return false;
    }
    const unsigned second = byte(i + 1);
    if (first == 0xe0 && second < 0xa0) return false;   // overlong
    if (first == 0xed && second >= 0xa0) return false;  // a surrogate
    if (first == 0xf0 && second < 0x90) return false;   // overlong
    if (first == 0xf4 && second >= 0x90) return false;  // past U+10FFFF
    i += size;
  }
  return true;
}

}  // namespace precompile
