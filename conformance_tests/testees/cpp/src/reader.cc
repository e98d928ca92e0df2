#include "precompile/reader.h"

#include "bundle.h"
#include "content_reader.h"
#include "current.h"
#include "source.h"
#include "try.h"

namespace precompile {

Reader::Reader(std::shared_ptr<const Bundle> bundle, const Limits& limits)
    : bundle_(std::move(bundle)),
      current_(std::make_unique<Current>(*bundle_, [](const Segment& s) { return s.matches; })),
      contents_(std::make_unique<ContentReader>(bundle_->source, limits)) {}

Reader::Reader(Reader&&) noexcept = default;
Reader& Reader::operator=(Reader&&) noexcept = default;
Reader::~Reader() = default;

Result<Reader> Reader::open(const std::string& path, const OpenOptions& options) {
  TRY_SET(auto source, Source::open(path));
  return open(std::move(source), options);
}

Result<Reader> Reader::open_bytes(std::string bytes, const OpenOptions& options) {
  return open(Source::of(std::move(bytes)), options);
}

Result<Reader> Reader::open(std::shared_ptr<const Source> source, const OpenOptions& options) {
  TRY_SET(auto bundle, open_bundle(std::move(source), options));
  return Reader(std::move(bundle), options.limits);
}

CurrentArtifacts Reader::current() const {
  const std::vector<Row>& rows = current_->rows();
  return {bundle_, {rows.data(), rows.data() + rows.size()}};
}

std::optional<ArtifactRef> Reader::find(std::string_view type, std::string_view key) const {
  const Row* const found = current_->find({type, key});
  if (found == nullptr) return std::nullopt;
  return ArtifactRef(bundle_, *found);
}

Result<Content> Reader::read(const ArtifactRef& artifact) {
  return contents_->read(artifact.segment(), artifact.index());
}

Result<std::optional<std::string_view>> Reader::view(const ArtifactRef& artifact) {
  return contents_->view(artifact.segment(), artifact.index());
}

}  // namespace precompile
