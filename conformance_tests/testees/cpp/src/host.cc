#include "precompile/host.h"

#include <algorithm>

namespace precompile {
namespace {

template <class Values>
std::string listed(const Values& values) {
  std::string text;
  for (const std::string& value : values) text += (text.empty() ? "" : ", ") + value;
  return "{" + text + "}";
}

bool is_met(const v1::Requirement& requirement, const std::set<std::string>& actual) {
  const auto& required = requirement.values();  // sorted and distinct, as the set is
  switch (requirement.match()) {
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
std::string difference(const Host& host, const v1::Manifest& manifest) {
  for (const auto& requirement : manifest.requirements()) {
    const auto fact = host.find(requirement.name());
    if (fact != host.end() && is_met(requirement, fact->second)) continue;
    return requirement.name() + " must be " + listed(requirement.values()) + " and is " +
           (fact == host.end() ? "unknown" : listed(fact->second));
  }
  return "";
}

}  // namespace precompile
