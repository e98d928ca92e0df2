// What a compiler embeds: records what is compiled, saves, loads and applies it. Class Context.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "precompile/reader.h"
#include "precompile/v1/cache_info.pb.h"
#include "precompile/writer.h"

namespace precompile {

// An artifact with its fields, as it is handed out.
struct ArtifactValue {
  std::string type;
  std::string key;
  SharedBytes content;
  std::string digest;                 // SHA-256 of the content
  std::vector<v1::Attribute> fields;  // all further fields of the type, sorted by name
};

// A type of artifacts. A function that fails gives Error::callback; it must not throw.
struct ArtifactType {
  std::string name;
  v1::ArtifactKind kind = v1::ARTIFACT_KIND_CACHE;
  std::vector<v1::Attribute> fields;  // further fields, each with its default value
  // Of a CACHE, which must have it: hands the artifact to the cache of its type.
  std::function<Status(const ArtifactValue&)> populate_cache;
  // Of a BACKEND: makes of its content what runs.
  std::function<Status(const ArtifactValue&)> deserialize;
};

// Where entries go. A reader of it sees an entry with all of its backends, the former one or
// the new one, and never a part; files are named by a digest of type and key. [PCB-POP-010]
class PrecompileCache {
 public:
  virtual ~PrecompileCache() = default;
  virtual Status write(const ArtifactValue& entry, const std::vector<ArtifactValue>& backends) = 0;
};

struct ContextOptions {
  Host host;
  // What segments that it writes require; absent: every fact of the host, exactly.
  std::optional<std::vector<v1::Requirement>> requirements;
  // Whose bundles are loaded and appended to. [PCB-SIGN-009]
  Policy policy = Policy::trust_nobody();
  Limits limits;
  WriterOptions writer;
};

struct Serialized {
  std::string bundle;
  v1::CacheInfo info;  // of all current artifacts
};

struct Loaded {
  v1::CacheInfo info;  // what the bundle made current
  size_t segments;
  size_t opaque;     // segments that do not match this host
  uint64_t ignored;  // bytes of a torn tail that was left out
};

struct Outcome {
  std::string type;
  std::string key;
  v1::ErrorCode code;
  std::string detail;
};

struct Populated {
  v1::CacheInfo info;             // what was applied
  std::vector<Outcome> outcomes;  // why others were not, in the order in which they were tried
};

struct ContextState;
class Fresh;

// May be used by several threads. An operation that fails leaves it as it was. Functions of the
// caller's are called without a lock.
class Context {
 public:
  static Result<Context> create(ContextOptions options);
  Context(Context&&) noexcept;
  ~Context();

  Status register_type(ArtifactType type);
  // `backends` are an entry's, by type and key; `fields` those that have not their defaults.
  Status record(const std::string& type, const std::string& key, std::string content,
                const std::vector<v1::ArtifactId>& backends = {},
                const std::vector<v1::Attribute>& fields = {});
  // Whether there was such an artifact.
  bool remove(const std::string& type, const std::string& key);
  using EditFunction = std::function<Result<std::string>(std::string_view content)>;
  // Replaces the content of the backend with this key, whatever its type. The function is called
  // again where another thread changed the backend meanwhile.
  Status edit(const std::string& key, const EditFunction& function);
  Result<std::optional<ArtifactValue>> lookup(const std::string& type, const std::string& key);
  // The backend with this key, whatever its type.
  Result<std::optional<ArtifactValue>> serialize_by_key(const std::string& key);

  // All segments so far, with what is new appended; nothing where there is none.
  Result<std::optional<Serialized>> serialize();
  // Appends to the file what it does not hold.
  Result<v1::CacheInfo> save(const std::string& path);
  Result<Loaded> load(const std::string& path);
  Result<Loaded> load_bytes(std::string bytes);
  // Applies what is current; entries to the cache, which may be null where there are none.
  Result<Populated> populate(PrecompileCache* cache);

  void clear();
  bool need_serialize() const;
  // An empty state with the same types until what is returned goes; blocks are nested.
  [[nodiscard]] Fresh fresh();
  // The current artifacts in first-recorded order, each with its content's digest.
  std::vector<v1::ArtifactId> current() const;

 private:
  friend class Fresh;
  explicit Context(std::unique_ptr<ContextState> state);
  Result<Loaded> load(Result<std::shared_ptr<const Source>> source);

  std::unique_ptr<ContextState> state_;
};

// Puts the former state back when it goes, however the block is left.
class Fresh {
 public:
  explicit Fresh(Context& context);
  Fresh(Fresh&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  Fresh& operator=(Fresh&&) = delete;
  ~Fresh();

 private:
  ContextState* state_;
};

}  // namespace precompile
