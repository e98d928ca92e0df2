#include "segment_writer.h"

#include "envelope.h"
#include "frame.h"
#include "placing.h"
#include "sha256.h"
#include "try.h"

namespace precompile {
namespace {

// How full a manifest gets, in bytes that its payload takes at most.
class Room {
 public:
  explicit Room(size_t fixed) : bytes_(fixed) {}

  bool has(size_t more) const { return bytes_ + more <= kMostPayload; }
  void take(size_t more) {
    bytes_ += more;
    is_empty_ = false;
  }
  bool is_empty() const { return is_empty_; }

 private:
  size_t bytes_;
  bool is_empty_ = true;
};

Error too_much() { return Error::misuse("The segment holds more than one manifest can say."); }

// Removals first. Whether all of them are in the draft.
Result<bool> add_removals(const SegmentPlan& plan, Progress& done, Room& room, Draft& draft) {
  for (; done.removed < plan.removed.size(); ++done.removed) {
    const v1::ArtifactId& removed = plan.removed[done.removed];
    const size_t more = Draft::bytes_of(removed);
    if (!room.has(more)) {
      if (room.is_empty()) return too_much();
      return false;
    }
    room.take(more);
    draft.remove(removed);
  }
  return true;
}

// [PCB-DET-004]
Status add_artifacts(const SegmentPlan& plan, Progress& done, Room& room, Draft& draft,
                     Placing& placing) {
  for (; done.artifacts < plan.artifacts.size(); ++done.artifacts) {
    const PlannedArtifact& artifact = plan.artifacts[done.artifacts];
    TRY_SET(auto found, placing.find(artifact));
    const auto bytes = [&] {
      return Draft::bytes_of(artifact.type, artifact.key, *artifact.fields) +
             placing.most_blocks(artifact, found) * Draft::kBlockBytes;
    };
    if (!room.has(bytes())) {
      if (!room.is_empty()) return Done{};
      found = {};  // blocks of others can be so small that a manifest cannot name them
      if (!room.has(bytes())) return too_much();
    }
    room.take(bytes());
    TRY_SET(const Place place, placing.place(artifact, found));
    draft.add(artifact.type, artifact.key, *artifact.fields, place);
  }
  return Done{};
}

}  // namespace

Result<WrittenSegment> write_segment(const SegmentPlan& plan, Progress& done, Chain& chain,
                                     const WriterOptions& options, const Sink& sink) {
  uint64_t written = 0;
  const Sink counted = [&](std::string_view bytes) {
    written += bytes.size();
    return sink(bytes);
  };
  Room room(Draft::fixed_bytes(options.producer, plan.requirements));
  if (!room.has(0)) return too_much();
  Draft draft(chain.previous, options.producer, plan.requirements);
  Placing placing(draft, chain, written, counted);
  TRY(counted(kHeader));
  TRY_SET(const bool all_removed, add_removals(plan, done, room, draft));
  if (all_removed) TRY(add_artifacts(plan, done, room, draft, placing));
  TRY(placing.finish());
  const std::string payload = draft.serialized();
  std::string digest = sha256(payload);
  TRY_SET(const std::string envelope, make_envelope(payload, digest, options.key));
  const uint64_t manifest_offset = written;
  TRY(counted(manifest_record(envelope)));
  const uint64_t size = written + kFooterSize;
  placing.teach(size);
  chain.previous = digest;
  return WrittenSegment{footer_record({manifest_offset, size}), written, std::move(digest),
                        draft.items()};
}

}  // namespace precompile
