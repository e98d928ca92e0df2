// Requests to write: class Writer.
#include "precompile/writer.h"
#include "requests.h"

namespace testee {
namespace {

precompile::NewSegment segment_of(const c1::SegmentDescription& description) {
  precompile::NewSegment segment;
  segment.requirements = {description.requirements().begin(), description.requirements().end()};
  segment.removed = {description.removed().begin(), description.removed().end()};
  for (const auto& described : description.artifacts()) {
    precompile::NewArtifact artifact;
    artifact.type = described.type();
    artifact.key = described.key();
    artifact.kind = described.kind();
    artifact.backends = {described.backends().begin(), described.backends().end()};
    artifact.attributes = {described.attributes().begin(), described.attributes().end()};
    artifact.content = precompile::SharedBytes::of(described.content());
    segment.artifacts.push_back(std::move(artifact));
  }
  return segment;
}

}  // namespace

void write(const c1::WriteRequest& request, c1::Response& response) {
  if (request.spec_version() != "1.0") {
    response.mutable_unsupported()->set_detail("Only version 1.0 is written.");
    return;
  }
  precompile::Writer writer;
  if (request.segments().empty()) {
    return refuse(precompile::Error::misuse("A bundle has at least one segment."), response);
  }
  for (const auto& description : request.segments()) {
    const auto status = writer.add(segment_of(description));
    if (!status.ok()) return refuse(status.error(), response);
  }
  response.mutable_written()->set_bundle(writer.bytes());
}

void append(const c1::AppendRequest& request, c1::Response& response) {
  const auto status = precompile::append(request.path(), segment_of(request.segment()));
  if (!status.ok()) return refuse(status.error(), response);
  response.mutable_appended();
}

void sign(const c1::SignRequest& request, c1::Response& response) {
  const auto key = precompile::SigningKey::from_seed(request.seed());
  if (!key.ok()) return refuse(key.error(), response);
  const auto status = precompile::sign_file(request.path(), key.value());
  if (!status.ok()) return refuse(status.error(), response);
  response.mutable_signed_();
}

void concatenate(const c1::ConcatenateRequest& request, c1::Response& response) {
  auto bytes = precompile::concatenate({request.paths().begin(), request.paths().end()});
  if (!bytes.ok()) return refuse(bytes.error(), response);
  response.mutable_written()->set_bundle(std::move(bytes.value()));
}

}  // namespace testee
