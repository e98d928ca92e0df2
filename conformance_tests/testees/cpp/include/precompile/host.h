// Facts of a host and whether they meet what a segment requires.
#pragma once

#include <map>
#include <set>
#include <string>

#include "precompile/manifest.h"

namespace precompile {

// Fact name to its set of values; a fact that is not there is not known of the host.
using Host = std::map<std::string, std::set<std::string>>;

// Empty where the host meets all requirements; else a sentence that names the first fact
// that differs, with the required and the actual values.
std::string difference(const Host& host, const Manifest& manifest);

}  // namespace precompile
