#include "precompile/context.h"

#include <algorithm>

#include "names.h"
#include "sha256.h"
#include "state.h"
#include "try.h"

namespace precompile {
namespace {

bool has_value(const v1::Attribute& attribute) {
  return attribute.value_case() != v1::Attribute::VALUE_NOT_SET;
}

// All fields of the type, the given ones in place of their defaults. [PCB-CTX-004]
Result<std::vector<v1::Attribute>> all_fields(const ArtifactType& type,
                                              const std::vector<v1::Attribute>& given) {
  std::vector<v1::Attribute> fields = type.fields;
  for (const v1::Attribute& value : given) {
    const auto field = std::find_if(fields.begin(), fields.end(),
                                    [&](const auto& f) { return f.name() == value.name(); });
    if (field == fields.end()) {
      return Error::misuse("The type " + type.name + " has no field " + value.name() + ".");
    }
    if (!has_value(value)) return Error::misuse("The field " + value.name() + " has no value.");
    *field = value;
  }
  return fields;
}

Result<ContextOptions> checked(ContextOptions options) {
  if (options.requirements) return options;
  auto& requirements = options.requirements.emplace();
  for (const auto& [name, values] : options.host) {
    v1::Requirement& requirement = requirements.emplace_back();
    requirement.set_name(name);
    requirement.set_match(v1::MATCH_EXACT);
    for (const std::string& value : values) requirement.add_values(value);
  }
  return options;
}

// The entries that named the backend's former content name its new one. [PCB-CTX-011]
void follow(State& state, const Name& name, const std::string& before, const std::string& after) {
  const auto is_it = [&](const v1::ArtifactId& backend) {
    return backend.type() == name.type && backend.key() == name.key &&
           backend.content_digest() == before;
  };
  std::vector<std::pair<Name, Held>> followed;
  for (const auto& [place, entry] : state.current.in_order()) {
    const auto& backends = entry.value.fields->backends;
    if (std::none_of(backends.begin(), backends.end(), is_it)) continue;
    auto fields = std::make_shared<Portable>(*entry.value.fields);
    for (auto& backend : fields->backends) {
      if (is_it(backend)) backend.set_content_digest(after);
    }
    followed.emplace_back(entry.name, entry.value);
    followed.back().second.fields = std::move(fields);
  }
  for (auto& [of, entry] : followed) {
    state.filed.changed.insert(of);
    state.current.set(of, std::move(entry));
  }
}

}  // namespace

Result<Context> Context::create(ContextOptions options) {
  auto state = std::make_unique<ContextState>();
  TRY_SET(state->options, checked(std::move(options)));
  TRY_SET(state->requirements, plan_requirements(*state->options.requirements));
  return Context(std::move(state));
}

Context::Context(std::unique_ptr<ContextState> state) : state_(std::move(state)) {}
Context::Context(Context&&) noexcept = default;
Context::~Context() = default;

Status Context::register_type(ArtifactType type) {
  if (!is_name(type.name) || !is_registered_type(type.name)) {
    return Error::misuse("No type of a context can be called " + type.name + ".");
  }
  if (type.kind < v1::ARTIFACT_KIND_CACHE || type.kind > v1::ARTIFACT_KIND_ENTRY) {
    return Error::misuse("The kind of " + type.name + " is not defined.");
  }
  // [PCB-POP-008]
  if ((type.kind == v1::ARTIFACT_KIND_CACHE) != (type.populate_cache != nullptr)) {
    return Error::misuse("A type of kind CACHE populates its cache, and no other does.");
  }
  NewArtifact probe;
  probe.type = type.name;
  probe.key = "k";
  probe.kind = type.kind;
  probe.attributes = type.fields;
  TRY(plan_artifact(probe));
  std::sort(type.fields.begin(), type.fields.end(),
            [](const auto& a, const auto& b) { return a.name() < b.name(); });
  const std::lock_guard lock(state_->mutex);
  // [PCB-CTX-003]
  if (!state_->types.emplace(type.name, type).second) {
    return Error::misuse("The type " + type.name + " is registered already.");
  }
  return Done{};
}

Status Context::record(const std::string& type, const std::string& key, std::string content,
                       const std::vector<v1::ArtifactId>& backends,
                       const std::vector<v1::Attribute>& fields) {
  NewArtifact described;
  described.type = type;
  described.key = key;
  described.content = SharedBytes::of(std::move(content));  // [PCB-CTX-008]
  const std::string digest = sha256(described.content.view);
  const std::lock_guard lock(state_->mutex);
  const auto registered = state_->types.find(type);
  if (registered == state_->types.end()) {
    return Error::misuse("The type " + type + " is not registered.");
  }
  described.kind = registered->second.kind;
  TRY_SET(described.attributes, all_fields(registered->second, fields));
  for (const auto& backend : backends) {
    const auto of = state_->types.find(backend.type());
    // [PCB-CTX-005]
    if (of == state_->types.end() || of->second.kind != v1::ARTIFACT_KIND_BACKEND) {
      return Error::misuse("The type " + backend.type() + " is none of backends.");
    }
    auto& named = described.backends.emplace_back();
    named.set_type(backend.type());
    named.set_key(backend.key());
  }
  TRY_SET(Portable planned, plan_artifact(described));
  planned.content_digest = digest;
  planned.content_size = described.content.view.size();
  TRY(check_fits(type, key, planned, state_->requirements, state_->options.writer.producer));
  Held held{std::make_shared<const Portable>(std::move(planned)), std::move(described.content),
            std::nullopt};
  State& state = state_->state;
  const Name name{type, key};
  // [PCB-CTX-006]
  const Held* const before = state.current.find(name);
  if (before != nullptr && same_artifact(*before->fields, *held.fields)) return Done{};
  if (before == nullptr || !same_artifact(*state.bound(*before), *state.bound(held))) {
    state.filed.changed.insert(name);
  }
  state.current.set(name, std::move(held));  // [PCB-CTX-007]
  return Done{};
}

bool Context::remove(const std::string& type, const std::string& key) {
  const std::lock_guard lock(state_->mutex);
  return state_->state.remove({type, key});
}

Status Context::edit(const std::string& key, const EditFunction& function) {
  for (;;) {
    std::unique_lock lock(state_->mutex);
    TRY_SET(const auto name, state_->state.backend(key));
    // [PCB-CTX-010]
    if (!name) return Error::misuse("No backend has the key " + key + ".");
    Held held = *state_->state.current.find(*name);
    lock.unlock();
    TRY_SET(const SharedBytes content,
            Contents(state_->options.limits).of(held.content, held.loaded));
    TRY_SET(std::string edited, function(content.view));
    const std::string before = held.fields->content_digest;
    const std::string after = sha256(edited);
    lock.lock();
    State& state = state_->state;
    const Held* const now = state.current.find(*name);
    if (now == nullptr || !same_artifact(*now->fields, *held.fields)) continue;
    if (after == before) return Done{};
    Portable fields = *held.fields;
    fields.content_digest = after;
    fields.content_size = edited.size();
    held = {std::make_shared<const Portable>(std::move(fields)),
            SharedBytes::of(std::move(edited)), std::nullopt};
    state.current.set(*name, std::move(held));
    state.filed.changed.insert(*name);
    follow(state, *name, before, after);
    return Done{};
  }
}

Result<std::optional<ArtifactValue>> Context::lookup(const std::string& type,
                                                     const std::string& key) {
  std::unique_lock lock(state_->mutex);
  const Held* const found = state_->state.current.find({type, key});
  if (found == nullptr) return std::optional<ArtifactValue>();
  const Held held = *found;
  const Types types = state_->types;
  lock.unlock();
  Contents contents(state_->options.limits);
  TRY_SET(ArtifactValue value, value_of({type, key}, held, types, contents));
  return std::optional(std::move(value));
}

// [PCB-CTX-013]
Result<std::optional<ArtifactValue>> Context::serialize_by_key(const std::string& key) {
  std::unique_lock lock(state_->mutex);
  TRY_SET(const auto name, state_->state.backend(key));
  lock.unlock();
  if (!name) return std::optional<ArtifactValue>();
  return lookup(name->type, name->key);
}

// [PCB-CTX-014]
void Context::clear() {
  const std::lock_guard lock(state_->mutex);
  state_->state = State();
}

bool Context::need_serialize() const {
  const std::lock_guard lock(state_->mutex);
  return state_->state.need_serialize();
}

std::vector<v1::ArtifactId> Context::current() const {
  const std::lock_guard lock(state_->mutex);
  std::vector<v1::ArtifactId> ids;
  for (const auto& [place, held] : state_->state.current.in_order()) {
    auto& id = ids.emplace_back();
    id.set_type(held.name.type);
    id.set_key(held.name.key);
    id.set_content_digest(held.value.fields->content_digest);
  }
  return ids;
}

Fresh Context::fresh() { return Fresh(*this); }

// [PCB-CTX-015]
Fresh::Fresh(Context& context) : state_(context.state_.get()) {
  const std::lock_guard lock(state_->mutex);
  state_->outer.push_back(std::exchange(state_->state, State()));
}

Fresh::~Fresh() {
  if (state_ == nullptr) return;
  const std::lock_guard lock(state_->mutex);
  state_->state = std::move(state_->outer.back());
  state_->outer.pop_back();
}

}  // namespace precompile
