#include "bundle.h"

#include <algorithm>

#include "envelope.h"
#include "frame.h"
#include "manifest.h"
#include "sha256.h"
#include "source.h"
#include "try.h"

namespace precompile {
namespace {

constexpr uint64_t kMostManifestBytes = 1ull << 30;  // rows are counted in 32 bits

bool is_torn(const Walk& walk) {
  return std::any_of(walk.faults.begin(), walk.faults.end(), [](const Error& fault) {
    return fault.code == v1::ERROR_CODE_TRUNCATED || fault.code == v1::ERROR_CODE_MALFORMED_FRAME;
  });
}

// The walk of opening, or that of opening with recovery. [PCB-RECV-001]
Result<Walk> walk(const Source& source, bool recover, const Limits& limits) {
  TRY_SET(const std::string head,
          source.read(0, static_cast<size_t>(std::min<uint64_t>(source.size(), kHeadSize))));
  if (auto fault = head_fault(head)) return std::move(*fault);
  TRY_SET(Walk whole, walk_back(source, source.size(), limits));
  if (!recover) return whole;
  TRY_SET(Prefix complete, complete_prefix(source, limits));
  const bool contradicted =
      whole.faults.empty() &&
      std::none_of(whole.segments.begin(), whole.segments.end(),
                   [&](const Span& span) {
                     return span.offset == complete.end || span.end() == complete.end;
                   });
  if (complete.end == 0 || !(contradicted || is_torn(whole))) return whole;
  // [PCB-RECV-006] What a later version wrote is no torn tail.
  if (complete.other_major) return std::move(*complete.other_major);
  return walk_back(source, complete.end, limits);
}

// [PCB-READ-002]
struct Frames {
  std::vector<Span> spans;
  std::vector<EnvelopeRecord> envelopes;
};
Result<Frames> read_frames(const Source& source, const OpenOptions& options, const Limits& limits) {
  TRY_SET(Walk walked, walk(source, options.recover, limits));
  std::vector<Error> faults = std::move(walked.faults);
  std::vector<EnvelopeRecord> envelopes;
  for (const Span& span : walked.segments) {
    auto envelope = read_envelope(source, span, limits);
    if (!envelope.ok()) {
      if (envelope.error().kind != Error::Kind::kRejection) return std::move(envelope.error());
      faults.push_back(std::move(envelope.error()));
      break;  // those behind it are at higher offsets
    }
    envelopes.push_back(std::move(envelope.value()));
  }
  if (faults.empty()) return Frames{std::move(walked.segments), std::move(envelopes)};
  return std::move(*std::min_element(faults.begin(), faults.end(), [](const Error& a, const Error& b) {
    return a.offset < b.offset;
  }));
}

// The error, at this manifest record.
Error at(Error error, uint64_t manifest) {
  error.offset = manifest;
  return error;
}

// COMPAT [PCB-HOST-005]
Status match(std::vector<Segment>& segments, const Host& host) {
  std::string differs;
  bool any = false;
  for (Segment& segment : segments) {
    differs = difference(host, segment.manifest);
    segment.matches = differs.empty();
    any = any || segment.matches;
  }
  if (any) return Done{};
  return Error::rejection(v1::ERROR_CODE_INCOMPATIBLE_ENVIRONMENT,
                          segments.back().manifest_offset,
                          "No segment is for this host: " + differs + ".");
}

}  // namespace

Result<std::shared_ptr<const Bundle>> open_bundle(std::shared_ptr<const Source> source,
                                                  const OpenOptions& options) {
  Limits limits = options.limits;
  limits.manifest_bytes = std::min(limits.manifest_bytes, kMostManifestBytes);
  TRY_SET(Frames frames, read_frames(*source, options, limits));
  const auto& spans = frames.spans;
  const uint64_t size = spans.back().end();
  // [PCB-LIM-010]
  limits.total_content = std::min(limits.total_content, size > UINT64_MAX / kMostContentPerByte
                                                            ? UINT64_MAX
                                                            : size * kMostContentPerByte);
  // TRUST [PCB-SIGN-008] [PCB-READ-009]
  for (size_t i = 0; i < spans.size(); ++i) {
    Status status = options.policy.check(frames.envelopes[i].envelope);
    if (!status.ok()) return at(std::move(status.error()), spans[i].manifest);
  }
  // DECODE
  auto bundle = std::make_shared<Bundle>();
  bundle->segments.reserve(spans.size());
  Tally tally;
  for (size_t i = 0; i < spans.size(); ++i) {
    EnvelopeRecord& read = frames.envelopes[i];
    const uint64_t before = tally.total_content;
    auto manifest = decode_manifest(read.envelope.payload, limits, tally);
    if (!manifest.ok()) return at(std::move(manifest.error()), spans[i].manifest);
    Segment& segment = bundle->segments.emplace_back();
    segment.offset = spans[i].offset;
    segment.size = spans[i].size();
    segment.manifest_offset = spans[i].manifest;
    segment.payload_digest = read.envelope.payload_digest;
    segment.record = std::move(read.record);
    segment.manifest = std::move(manifest.value());
    segment.total_content = tally.total_content - before;
  }
  // VALIDATE
  std::string_view previous;
  ChainBlocks chain;
  for (Segment& segment : bundle->segments) {
    Status status = validate(segment, previous, chain);
    if (!status.ok()) return at(std::move(status.error()), segment.manifest_offset);
    previous = segment.payload_digest;
  }
  if (options.host) TRY(match(bundle->segments, *options.host));
  bundle->size = size;
  bundle->ignored = source->size() - size;
  bundle->items = tally.items;
  bundle->source = std::move(source);
  return std::shared_ptr<const Bundle>(bundle);
}

// [PCB-CHAIN-004]
std::string Bundle::digest() const {
  Sha256 hash;
  for (const Segment& segment : segments) hash.update(segment.payload_digest);
  return hash.finish();
}

}  // namespace precompile
