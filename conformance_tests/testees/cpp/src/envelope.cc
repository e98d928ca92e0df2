#include "envelope.h"

#include "frame.h"
#include "sha256.h"
#include "try.h"
#include "wire.h"

namespace precompile {

Result<v1::Envelope> read_envelope(const Source& source, const Span& span, const Limits& limits) {
  const auto refuse = [&](v1::ErrorCode code, const char* detail) {
    return Error::rejection(code, span.manifest, detail);
  };
  TRY_SET(const std::string record,
          source.read(span.manifest, static_cast<size_t>(span.footer - span.manifest)));
  // A file that changes under the reader may have any length here.
  const auto length = minimal_varint(std::string_view(record).substr(1));
  if (!length || record.size() - 1 - length->size != length->value) {
    return refuse(v1::ERROR_CODE_MALFORMED_FRAME, "The manifest record changed while it was read.");
  }
  const std::string_view bytes = std::string_view(record).substr(1 + length->size);
  v1::Envelope envelope;
  Elements elements;
  // [PCB-ENV-005]
  if (!is_message(bytes, *v1::Envelope::descriptor(), elements) ||
      !envelope.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return refuse(v1::ERROR_CODE_MALFORMED_FRAME, "The manifest record holds no envelope.");
  }
  // [PCB-ENV-002]
  if (envelope.payload_type() != kPayloadType) {
    return refuse(v1::ERROR_CODE_MALFORMED_FRAME, "The envelope's payload_type is another one.");
  }
  // [PCB-ENV-004]
  if (!has_digest(envelope.payload(), envelope.payload_digest())) {
    return refuse(v1::ERROR_CODE_MALFORMED_FRAME,
                  "The payload does not have the digest that the envelope gives.");
  }
  if (static_cast<uint64_t>(envelope.signatures_size()) > limits.signatures) {
    return refuse(v1::ERROR_CODE_LIMIT_EXCEEDED, "The envelope has more signatures than the limit.");
  }
  return envelope;
}

v1::Envelope make_envelope(std::string payload) {
  v1::Envelope envelope;
  envelope.set_payload_digest(sha256(payload));
  envelope.set_payload(std::move(payload));
  envelope.set_payload_type(std::string(kPayloadType));
  return envelope;
}

}  // namespace precompile
