#include "wire.h"

#include <optional>
#include <vector>

namespace precompile {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

enum WireType : uint32_t { kVarint, kFixed64, kBytes, kGroup, kGroupEnd, kFixed32 };

// [PCB-WIRE-007] As the generated code has it.
constexpr size_t kMostTagBytes = 5;
constexpr size_t kMostVarintBytes = 10;
// Beyond what every reader takes, below what the generated code's recursion takes. [PCB-LIM-009]
constexpr size_t kMostGroups = 64;

class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : rest_(bytes) {}

  bool at_end() const { return rest_.empty(); }

  std::optional<uint64_t> varint(size_t most) {
    uint64_t value = 0;
    for (size_t i = 0; i < rest_.size() && i < most; ++i) {
      const auto byte = static_cast<unsigned char>(rest_[i]);
      value |= static_cast<uint64_t>(byte & 0x7f) << 7 * i;
      if (byte & 0x80) continue;
      rest_.remove_prefix(i + 1);
      return value;
    }
    return std::nullopt;
  }

  std::optional<std::string_view> take(uint64_t size) {
    if (size > rest_.size()) return std::nullopt;
    const auto taken = rest_.substr(0, static_cast<size_t>(size));
    rest_.remove_prefix(static_cast<size_t>(size));
    return taken;
  }

 private:
  std::string_view rest_;
};

WireType wire_type(const FieldDescriptor& field) {
  switch (field.type()) {
    case FieldDescriptor::TYPE_STRING:
    case FieldDescriptor::TYPE_BYTES:
    case FieldDescriptor::TYPE_MESSAGE:
      return kBytes;
    case FieldDescriptor::TYPE_DOUBLE:
    case FieldDescriptor::TYPE_FIXED64:
      return kFixed64;
    default:
      return kVarint;
  }
}

void count(const FieldDescriptor& field, Elements& elements) {
  if (!field.is_repeated()) return;
  if (field.type() == FieldDescriptor::TYPE_MESSAGE) {
    ++elements.messages;
  } else if (field.name() == "required_features") {
    ++elements.features;
  } else {
    ++elements.values;
  }
}

}  // namespace

bool is_message(std::string_view bytes, const Descriptor& type, Elements& elements) {
  Cursor cursor(bytes);
  std::vector<uint32_t> groups;  // that are open; all are unknown fields
  while (!cursor.at_end()) {
    const auto tag = cursor.varint(kMostTagBytes);
    if (!tag || *tag > UINT32_MAX || *tag < 8) return false;
    const auto number = static_cast<uint32_t>(*tag >> 3);
    const auto wire = static_cast<uint32_t>(*tag & 7);
    std::optional<std::string_view> value;
    switch (wire) {
      case kVarint:
        if (!cursor.varint(kMostVarintBytes)) return false;
        break;
      case kFixed64:
        if (!cursor.take(8)) return false;
        break;
      case kFixed32:
        if (!cursor.take(4)) return false;
        break;
      case kGroup:
        groups.push_back(number);
        if (groups.size() > kMostGroups) return false;
        break;
      case kGroupEnd:
        if (groups.empty() || groups.back() != number) return false;
        groups.pop_back();
        break;
      case kBytes: {
        const auto length = cursor.varint(kMostTagBytes);
        if (!length || !(value = cursor.take(*length))) return false;
        break;
      }
      default:
        return false;
    }
    const FieldDescriptor* field = type.FindFieldByNumber(static_cast<int>(number));
    if (field == nullptr || !groups.empty() || wire != wire_type(*field)) continue;
    count(*field, elements);
    // [PCB-WIRE-002]
    if (field->type() == FieldDescriptor::TYPE_STRING && !is_utf8(*value)) return false;
    if (field->type() == FieldDescriptor::TYPE_MESSAGE &&
        !is_message(*value, *field->message_type(), elements)) {
      return false;
    }
  }
  return groups.empty();
}

bool is_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto byte = [&](size_t at) {
      return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u;
    };
    const unsigned first = byte(i);
    if (first < 0x80) {
      ++i;
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
