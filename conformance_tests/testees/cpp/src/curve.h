// Points of edwards25519, as far as a public key has to be one.
#pragma once

#include <string_view>

namespace precompile {

// Whether RFC 8032, 5.1.3, decodes these 32 bytes. [PCB-SIGN-012]
bool is_point(std::string_view encoded);

}  // namespace precompile
