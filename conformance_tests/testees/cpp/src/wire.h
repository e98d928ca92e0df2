// The wire rules of protobuf, exactly as the norm has them. Generated code would let some of them
// pass (the high bits of a tag), and would build messages before anyone has counted them.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace precompile {

enum Wire : uint32_t { kVarint, kFixed64, kBytes, kGroup, kGroupEnd, kFixed32 };

struct Field {
  uint32_t number = 0;
  uint32_t wire = 0;
  uint64_t value = 0;      // of a varint
  std::string_view bytes;  // of what has a length
  std::string_view raw;    // the whole field, its tag and, of a group, all that it holds included

  bool is(uint32_t wanted, Wire type) const { return number == wanted && wire == type; }
};

// Goes through the fields of one message; a group is one field.
class Fields {
 public:
  explicit Fields(std::string_view message) : rest_(message) {}

  // Whether there was another field. False at the end, and where no field can be told.
  bool next(Field& field);
  bool malformed() const { return malformed_; }

 private:
  bool read(Field& field);
  bool skip_group(uint32_t number);
  bool varint(uint64_t& value, size_t most_bytes);
  bool take(uint64_t size, std::string_view& taken);

  std::string_view rest_;
  bool malformed_ = false;
};

// Calls `each` with every varint of a packed field that is known to be well-formed.
template <class Each>
void for_each_packed(std::string_view packed, const Each& each) {
  uint64_t value = 0;
  unsigned shift = 0;
  for (const char c : packed) {
    const auto byte = static_cast<unsigned char>(c);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    shift += 7;
    if (byte & 0x80) continue;
    each(value);
    value = 0;
    shift = 0;
  }
}

// What is counted before memory is taken for it.
enum class Element : uint8_t {
  kNone,
  kFeature,
  kRequirement,
  kValue,
  kBlockEntry,
  kType,
  kKey,
  kDetail,
  kBackend,
  kAttribute,
  kRemoved,
  kTypeColumn,
  kContentSizeColumn,
  kBlockColumn,
  kOffsetColumn,
  kEnd,
};

class Elements {
 public:
  uint64_t operator[](Element element) const { return counts_[static_cast<size_t>(element)]; }
  void add(Element element, uint64_t count) { counts_[static_cast<size_t>(element)] += count; }

 private:
  std::array<uint64_t, static_cast<size_t>(Element::kEnd)> counts_{};
};

// What of a message's fields is looked into; all others only have to be well-formed.
struct Schema {
  enum class Form : uint8_t { kText, kMessage, kColumn };
  struct Known {
    uint32_t number;
    Form form;
    Element counts_as = Element::kNone;
    const Schema* message = nullptr;
  };
  const Known* fields;
  size_t size;
};
extern const Schema kManifestSchema;
extern const Schema kEnvelopeSchema;

// Whether bytes are a serialized message of this schema. Adds its elements to those counted.
bool is_message(std::string_view bytes, const Schema& schema, Elements& elements);

bool is_utf8(std::string_view text);

}  // namespace precompile
