// Context: loading bundles.
#include <algorithm>

#include "bundle.h"
#include "current.h"
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

// Whether the bundle continues all that the context holds.
bool continues(const State& state, const Bundle& bundle) {
  const size_t held = state.segments.size();
  return held <= bundle.segments.size() &&
         same_segments(bundle.segments.data(), state.segments.data(), held);
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
  if (continues(state, *bundle)) {
    state.segments.clear();
    state.chain = Chain();
  }
  for (size_t i = 0; i < loaded.size(); ++i) {
    const Segment& segment = loaded[i];
    state.segments.push_back({bundle->source, segment.offset, segment.size, segment.payload_digest});
    state.chain.follow(bundle, i);
  }
}

struct Gone {
  Name name;
  bool is_saved;  // whether what is current under it is saved as it is
};

// Names that `saved` holds, of which the bundle lists an artifact, and that are not current in it.
std::vector<Gone> gone(const State& state, const Bundle& bundle, const Current& current) {
  std::vector<Gone> names;
  for (const Segment& segment : bundle.segments) {
    if (!segment.matches) continue;
    const ArtifactTable& table = segment.manifest.artifacts;
    for (size_t i = 0; i < table.size(); ++i) {
      if (current.find(table.name(i)) != nullptr) continue;
      Name name = Name::of(table.name(i));
      if (state.serialized.held.count(name) == 0) continue;
      const Held* const held = state.current.find(name);
      const bool is_saved = held != nullptr && state.serialized.holds(name, *state.bound(*held));
      names.push_back({std::move(name), is_saved});
    }
  }
  return names;
}

// A name recorded here and unsaved stays, unsaved.
void take_away(State& state, const Gone& gone) {
  state.serialized.held.erase(gone.name);
  if (!gone.is_saved) return;
  state.current.erase(gone.name);
  state.serialized.changed.erase(gone.name);
  state.filed.changed.erase(gone.name);
}

// [PCB-CTX-029]
void supersede(State& state, const ArtifactRef& artifact) {
  const Name name = Name::of(artifact.name());
  Held held{Portable::of(artifact), {}, artifact};
  for (Book* const book : {&state.serialized, &state.filed}) book->put(name, held.fields);
  state.current.set(name, std::move(held));
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
  for (const Segment& segment : bundle->segments) loaded.opaque += !segment.matches;
  Info info;
  const Current current(*bundle, [](const Segment& segment) { return segment.matches; });
  for (const Row& row : current.rows()) info.add(Name::of(ArtifactRef(bundle, row).name()));
  loaded.info = info.take();

  const std::lock_guard lock(state_->mutex);
  State& state = state_->state;
  // Elsewhere a bundle takes nothing away: its removals are of its own chains.
  if (continues(state, *bundle)) {
    for (const Gone& each : gone(state, *bundle, current)) take_away(state, each);
  }
  append_segments(state, bundle);
  for (const Segment& segment : bundle->segments) {
    if (!segment.matches) continue;
    const ArtifactTable& table = segment.manifest.artifacts;
    for (size_t i = 0; i < table.size(); ++i) {
      for (Book* const book : {&state.serialized, &state.filed}) {
        book->ever.insert(Name::of(table.name(i)));
      }
    }
  }
  for (const Row& row : current.rows()) supersede(state, {bundle, row});
  return loaded;
}

}  // namespace precompile
