// Context: loading bundles.
#include "bundle.h"
#include "identity.h"
#include "source.h"
#include "state.h"
#include "try.h"

namespace precompile {
namespace {

// How many of the loaded segments are already the last ones held: the longest beginning of
// `loaded` that `held` ends with, found in linear time by the failure function of both.
size_t overlap(const std::vector<Stored>& held, const std::vector<Segment>& loaded) {
  const auto at = [&](size_t i) -> const std::string* {
    if (i < loaded.size()) return &loaded[i].payload_digest;
    if (i == loaded.size()) return nullptr;  // equal to nothing
    return &held[i - loaded.size() - 1].payload_digest;
  };
  const auto equal = [&](size_t a, size_t b) {
    return at(a) != nullptr && at(b) != nullptr && *at(a) == *at(b);
  };
  std::vector<size_t> border(loaded.size() + 1 + held.size());
  for (size_t i = 1; i < border.size(); ++i) {
    size_t length = border[i - 1];
    while (length > 0 && !equal(i, length)) length = border[length - 1];
    border[i] = length + equal(i, length);
  }
  return held.empty() ? 0 : border.back();
}

// [PCB-CTX-029]
void apply(State& state, const std::shared_ptr<const Bundle>& bundle, size_t index) {
  const v1::Manifest& manifest = bundle->segments[index].manifest;
  for (const auto& removed : manifest.removed()) {
    const Name name = Name::of(removed);
    state.current.erase(name);
    state.serialized.held.erase(name);
    state.serialized.removed.erase(name);
  }
  for (int i = 0; i < manifest.artifacts_size(); ++i) {
    const Name name = Name::of(manifest.artifacts(i));
    Held held;
    held.artifact = portable(manifest.artifacts(i));
    held.loaded = ArtifactRef{bundle, index, i};
    state.serialized.held[name] = identity(held.artifact);
    for (auto* removed : {&state.serialized.removed, &state.filed.removed, &state.unwritten}) {
      removed->erase(name);
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
  // [PCB-CTX-027] [PCB-CTX-028]
  for (size_t i = overlap(state.segments, bundle->segments); i < bundle->segments.size(); ++i) {
    const Segment& segment = bundle->segments[i];
    state.segments.push_back({bundle->source, segment.offset, segment.size, segment.payload_digest});
    state.chain.follow(bundle, i);
  }
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
