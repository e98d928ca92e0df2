// The state of a context and what its operations make of it.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "chain.h"
#include "contents.h"
#include "describe.h"
#include "ordered.h"
#include "precompile/context.h"

namespace precompile {

// A current artifact.
struct Held {
  std::shared_ptr<const Portable> fields;
  SharedBytes content;               // where it was recorded
  std::optional<ArtifactRef> loaded;  // else: read from there when it is asked for

  v1::ArtifactKind kind() const { return fields->kind; }
  // Whether backends without a digest are bound to what is current.
  bool was_recorded() const { return !loaded; }
};

// A segment's bytes, as they are written with the next serialization.
struct Stored {
  std::shared_ptr<const Source> source;
  uint64_t offset;
  uint64_t size;
  std::string payload_digest;
};

// What one way of saving has written: artifacts by name, and what happened since.
struct Book {
  std::map<Name, std::shared_ptr<const Portable>> held;  // as they were last saved or loaded
  std::set<Name> ever;     // what such a save covered or a load brought
  std::set<Name> changed;  // recorded or edited, back to what is held or not
  Ordered<Done> removed;   // [PCB-DET-005]

  bool holds(const Name& name, const Portable& artifact) const;
  void put(const Name& name, std::shared_ptr<const Portable> artifact);
};

// All of a context that clear() empties.
struct State {
  Ordered<Held> current;
  std::vector<Stored> segments;
  Chain chain;              // behind the last of `segments`
  Book serialized;          // what `segments` hold for this host
  Book filed;               // what was last saved to a file

  // The artifact with its backends bound to what is current. [PCB-CTX-023] [PCB-CTX-024]
  std::shared_ptr<const Portable> bound(const Held& held) const;
  // The name of the backend with this key; none, or misuse where there are several.
  Result<std::optional<Name>> backend(const std::string& key) const;
  bool remove(const Name& name);
  bool need_serialize() const;
  v1::CacheInfo info() const;
  // What is current and removed that the book does not hold.
  // Content that cannot be read is left out, or else refuses all.
  Result<SegmentPlan> unsaved(const Book& book, Chain& behind, bool leave_out_damaged) const;
  // All that is current is in this book now.
  void saved(Book& book);
};

using Types = std::map<std::string, ArtifactType>;

struct ContextState {
  mutable std::mutex mutex;
  ContextOptions options;
  std::vector<v1::Requirement> requirements;
  Types types;
  State state;
  std::vector<State> outer;  // of the fresh blocks around
};

// With all fields of the type; refused where it is not registered for the artifact's kind.
Result<ArtifactValue> value_of(const Name& name, const Held& held, const Types& types,
                               Contents& contents);

// Keys by type, types in the order in which their first names come.
class Info {
 public:
  void add(const Name& name);
  v1::CacheInfo take() { return std::move(info_); }

 private:
  v1::CacheInfo info_;
  std::map<std::string, int> types_;
};

}  // namespace precompile
