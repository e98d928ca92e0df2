// Context: serializing and saving to a file.
#include <algorithm>

#include "current.h"
#include "file_appender.h"
#include "source.h"
#include "state.h"
#include "try.h"

namespace precompile {
namespace {

bool same_requirements(const Manifest& manifest, const std::vector<v1::Requirement>& own) {
  const auto same = [&](const Requirement& a, const v1::Requirement& b) {
    const auto values = manifest.values_of(a);
    return a.name == b.name() && a.match == b.match() &&
           std::equal(values.begin(), values.end(), b.values().begin(), b.values().end());
  };
  return std::equal(manifest.requirements.begin(), manifest.requirements.end(), own.begin(),
                    own.end(), same);
}

// What the file holds for the context's requirements or host, in place of `segments`.
Book book_of(const std::shared_ptr<const Bundle>& bundle, const ContextState& context,
             const Ordered<Done>& removed) {
  Book book;
  book.removed = removed;
  if (bundle == nullptr) return book;
  const Current current(*bundle, [&](const Segment& segment) {
    return difference(context.options.host, segment.manifest).empty() ||
           same_requirements(segment.manifest, context.requirements);
  });
  for (const Row& row : current.rows()) {
    const ArtifactRef artifact(bundle, row);
    book.held[Name::of(artifact.name())] = Portable::of(artifact);
  }
  return book;
}

// What was loaded can be larger beside this context's requirements than any manifest; what was
// recorded was asked for that then.
Error past_limit(Error error) {
  if (error.kind != Error::Kind::kMisuse) return error;
  return Error::rejection(v1::ERROR_CODE_LIMIT_EXCEEDED, std::nullopt, std::move(error.detail));
}

}  // namespace

// [PCB-CTX-018] [PCB-CTX-002]
Result<std::optional<Serialized>> Context::serialize() {
  const std::lock_guard lock(state_->mutex);
  State& state = state_->state;
  Chain chain = state.chain;
  std::vector<Stored> segments = state.segments;
  TRY_SET(SegmentPlan plan, state.unsaved(state.serialized, chain, false));
  plan.requirements = state_->requirements;  // [PCB-CTX-025]
  for (Progress done; !done.is_all(plan);) {
    std::string bytes;
    const Sink sink = [&](std::string_view more) {
      bytes += more;
      return Status(Done{});
    };
    auto written = write_segment(plan, done, chain, state_->options.writer, sink);
    if (!written.ok()) return past_limit(std::move(written.error()));
    bytes += written->footer;
    const uint64_t size = bytes.size();
    segments.push_back({Source::of(std::move(bytes)), 0, size, written->payload_digest});
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
  plan.requirements = state_->requirements;
  Status status = plan.empty() ? file.cut_off() : file.append(plan, state_->options.writer);
  if (!status.ok()) return past_limit(std::move(status.error()));
  state.saved(state.filed);
  return state.info();
}

}  // namespace precompile
