#include "precompile/reader.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "bundle.h"
#include "content_reader.h"
#include "identity.h"
#include "source.h"
#include "try.h"

namespace precompile {
namespace {

std::tuple<std::string_view, std::string_view> name_of(const ArtifactRef& artifact) {
  return {artifact->type(), artifact->key()};
}

}  // namespace

Reader::Reader(std::shared_ptr<const Bundle> bundle, const Limits& limits)
    : bundle_(std::move(bundle)),
      contents_(std::make_unique<ContentReader>(bundle_->source, limits)) {
  const auto current = current_of(bundle_, [](const Segment& s) { return s.matches; });
  for (const auto& [place, artifact] : current.in_order()) current_.push_back(artifact);
  by_name_.resize(current_.size());
  std::iota(by_name_.begin(), by_name_.end(), size_t{0});
  std::sort(by_name_.begin(), by_name_.end(), [&](size_t a, size_t b) {
    return name_of(current_[a]) < name_of(current_[b]);
  });
}

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

const ArtifactRef* Reader::find(std::string_view type, std::string_view key) const {
  const std::tuple<std::string_view, std::string_view> name(type, key);
  const auto found = std::lower_bound(
      by_name_.begin(), by_name_.end(), name,
      [&](size_t index, const auto& wanted) { return name_of(current_[index]) < wanted; });
  if (found == by_name_.end() || name_of(current_[*found]) != name) return nullptr;
  return &current_[*found];
}

Result<Content> Reader::read(const ArtifactRef& artifact) {
  return contents_->read(artifact.in(), *artifact);
}

Result<std::optional<std::string_view>> Reader::view(const ArtifactRef& artifact) {
  return contents_->view(artifact.in(), *artifact);
}

bool same_artifact(const v1::Artifact& a, const v1::Artifact& b) {
  return identity(a) == identity(b);
}

}  // namespace precompile
