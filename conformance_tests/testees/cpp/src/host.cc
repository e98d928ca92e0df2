#include "precompile/host.h"

#include <algorithm>

namespace precompile {
namespace {

template <class Values>
std::string listed(const Values& values) {
  std::string text;
  for (const std::string_view value : values) {
    if (!text.empty()) text += ", ";
    text += value;
  }
  return "{" + text + "}";
}

// Both are sorted and distinct.
bool is_met(v1::Match match, const Range<std::string_view>& required,
            const std::set<std::string>& actual) {
  switch (match) {
    case v1::MATCH_EXACT:  // [PCB-HOST-001]
      return std::equal(required.begin(), required.end(), actual.begin(), actual.end());
    case v1::MATCH_SUPERSET:  // [PCB-HOST-002]
      return std::includes(actual.begin(), actual.end(), required.begin(), required.end());
    default:  // [PCB-HOST-003]
      return false;
  }
}

}  // namespace

// [PCB-HOST-004]
std::string difference(const Host& host, const Manifest& manifest) {
  for (const Requirement& requirement : manifest.requirements) {
    const std::string name(requirement.name);
    const auto required = manifest.values_of(requirement);
    const auto fact = host.find(name);
    if (fact != host.end() && is_met(requirement.match, required, fact->second)) continue;
    return name + " must be " + listed(required) + " and is " +
           (fact == host.end() ? "unknown" : listed(fact->second));
  }
  return "";
}

}  // namespace precompile
