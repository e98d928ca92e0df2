// What makes two artifacts of one name the same.
#pragma once

#include <string>

#include "precompile/v1/artifact.pb.h"

namespace precompile {

// The artifact without where its content lies and without what a reader ignores: what travels
// with it wherever it is written anew. Attributes of unknown types of values stay. [PCB-EXT-008]
v1::Artifact portable(const v1::Artifact& artifact);

// Equal for the same artifacts and for no others; doubles count bit for bit.
std::string identity(const v1::Artifact& artifact);

}  // namespace precompile
