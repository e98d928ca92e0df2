// Context: loading bundles.
#include <algorithm>

#include "bundle.h"
#include "identity.h"
#include "source.h"
#include "state.h"
#include "try.h"

namespace precompile {
namespace {

bool same_segments(const Segment* loaded, const Stored* held, size_t count) {
  return std::equal(loaded, loaded + count, held, [](const Segment& a, const Stored& b) {
    return a.payload_digest == b.payload_digest;
  });
}

// The loaded segments come behind those so far, unless they are the last of them already, or
// begin with all of them. [PCB-CTX-027] [PCB-CTX-028]
void append_segments(State& state, const std::shared_ptr<const Bundle>& bundle) {
  const auto& loaded = bundle->segments;
  const size_t held = state.segments.size();
  if (loaded.size() <= held &&
      same_segments(loaded.data(), state.segments.data() + held - loaded.size(), loaded.size())) {
    return;
  }
  if (held <= loaded.size() && same_segments(loaded.data(), state.segments.data(), held)) {
    state.segments.clear();
    state.chain = Chain();
  }
  for (size_t i = 0; i < loaded.size(); ++i) {
    const Segment& segment = loaded[i];
    state.segments.push_back({bundle->source, segment.offset, segment.size, segment.payload_digest});
    state.chain.follow(bundle, i);
  }
}

// [PCB-CTX-029]
void apply(State& state, const std::shared_ptr<const Bundle>& bundle, size_t index) {
  const v1::Manifest& manifest = bundle->segments[index].manifest;
  for (const auto& removed : manifest.removed()) {
    const Name name = Name::of(removed);
    state.current.erase(name);
    state.serialized.held.erase(name);
  }
  for (int i = 0; i < manifest.artifacts_size(); ++i) {
    const Name name = Name::of(manifest.artifacts(i));
    Held held;
    held.artifact = portable(manifest.artifacts(i));
    held.loaded = ArtifactRef{bundle, index, i};
    for (Book* const book : {&state.serialized, &state.filed}) {
      book->put(name, identity(held.artifact));
    }
    state.current.set(name, std::move(held));
  }
}

}  // namespace

Result<Loaded> Context::load(const std::string& path) { return load(Source::open(path)); }

Result<Loaded> Context::load_bytes(std::string bytes) {
  return load(Result<std::shared_ptr<const Source>>(Source::of(std::move(bytes))));
}

// [PCB-CTX-026]
Result<Loaded> Context::load(Result<std::shared_ptr<const Source>> source) {
  if (!source.ok()) return std::move(source.error());
  OpenOptions options;
  options.recover = true;
  options.host = state_->options.host;
  options.policy = state_->options.policy;
  options.limits = state_->options.limits;
  TRY_SET(const auto bundle, open_bundle(std::move(source.value()), options));
  Loaded loaded{{}, bundle->segments.size(), 0, bundle->ignored};
  Info info;
  const auto current = current_of(bundle, [](const Segment& segment) { return segment.matches; });
  for (const auto& [place, artifact] : current.in_order()) info.add(Name::of(*artifact));
  loaded.info = info.take();

  const std::lock_guard lock(state_->mutex);
  State& state = state_->state;
  append_segments(state, bundle);
  for (size_t i = 0; i < bundle->segments.size(); ++i) {
    if (bundle->segments[i].matches) {
      apply(state, bundle, i);
    } else {
      ++loaded.opaque;
    }
  }
  return loaded;
}

}  // namespace precompile
