#include "state.h"

#include <algorithm>

#include "try.h"

namespace precompile {

bool Book::holds(const Name& name, const Portable& artifact) const {
  const auto found = held.find(name);
  return found != held.end() && same_artifact(*found->second, artifact);
}

void Book::put(const Name& name, std::shared_ptr<const Portable> artifact) {
  held[name] = std::move(artifact);
  ever.insert(name);
  changed.erase(name);
  removed.erase(name);
}

std::shared_ptr<const Portable> State::bound(const Held& held) const {
  const auto& backends = held.fields->backends;
  const auto is_unbound = [](const auto& backend) { return backend.content_digest().empty(); };
  if (!held.was_recorded() || std::none_of(backends.begin(), backends.end(), is_unbound)) {
    return held.fields;
  }
  auto bound = std::make_shared<Portable>(*held.fields);
  for (auto& backend : bound->backends) {
    if (!is_unbound(backend)) continue;
    const Held* const named = current.find(Name::of(backend));
    if (named != nullptr && named->kind() == v1::ARTIFACT_KIND_BACKEND) {
      backend.set_content_digest(named->fields->content_digest);
    }
  }
  return bound;
}

Result<std::optional<Name>> State::backend(const std::string& key) const {
  std::optional<Name> found;
  for (const auto& [place, held] : current.in_order()) {
    if (held.value.kind() != v1::ARTIFACT_KIND_BACKEND || held.name.key != key) continue;
    if (found) return Error::misuse("Several backends have the key " + key + ".");
    found = held.name;
  }
  return found;
}

// [PCB-CTX-009]
bool State::remove(const Name& name) {
  if (!current.erase(name)) return false;
  for (Book* const book : {&serialized, &filed}) {
    if (book->ever.count(name) > 0) book->removed.set(name, {});
  }
  return true;
}

namespace {

// Whether a removal stands in the book, and was not written by the other way of saving.
bool unwritten(const Book& book, const Book& other) {
  const auto& removed = book.removed.in_order();
  return std::any_of(removed.begin(), removed.end(), [&](const auto& placed) {
    const Name& name = placed.second.name;
    return other.removed.find(name) != nullptr || other.ever.count(name) == 0;
  });
}

}  // namespace

// [PCB-CTX-012]
bool State::need_serialize() const {
  const auto& held = current.in_order();
  return unwritten(serialized, filed) || unwritten(filed, serialized) ||
         std::any_of(held.begin(), held.end(), [&](const auto& placed) {
           const Name& name = placed.second.name;
           const auto now = bound(placed.second.value);
           return !serialized.holds(name, *now) &&
                  (filed.changed.count(name) > 0 || !filed.holds(name, *now));
         });
}

v1::CacheInfo State::info() const {
  Info info;
  for (const auto& [place, held] : current.in_order()) info.add(held.name);
  return info.take();
}

Result<SegmentPlan> State::unsaved(const Book& book, Chain& behind,
                                   bool leave_out_damaged) const {
  SegmentPlan plan;
  for (const auto& [place, removed] : book.removed.in_order()) {
    if (book.held.count(removed.name) == 0) continue;
    auto& id = plan.removed.emplace_back();
    id.set_type(removed.name.type);
    id.set_key(removed.name.key);
  }
  Contents contents{Limits()};
  for (const auto& [place, held] : current.in_order()) {
    const auto& [name, value] = held;
    PlannedArtifact artifact{name.type, name.key, bound(value), value.content, value.loaded};
    // What was removed and recorded again is written again, behind its removal.
    if (book.holds(name, *artifact.fields) && book.removed.find(name) == nullptr) continue;
    if (value.loaded && behind.find(artifact.fields->content_digest) == nullptr) {
      auto content = contents.of(value.content, value.loaded);
      if (!content.ok() && leave_out_damaged) continue;
      TRY_SET(artifact.content, std::move(content));
    }
    plan.artifacts.push_back(std::move(artifact));
  }
  return plan;
}

void State::saved(Book& book) {
  for (const auto& [place, removed] : book.removed.in_order()) book.held.erase(removed.name);
  book.removed = Ordered<Done>();
  book.changed.clear();
  // Binding is part of saving: a backend that changes later is not the one that was saved.
  std::vector<std::pair<Name, Held>> bound_now;
  for (const auto& [place, held] : current.in_order()) {
    auto fields = bound(held.value);
    book.put(held.name, fields);
    if (fields == held.value.fields) continue;
    bound_now.emplace_back(held.name, held.value);
    bound_now.back().second.fields = std::move(fields);
  }
  for (auto& [name, now] : bound_now) current.set(name, std::move(now));
}

// [PCB-CTX-017] [PCB-CTX-031]
Result<ArtifactValue> value_of(const Name& name, const Held& held, const Types& types,
                               Contents& contents) {
  const auto type = types.find(name.type);
  if (type == types.end() || type->second.kind != held.kind()) {
    return Error::rejection(v1::ERROR_CODE_UNKNOWN_ARTIFACT_TYPE, std::nullopt,
                            "The type " + name.type + " is not registered for such artifacts.");
  }
  ArtifactValue value{name.type, name.key, {}, held.fields->content_digest, {}};
  TRY_SET(value.content, contents.of(held.content, held.loaded));
  value.fields = type->second.fields;
  for (const std::string& serialized : held.fields->attributes) {
    v1::Attribute attribute;
    attribute.ParseFromString(serialized);
    // [PCB-EXT-007]
    if (attribute.value_case() == v1::Attribute::VALUE_NOT_SET) continue;
    const auto field = std::find_if(value.fields.begin(), value.fields.end(),
                                    [&](const auto& f) { return f.name() == attribute.name(); });
    if (field != value.fields.end()) *field = std::move(attribute);
  }
  return value;
}

void Info::add(const Name& name) {
  const auto [type, is_new] = types_.emplace(name.type, info_.types_size());
  if (is_new) info_.add_types()->set_type(name.type);
  info_.mutable_types(type->second)->add_keys(name.key);
}

}  // namespace precompile
