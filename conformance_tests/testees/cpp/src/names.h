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

// Sorted as bytes and no element twice, by what `name_of` gives of each.
template <class List, class NameOf>
bool sorted_and_distinct(const List& list, NameOf name_of) {
  for (int i = 1; i < list.size(); ++i) {
    if (!(name_of(list[i - 1]) < name_of(list[i]))) return false;
  }
  return true;
}

}  // namespace precompile
