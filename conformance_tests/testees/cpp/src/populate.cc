// Context: applying what is current, and stitching entries to their backends.
#include <set>

#include "state.h"
#include "try.h"

namespace precompile {
namespace {

class Population {
 public:
  Population(const State& state, const Types& types, const Limits& limits, PrecompileCache* cache)
      : state_(state), types_(types), contents_(limits), cache_(cache) {}

  // [PCB-POP-001] [PCB-POP-002]
  Populated run() {
    for (const auto& [place, held] : state_.current.in_order()) {
      if (held.value.kind() == v1::ARTIFACT_KIND_CACHE) tell(held.name, apply(held));
    }
    for (const auto& [place, held] : state_.current.in_order()) {
      const v1::ArtifactKind kind = held.value.kind();
      if (kind == v1::ARTIFACT_KIND_CACHE || kind == v1::ARTIFACT_KIND_BACKEND) continue;
      tell(held.name, kind == v1::ARTIFACT_KIND_ENTRY
                          ? stitch(held)
                          : Status(refusal(v1::ERROR_CODE_UNKNOWN_ARTIFACT_TYPE,
                                           "Its kind is unknown.")));
    }
    Info info;
    for (const auto& [place, held] : state_.current.in_order()) {
      if (applied_.count(held.name) != 0) info.add(held.name);
    }
    populated_.info = info.take();
    return std::move(populated_);
  }

 private:
  using Named = Ordered<Held>::Placed;

  static Error refusal(v1::ErrorCode code, std::string detail) {
    return Error::rejection(code, std::nullopt, std::move(detail));
  }

  void tell(const Name& name, const Status& status) {
    if (status.ok()) {
      applied_.insert(name);
      return;
    }
    const Error& error = status.error();
    // [PCB-POP-004] [PCB-POP-005]
    const v1::ErrorCode code = error.kind == Error::Kind::kRejection
                                   ? error.code
                                   : v1::ERROR_CODE_APPLY_FAILED;
    populated_.outcomes.push_back({name.type, name.key, code, error.detail});
  }

  // [PCB-POP-003]
  Status apply(const Named& held) {
    TRY_SET(const ArtifactValue value, value_of(held.name, held.value, types_, contents_));
    return types_.at(value.type).populate_cache(value);
  }

  Status stitch(const Named& held) {
    const auto entry = state_.bound(held.value);
    std::string missing;
    for (const auto& named : entry->backends) {
      const Held* const backend = state_.current.find(Name::of(named));
      if (backend == nullptr || backend->kind() != v1::ARTIFACT_KIND_BACKEND ||
          backend->fields->content_digest != named.content_digest()) {
        missing += " " + named.type() + " " + named.key() + ";";
      }
    }
    // [PCB-POP-006] [PCB-POP-007]
    if (!missing.empty()) {
      return refusal(v1::ERROR_CODE_MISSING_BACKEND, "These backends are missing:" + missing);
    }
    TRY_SET(const ArtifactValue value, value_of(held.name, held.value, types_, contents_));
    std::vector<ArtifactValue> values;
    for (const auto& named : entry->backends) {
      const auto& ready = deserialized(Name::of(named));
      if (!ready.ok()) return ready.error();
      values.push_back(ready.value());
    }
    TRY(cache_->write(value, values));
    for (const auto& named : entry->backends) applied_.insert(Name::of(named));
    return Done{};
  }

  // Once, however many entries name it.
  const Result<ArtifactValue>& deserialized(const Name& name) {
    const auto known = backends_.find(name);
    if (known != backends_.end()) return known->second;
    auto value = value_of(name, *state_.current.find(name), types_, contents_);
    if (value.ok() && types_.at(value->type).deserialize) {
      Status status = types_.at(value->type).deserialize(value.value());
      if (!status.ok()) value = std::move(status.error());
    }
    return backends_.emplace(name, std::move(value)).first->second;
  }

  const State& state_;
  const Types& types_;
  Contents contents_;
  PrecompileCache* cache_;
  std::map<Name, Result<ArtifactValue>> backends_;
  std::set<Name> applied_;
  Populated populated_;
};

}  // namespace

Result<Populated> Context::populate(PrecompileCache* cache) {
  std::unique_lock lock(state_->mutex);
  const State state = state_->state;
  const Types types = state_->types;
  lock.unlock();
  // [PCB-POP-008]
  for (const auto& [place, held] : state.current.in_order()) {
    if (cache == nullptr && held.value.kind() == v1::ARTIFACT_KIND_ENTRY) {
      return Error::misuse("Entries are populated into a precompile cache, and none is given.");
    }
  }
  return Population(state, types, state_->options.limits, cache).run();
}

}  // namespace precompile
