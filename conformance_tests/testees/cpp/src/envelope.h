// The signing envelope around a manifest.
#pragma once

#include <optional>
#include <string>

#include "precompile/content.h"
#include "precompile/limits.h"
#include "precompile/trust.h"
#include "walk.h"

namespace precompile {

inline constexpr std::string_view kPayloadType = "application/vnd.precompile.manifest.v1+protobuf";

inline constexpr uint32_t kSignatures = 3;  // the field of an envelope

// How many signatures there are; nothing where the fields cannot be told apart.
std::optional<uint64_t> count_signatures(std::string_view envelope);

// A manifest record and the envelope that it holds.
struct EnvelopeRecord {
  Content record;  // a copy of the input's: what is verified is what is decoded [PCB-ENV-006]
  std::string_view bytes;  // the serialized envelope in it
  Envelope envelope;
};

// The envelope of a segment, checked but for its signatures.
Result<EnvelopeRecord> read_envelope(const Source& source, const Span& span, const Limits& limits);

// A signature as a field of an envelope.
std::string signature_field(std::string_view sig, std::string_view keyid);

// The manifest record that holds this serialized envelope.
std::string manifest_record(std::string_view envelope);
// A serialized envelope around a payload, signed where there is a key. [PCB-ENV-001] [PCB-ENV-003]
Result<std::string> make_envelope(std::string_view payload, std::string_view payload_digest,
                                  const std::optional<SigningKey>& key);

}  // namespace precompile
