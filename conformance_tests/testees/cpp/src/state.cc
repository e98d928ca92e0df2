#include "state.h"

#include <algorithm>

#include "identity.h"
#include "try.h"

namespace precompile {

Result<SharedBytes> Contents::of(const Held& held) {
  if (!held.loaded) return held.content;
  const auto& bundle = held.loaded->bundle;
  auto& reader = readers_.try_emplace(bundle, bundle->source, limits_).first->second;
  TRY_SET(Content content, reader.read(held.loaded->in(), **held.loaded));
  return SharedBytes::of(std::move(content));
}

bool Book::holds(const Name& name, const std::string& identity) const {
  const auto found = held.find(name);
  return found != held.end() && found->second == identity;
}

void Book::put(const Name& name, const std::string& identity) {
  held[name] = identity;
  ever.insert(name);
  changed.erase(name);
  removed.erase(name);
}

v1::Artifact State::bound(const Held& held) const {
  v1::Artifact artifact = held.artifact;
  if (!held.was_recorded()) return artifact;
  for (auto& backend : *artifact.mutable_backends()) {
    if (!backend.content_digest().empty()) continue;
    const Held* const named = current.find(Name::of(backend));
    if (named != nullptr && named->artifact.kind() == v1::ARTIFACT_KIND_BACKEND) {
      backend.set_content_digest(named->artifact.content_digest());
    }
  }
  return artifact;
}

Result<const Held*> State::backend(const std::string& key) const {
  const Held* found = nullptr;
  for (const auto& [place, held] : current.in_order()) {
    if (held.artifact.kind() != v1::ARTIFACT_KIND_BACKEND || held.artifact.key() != key) continue;
    if (found != nullptr) return Error::misuse("Several backends have the key " + key + ".");
    found = &held;
  }
  return found;
}

// [PCB-CTX-009]
bool State::remove(const Name& name) {
  if (!current.erase(name)) return false;
  for (Book* const book : {&serialized, &filed}) {
    if (book->ever.count(name) > 0) book->removed.set(name, name);
  }
  return true;
}

namespace {

// Whether a removal stands in the book, and was not written by the other way of saving.
bool unwritten(const Book& book, const Book& other) {
  const auto& removed = book.removed.in_order();
  return std::any_of(removed.begin(), removed.end(), [&](const auto& placed) {
    const Name& name = placed.second;
    return other.removed.find(name) != nullptr || other.ever.count(name) == 0;
  });
}

}  // namespace

// [PCB-CTX-012]
bool State::need_serialize() const {
  const auto& held = current.in_order();
  return unwritten(serialized, filed) || unwritten(filed, serialized) ||
         std::any_of(held.begin(), held.end(), [&](const auto& placed) {
           const Name name = Name::of(placed.second.artifact);
           const std::string now = identity(bound(placed.second));
           return !serialized.holds(name, now) &&
                  (filed.changed.count(name) > 0 || !filed.holds(name, now));
         });
}

v1::CacheInfo State::info() const {
  Info info;
  for (const auto& [place, held] : current.in_order()) info.add(Name::of(held.artifact));
  return info.take();
}

Result<SegmentPlan> State::unsaved(const Book& book, Chain& behind,
                                   bool leave_out_damaged) const {
  SegmentPlan plan;
  for (const auto& [place, name] : book.removed.in_order()) {
    if (book.held.count(name) == 0) continue;
    auto& removed = plan.removed.emplace_back();
    removed.set_type(name.type);
    removed.set_key(name.key);
  }
  Contents contents{Limits()};
  for (const auto& [place, held] : current.in_order()) {
    NewArtifact artifact{bound(held), held.content};
    const Name name = Name::of(held.artifact);
    // What was removed and recorded again is written again, behind its removal.
    if (book.holds(name, identity(artifact.artifact)) && book.removed.find(name) == nullptr) continue;
    if (held.loaded && behind.find(artifact.artifact.content_digest()) == nullptr) {
      auto content = contents.of(held);
      if (!content.ok() && leave_out_damaged) continue;
      TRY_SET(artifact.content, std::move(content));
    }
    plan.artifacts.push_back(std::move(artifact));
  }
  return plan;
}

void State::saved(Book& book) {
  for (const auto& [place, name] : book.removed.in_order()) book.held.erase(name);
  book.removed = Ordered<Name>();
  book.changed.clear();
  // Binding is part of saving: a backend that changes later is not the one that was saved.
  std::vector<Held> bound_now;
  for (const auto& [place, held] : current.in_order()) {
    Held& now = bound_now.emplace_back(held);
    now.artifact = bound(held);
    book.put(Name::of(now.artifact), identity(now.artifact));
  }
  for (Held& now : bound_now) {
    const Name name = Name::of(now.artifact);
    current.set(name, std::move(now));
  }
}

// [PCB-CTX-017] [PCB-CTX-031]
Result<ArtifactValue> value_of(const Held& held, const Types& types, Contents& contents) {
  const v1::Artifact& artifact = held.artifact;
  const auto type = types.find(artifact.type());
  if (type == types.end() || type->second.kind != artifact.kind()) {
    return Error::rejection(v1::ERROR_CODE_UNKNOWN_ARTIFACT_TYPE, std::nullopt,
                            "The type " + artifact.type() + " is not registered for such artifacts.");
  }
  ArtifactValue value{artifact.type(), artifact.key(), {}, artifact.content_digest(), {}};
  TRY_SET(value.content, contents.of(held));
  for (const v1::Attribute& field : type->second.fields) {
    const auto& attributes = artifact.attributes();
    const auto found = std::find_if(attributes.begin(), attributes.end(),
                                    [&](const auto& a) { return a.name() == field.name(); });
    // [PCB-EXT-007]
    const bool has_value =
        found != attributes.end() && found->value_case() != v1::Attribute::VALUE_NOT_SET;
    value.fields.push_back(has_value ? *found : field);
    value.fields.back().DiscardUnknownFields();
  }
  return value;
}

void Info::add(const Name& name) {
  const auto [type, is_new] = types_.emplace(name.type, info_.types_size());
  if (is_new) info_.add_types()->set_type(name.type);
  info_.mutable_types(type->second)->add_keys(name.key);
}

}  // namespace precompile
