// The signing envelope around a manifest.
#pragma once

#include "precompile/limits.h"
#include "walk.h"
#include "precompile/v1/bundle.pb.h"

namespace precompile {

inline constexpr std::string_view kPayloadType = "application/vnd.precompile.manifest.v1+protobuf";

// The envelope of a segment, checked but for its signatures. Its payload is a copy of its own:
// what is verified is what is decoded. [PCB-ENV-006]
Result<v1::Envelope> read_envelope(const Source& source, const Span& span, const Limits& limits);

// The manifest record of an envelope around this payload. [PCB-ENV-001] [PCB-ENV-003]
v1::Envelope make_envelope(std::string payload);

}  // namespace precompile
