// Context: serializing and saving to a file.
#include "bundle.h"
#include "file_appender.h"
#include "identity.h"
#include "source.h"
#include "state.h"
#include "try.h"

namespace precompile {
namespace {

// [PCB-CTX-025]
std::vector<SegmentPlan> segments_of(SegmentPlan plan, const ContextState& context) {
  plan.requirements = context.requirements;
  return split(std::move(plan));
}

// What the file holds for the context's requirements or host, in place of `segments`.
Book book_of(const std::shared_ptr<const Bundle>& bundle, const ContextState& context,
             const Ordered<Name>& removed) {
  Book book;
  book.removed = removed;
  if (bundle == nullptr) return book;
  v1::Manifest own;
  for (const auto& requirement : context.requirements) *own.add_requirements() = requirement;
  const auto same_requirements = [&](const Segment& segment) {
    v1::Manifest other;
    *other.mutable_requirements() = segment.manifest.requirements();
    return other.SerializeAsString() == own.SerializeAsString();
  };
  const auto current = current_of(bundle, [&](const Segment& segment) {
    return difference(context.options.host, segment.manifest).empty() || same_requirements(segment);
  });
  for (const auto& [place, artifact] : current.in_order()) {
    book.held[Name::of(*artifact)] = identity(*artifact);
  }
  return book;
}

}  // namespace

// [PCB-CTX-018] [PCB-CTX-002]
Result<std::optional<Serialized>> Context::serialize() {
  const std::lock_guard lock(state_->mutex);
  State& state = state_->state;
  Chain chain = state.chain;
  std::vector<Stored> segments = state.segments;
  TRY_SET(SegmentPlan plan, state.unsaved(state.serialized, chain, false));
  for (const SegmentPlan& part : segments_of(std::move(plan), *state_)) {
    std::string bytes;
    const Sink sink = [&](std::string_view more) {
      bytes += more;
      return Status(Done{});
    };
    TRY_SET(const WrittenSegment written,
            write_segment(part, chain, state_->options.writer, sink));
    bytes += written.footer;
    const uint64_t size = bytes.size();
    segments.push_back({Source::of(std::move(bytes)), 0, size, written.payload_digest});
  }
  if (segments.empty()) return std::optional<Serialized>();
  Serialized serialized;
  for (const Stored& segment : segments) {
    TRY_SET(const std::string bytes,
            segment.source->read(segment.offset, static_cast<size_t>(segment.size)));
    serialized.bundle += bytes;
  }
  state.chain = std::move(chain);
  state.segments = std::move(segments);
  state.saved(state.serialized);
  serialized.info = state.info();
  return std::optional(std::move(serialized));
}

// [PCB-CTX-020] [PCB-CTX-021] The lock is held meanwhile, so nothing is recorded and missed.
// [PCB-CTX-022]
Result<v1::CacheInfo> Context::save(const std::string& path) {
  const std::lock_guard lock(state_->mutex);
  State& state = state_->state;
  OpenOptions open;
  open.limits = state_->options.limits;
  open.policy = state_->options.policy;
  TRY_SET(FileAppender file, FileAppender::open(path, open));
  const Book book = book_of(file.bundle(), *state_, state.filed.removed);
  TRY_SET(SegmentPlan plan, state.unsaved(book, file.chain(), true));
  const auto segments = segments_of(std::move(plan), *state_);
  if (!segments.empty()) TRY(file.append(segments, state_->options.writer));
  state.saved(state.filed);
  return state.info();
}

}  // namespace precompile
