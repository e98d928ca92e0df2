#include "names.h"

#include <algorithm>
#include <array>

namespace precompile {

// [PCB-NAME-001]
bool is_name(std::string_view name) {
  const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  return !name.empty() && name.size() <= kMaxName && lower(name[0]) &&
         std::all_of(name.begin(), name.end(), [&](char c) {
           return lower(c) || (c >= '0' && c <= '9') || c == '_' || c == '.';
         });
}

// [PCB-NAME-002]
bool is_key(std::string_view key) {
  if (key.empty() || key.size() > kMaxKey) return false;
  for (size_t i = 0; i < key.size(); ++i) {
    const auto byte = static_cast<unsigned char>(key[i]);
    if (byte < 0x20 || byte == 0x7f) return false;
    // U+0080 to U+009F are C2 80 to C2 9F.
    if (byte == 0xc2 && i + 1 < key.size() && static_cast<unsigned char>(key[i + 1]) < 0xa0) {
      return false;
    }
  }
  return true;
}

bool is_registered_type(std::string_view type) {
  static constexpr std::array<std::string_view, 10> kTypes = {
      "inductor",   "aot_autograd",      "autotune",                "pgo",           "code_state",
      "precompile", "precompile_dynamo", "precompile_aot_autograd", "inductor_file",
      "compiler_answer"};
  return type.find('.') != type.npos || std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end();
}

}  // namespace precompile
