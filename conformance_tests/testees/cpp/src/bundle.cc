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

constexpr uint64_t kMostManifestBytes = 1ull << 30;  // the generated code counts in 31 bits

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
  TRY_SET(const uint64_t complete, complete_prefix(source, limits));
  const bool contradicted =
      whole.faults.empty() &&
      std::none_of(whole.segments.begin(), whole.segments.end(),
                   [&](const Span& span) {
                     return span.offset == complete || span.end() == complete;
                   });
  if (complete > 0 && (contradicted || is_torn(whole))) return walk_back(source, complete, limits);
  return whole;
}

// [PCB-READ-002]
struct Frames {
  std::vector<Span> spans;
  std::vector<v1::Envelope> envelopes;
};
Result<Frames> read_frames(const Source& source, const OpenOptions& options, const Limits& limits) {
  TRY_SET(Walk walked, walk(source, options.recover, limits));
  std::vector<Error> faults = std::move(walked.faults);
  std::vector<v1::Envelope> envelopes;
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

}  // namespace

Result<std::shared_ptr<const Bundle>> open_bundle(std::shared_ptr<const Source> source,
                                                  const OpenOptions& options) {
  Limits limits = options.limits;
  limits.manifest_bytes = std::min(limits.manifest_bytes, kMostManifestBytes);
  TRY_SET(Frames frames, read_frames(*source, options, limits));
  const auto& spans = frames.spans;
  // TRUST [PCB-SIGN-008] [PCB-READ-009]
  for (size_t i = 0; i < spans.size(); ++i) {
    Status status = options.policy.check(frames.envelopes[i]);
    if (!status.ok()) return at(std::move(status.error()), spans[i].manifest);
  }
  // DECODE
  auto bundle = std::make_shared<Bundle>();
  Tally tally;
  for (size_t i = 0; i < spans.size(); ++i) {
    v1::Envelope& envelope = frames.envelopes[i];
    auto manifest = decode_manifest(envelope.payload(), limits, tally);
    if (!manifest.ok()) return at(std::move(manifest.error()), spans[i].manifest);
    bundle->segments.push_back({spans[i].offset, spans[i].size(), spans[i].manifest,
                                envelope.payload_digest(), std::move(manifest.value()), {}, true});
    envelope.Clear();
  }
  // VALIDATE
  std::string previous;
  ChainBlocks chain;
  for (Segment& segment : bundle->segments) {
    Status status = validate(segment, previous, chain);
    if (!status.ok()) return at(std::move(status.error()), segment.manifest_offset);
    previous = segment.payload_digest;
  }
  // COMPAT [PCB-HOST-005]
  if (options.host) {
    std::string differs;
    bool any = false;
    for (Segment& segment : bundle->segments) {
      differs = difference(*options.host, segment.manifest);
      segment.matches = differs.empty();
      any = any || segment.matches;
    }
    if (!any) {
      return Error::rejection(v1::ERROR_CODE_INCOMPATIBLE_ENVIRONMENT,
                              bundle->segments.back().manifest_offset,
                              "No segment is for this host: " + differs + ".");
    }
  }
  bundle->size = spans.back().end();
  bundle->ignored = source->size() - bundle->size;
  bundle->items = tally.items;
  bundle->total_content = tally.total_content;
  bundle->source = std::move(source);
  return std::shared_ptr<const Bundle>(bundle);
}

// [PCB-CHAIN-004]
std::string Bundle::digest() const {
  Sha256 hash;
  for (const Segment& segment : segments) hash.update(segment.payload_digest);
  return hash.finish();
}

// [PCB-CURR-001] [PCB-HOST-006]
Ordered<ArtifactRef> current_of(const std::shared_ptr<const Bundle>& bundle,
                                const std::function<bool(const Segment&)>& counts) {
  Ordered<ArtifactRef> current;
  for (size_t i = 0; i < bundle->segments.size(); ++i) {
    const Segment& segment = bundle->segments[i];
    if (!counts(segment)) continue;
    // [PCB-CURR-003]
    for (const auto& removed : segment.manifest.removed()) current.erase(Name::of(removed));
    for (int k = 0; k < segment.manifest.artifacts_size(); ++k) {
      current.set(Name::of(segment.manifest.artifacts(k)), {bundle, i, k});
    }
  }
  return current;
}

}  // namespace precompile
