// What types, keys, facts and attributes may be called.
#pragma once

#include <string_view>

namespace precompile {

inline constexpr size_t kMaxName = 128;
inline constexpr size_t kMaxKey = 1024;
inline constexpr size_t kMaxValue = 1024;  // of a requirement

bool is_name(std::string_view name);  // of a type, a fact or an attribute
bool is_key(std::string_view key);    // assumes UTF-8

// Whether the registry or a vendor's prefix allows it to be written. [PCB-REG-001]
bool is_registered_type(std::string_view type);

// Told names one by one: whether they are sorted as bytes and none stands twice.
class Ascending {
 public:
  bool takes(std::string_view name) {
    const bool is_behind = first_ || last_ < name;
    first_ = false;
    last_ = name;
    return is_behind;
  }

 private:
  bool first_ = true;
  std::string_view last_;
};

}  // namespace precompile
