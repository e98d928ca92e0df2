// Serialized protobuf messages, as a writer of the norm writes them. [PCB-DET-003]
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "frame.h"
#include "wire.h"

namespace precompile {

// Fields one behind another; whoever calls brings them in ascending order of their numbers.
class Encoder {
 public:
  // Nothing where it is 0.
  Encoder& number(uint32_t field, uint64_t value) {
    if (value == 0) return *this;
    bytes_ += varint(field << 3 | kVarint);
    bytes_ += varint(value);
    return *this;
  }
  // Nothing where it is empty.
  Encoder& text(uint32_t field, std::string_view value) {
    return value.empty() ? *this : element(field, value);
  }
  // An element of a repeated field, or a message that is set: there also where it is empty.
  Encoder& element(uint32_t field, std::string_view value) {
    bytes_ += varint(field << 3 | kBytes);
    bytes_ += varint(value.size());
    bytes_ += value;
    return *this;
  }
  // A packed column; nothing where it has no element.
  template <class T>
  Encoder& column(uint32_t field, const std::vector<T>& values) {
    std::string packed;
    for (const T value : values) packed += varint(value);
    return text(field, packed);
  }
  // What is serialized already.
  Encoder& fields(std::string_view serialized) {
    bytes_ += serialized;
    return *this;
  }

  const std::string& bytes() const { return bytes_; }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

}  // namespace precompile
