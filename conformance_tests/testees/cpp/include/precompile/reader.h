// Reading bundles: class Reader of the norm.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "precompile/content.h"
#include "precompile/host.h"
#include "precompile/limits.h"
#include "precompile/result.h"
#include "precompile/trust.h"
#include "precompile/v1/bundle.pb.h"

namespace precompile {

class ContentReader;
class Source;

struct OpenOptions {
  bool recover = false;                       // read a torn input up to its last complete segment
  Policy policy = Policy::accept_unsigned();  // whose segments are accepted
  std::optional<Host> host;                   // absent: every segment matches
  Limits limits;
};

// One segment of an open bundle. Offsets are from the bundle's start.
struct Segment {
  struct Block {
    uint64_t offset;  // of its record; of an external block, that in the earlier segment
    uint64_t size;    // of the whole record
  };

  uint64_t offset;
  uint64_t size;
  uint64_t manifest_offset;
  std::string payload_digest;
  v1::Manifest manifest;
  std::vector<Block> blocks;  // for each entry of manifest.blocks
  bool matches;               // whether the host meets its requirements

  bool begins_chain() const { return manifest.previous_manifest_digest().empty(); }
};

// An accepted bundle. It does not change.
struct Bundle {
  std::shared_ptr<const Source> source;
  std::vector<Segment> segments;  // in file order
  uint64_t size;                  // bytes that the segments take
  uint64_t ignored;               // bytes behind them that recovery left out
  uint64_t items;                 // what counts for the limit of that name
  uint64_t total_content;         // sum of all content_size

  // SHA-256 of all payload digests in file order: names exactly this sequence of segments.
  std::string digest() const;
};

// One artifact of a bundle; it keeps the bundle open.
struct ArtifactRef {
  std::shared_ptr<const Bundle> bundle;
  size_t segment;
  int index;

  const Segment& in() const { return bundle->segments[segment]; }
  const v1::Artifact& operator*() const { return in().manifest.artifacts(index); }
  const v1::Artifact* operator->() const { return &**this; }
};

// Gives out what a bundle holds. Contents are read when they are asked for. One thread at a time.
class Reader {
 public:
  static Result<Reader> open(const std::string& path, const OpenOptions& options = {});
  static Result<Reader> open_bytes(std::string bytes, const OpenOptions& options = {});
  static Result<Reader> open(std::shared_ptr<const Source> source, const OpenOptions& options);

  Reader(Reader&&) noexcept;
  Reader& operator=(Reader&&) noexcept;
  ~Reader();

  const std::shared_ptr<const Bundle>& bundle() const { return bundle_; }
  // The current artifacts of the segments that match, in first-recorded order.
  const std::vector<ArtifactRef>& current() const { return current_; }
  const ArtifactRef* find(std::string_view type, std::string_view key) const;

  // The verified content of an artifact. Refuses for a fault of CONTENT.
  Result<Content> read(const ArtifactRef& artifact);
  // The verified content as bytes of the mapped file, where it lies there uncompressed and in
  // one piece; else nothing. Whoever can write to the file can change what the view shows, and
  // whoever cuts it off ends this process at the next look.
  Result<std::optional<std::string_view>> view(const ArtifactRef& artifact);

 private:
  friend class Verifier;
  Reader(std::shared_ptr<const Bundle> bundle, const Limits& limits);

  std::shared_ptr<const Bundle> bundle_;
  std::vector<ArtifactRef> current_;
  std::vector<size_t> by_name_;  // indexes into current_, sorted by type and key
  std::unique_ptr<ContentReader> contents_;
};

// Whether two artifacts of one name are the same: kind, digest, backends and attributes.
bool same_artifact(const v1::Artifact& a, const v1::Artifact& b);

}  // namespace precompile
