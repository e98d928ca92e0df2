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
#include "precompile/manifest.h"
#include "precompile/result.h"
#include "precompile/trust.h"

namespace precompile {

class ContentReader;
class Current;
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

  uint64_t offset = 0;
  uint64_t size = 0;
  uint64_t manifest_offset = 0;
  std::string payload_digest;
  Content record;  // the manifest record, which the manifest's views are of
  Manifest manifest;
  std::vector<Block> blocks;             // for each entry of manifest.blocks
  std::vector<uint64_t> content_starts;  // sums of their content_size, that of all at the end
  uint64_t total_content = 0;            // sum of its artifacts' content_size
  bool matches = true;                   // whether the host meets its requirements

  bool begins_chain() const { return manifest.previous_manifest_digest.empty(); }
};

// An accepted bundle. It does not change.
struct Bundle {
  std::shared_ptr<const Source> source;
  std::vector<Segment> segments;  // in file order
  uint64_t size;                  // bytes that the segments take
  uint64_t ignored;               // bytes behind them that recovery left out
  uint64_t items;                 // what counts for the limit of that name

  // SHA-256 of all payload digests in file order: names exactly this sequence of segments.
  std::string digest() const;
};

// Which row of which segment's table.
struct Row {
  uint32_t segment;
  uint32_t index;
};

// One artifact of a bundle; it keeps the bundle open.
class ArtifactRef {
 public:
  ArtifactRef(std::shared_ptr<const Bundle> bundle, Row row)
      : bundle_(std::move(bundle)), row_(row) {}

  NameView name() const { return table().name(row_.index); }
  std::string_view type() const { return name().type; }
  std::string_view key() const { return name().key; }
  v1::ArtifactKind kind() const { return table().kind(row_.index); }
  std::string_view content_digest() const { return table().digest(row_.index); }
  uint64_t content_size() const { return table().content_size[row_.index]; }
  std::vector<v1::ArtifactId> backends() const { return table().backends(row_.index); }
  std::vector<v1::Attribute> attributes() const { return table().attributes(row_.index); }

  const std::shared_ptr<const Bundle>& bundle() const { return bundle_; }
  const Segment& segment() const { return bundle_->segments[row_.segment]; }
  const ArtifactTable& table() const { return segment().manifest.artifacts; }
  uint32_t index() const { return row_.index; }

 private:
  std::shared_ptr<const Bundle> bundle_;
  Row row_;
};

// The current artifacts of a bundle; each is an object when it is looked at.
class CurrentArtifacts {
 public:
  class Iterator {
   public:
    Iterator(const CurrentArtifacts* of, size_t at) : of_(of), at_(at) {}
    ArtifactRef operator*() const { return (*of_)[at_]; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return at_ != other.at_; }

   private:
    const CurrentArtifacts* of_;
    size_t at_;
  };

  CurrentArtifacts(std::shared_ptr<const Bundle> bundle, Range<Row> rows)
      : bundle_(std::move(bundle)), rows_(rows) {}

  size_t size() const { return rows_.size(); }
  bool empty() const { return size() == 0; }
  ArtifactRef operator[](size_t index) const { return {bundle_, rows_[index]}; }
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, size()}; }

 private:
  std::shared_ptr<const Bundle> bundle_;
  Range<Row> rows_;
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
  // The current artifacts of the segments that match, in first-recorded order, as long as the
  // reader is there.
  CurrentArtifacts current() const;
  std::optional<ArtifactRef> find(std::string_view type, std::string_view key) const;

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
  std::unique_ptr<const Current> current_;
  std::unique_ptr<ContentReader> contents_;
};

}  // namespace precompile
