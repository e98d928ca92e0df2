// Requests to read: class Reader and class Verifier.
#include "dump.h"
#include "precompile/verifier.h"
#include "requests.h"

namespace testee {
namespace {

constexpr size_t kMostContent = 1 << 20;

precompile::Limits limits_of(const c1::ReadLimits& asked) {
  precompile::Limits limits;
  const auto set = [](uint64_t& limit, uint64_t value) {
    if (value != 0) limit = value;
  };
  set(limits.manifest_bytes, asked.manifest_bytes());
  set(limits.items, asked.items());
  set(limits.segments, asked.segments());
  set(limits.signatures, asked.signatures());
  set(limits.total_content, asked.total_content());
  set(limits.total_decompressed, asked.total_decompressed());
  return limits;
}

}  // namespace

void read(const c1::ReadRequest& request, c1::Response& response) {
  precompile::OpenOptions options;
  options.recover = request.recover();
  options.limits = limits_of(request.limits());
  if (request.has_host()) options.host = host_of(request.host());
  auto policy = policy_of(request.has_trust() ? &request.trust() : nullptr);
  if (!policy.ok()) return refuse(policy.error(), response);
  options.policy = std::move(policy.value());
  auto verifier = precompile::Verifier::open(request.path(), options, request.expected_digest());
  if (!verifier.ok()) return refuse(verifier.error(), response);
  const auto found = verifier->verify();
  *response.mutable_bundle() = dump(verifier->reader(), found);
}

void extract(const c1::ExtractRequest& request, c1::Response& response) {
  auto reader = precompile::Reader::open(request.path());
  if (!reader.ok()) return refuse(reader.error(), response);
  auto& extracted = *response.mutable_extracted();
  const auto artifact = reader->find(request.type(), request.key());
  extracted.set_found(artifact.has_value());
  if (!artifact) return;
  const auto content = reader->read(*artifact);
  if (!content.ok()) return refuse(content.error(), response);
  extracted.set_content_size(content->size());
  extracted.set_content_digest(std::string(artifact->content_digest()));
  if (content->size() <= kMostContent) extracted.set_content(content->str());
}

}  // namespace testee
