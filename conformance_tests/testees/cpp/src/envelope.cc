#include "envelope.h"

#include "encoder.h"
#include "frame.h"
#include "sha256.h"
#include "try.h"
#include "wire.h"

namespace precompile {
namespace {

Signature decode_signature(std::string_view message) {
  Signature signature;
  Fields fields(message);
  for (Field field; fields.next(field);) {
    if (field.is(1, kBytes)) signature.sig = field.bytes;
    if (field.is(2, kBytes)) signature.keyid = field.bytes;
  }
  return signature;
}

// [PCB-ENV-007]
Envelope decode_envelope(std::string_view bytes) {
  Envelope envelope;
  Fields fields(bytes);
  for (Field field; fields.next(field);) {
    if (field.is(1, kBytes)) envelope.payload = field.bytes;
    if (field.is(2, kBytes)) envelope.payload_type = field.bytes;
    if (field.is(kSignatures, kBytes)) {
      envelope.signatures.push_back(decode_signature(field.bytes));
    }
    if (field.is(4, kBytes)) envelope.payload_digest = field.bytes;
  }
  return envelope;
}

}  // namespace

std::optional<uint64_t> count_signatures(std::string_view envelope) {
  uint64_t count = 0;
  Fields fields(envelope);
  for (Field field; fields.next(field);) count += field.is(kSignatures, kBytes);
  if (fields.malformed()) return std::nullopt;
  return count;
}

Result<EnvelopeRecord> read_envelope(const Source& source, const Span& span, const Limits& limits) {
  const auto refuse = [&](v1::ErrorCode code, const char* detail) {
    return Error::rejection(code, span.manifest, detail);
  };
  EnvelopeRecord read;
  const auto size = static_cast<size_t>(span.footer - span.manifest);
  char* const to = read.record.extend(size);
  if (to == nullptr) return Error::system("Memory is out.");
  TRY(source.read(span.manifest, to, size));
  const std::string_view record = read.record.view();
  // A file that changes under the reader may have any length here.
  const auto length = minimal_varint(record.substr(1));
  if (!length || record.size() - 1 - length->size != length->value) {
    return refuse(v1::ERROR_CODE_MALFORMED_FRAME, "The manifest record changed while it was read.");
  }
  read.bytes = record.substr(1 + length->size);
  // [PCB-ENV-008] Before anything in them is looked at: an envelope may hold millions.
  const auto signatures = count_signatures(read.bytes);
  if (signatures && *signatures > limits.signatures) {
    return refuse(v1::ERROR_CODE_LIMIT_EXCEEDED, "The envelope has more signatures than the limit.");
  }
  // [PCB-ENV-005]
  Elements elements;
  if (!signatures || !is_message(read.bytes, kEnvelopeSchema, elements)) {
    return refuse(v1::ERROR_CODE_MALFORMED_FRAME, "The manifest record holds no envelope.");
  }
  read.envelope = decode_envelope(read.bytes);
  // [PCB-ENV-004]
  if (!has_digest(read.envelope.payload, read.envelope.payload_digest)) {
    return refuse(v1::ERROR_CODE_MALFORMED_FRAME,
                  "The payload does not have the digest that the envelope gives.");
  }
  // [PCB-ENV-002]
  if (read.envelope.payload_type != kPayloadType) {
    return refuse(v1::ERROR_CODE_UNSUPPORTED_FEATURE,
                  "The payload is of another type: a later version wrote it.");
  }
  return read;
}

std::string signature_field(std::string_view sig, std::string_view keyid) {
  return Encoder()
      .element(kSignatures, Encoder().text(1, sig).text(2, keyid).bytes())
      .take();
}

std::string manifest_record(std::string_view envelope) {
  std::string record = kManifestTag + varint(envelope.size());
  record += envelope;
  return record;
}

Result<std::string> make_envelope(std::string_view payload, std::string_view payload_digest,
                                  const std::optional<SigningKey>& key) {
  Encoder envelope;
  envelope.text(1, payload).text(2, kPayloadType);
  if (key) {
    TRY_SET(const std::string sig, key->sign(kPayloadType, payload));
    envelope.fields(signature_field(sig, key->keyid()));
  }
  return envelope.text(4, payload_digest).take();
}

}  // namespace precompile
