// libFuzzer target: whatever the bytes are, every class answers, within memory and time.
//
// Built with FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION, in which a wrong digest passes: so the
// fuzzer gets behind the payload's digest, into manifests, blocks and frames.
#include <cstdint>
#include <cstdlib>

#include "precompile.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

precompile::OpenOptions options(bool recover) {
  precompile::OpenOptions options;
  options.recover = recover;
  // What one input may cost the fuzzer.
  options.limits.block_content = 1 << 20;
  options.limits.total_decompressed = 16 << 20;
  options.limits.artifact_content = 4 << 20;
  return options;
}

void read_all(const std::string& bytes, bool recover) {
  auto reader = precompile::Reader::open_bytes(bytes, options(recover));
  if (!reader.ok()) {
    require(reader.error().kind == precompile::Error::Kind::kRejection);
    require(reader.error().offset && *reader.error().offset <= bytes.size());
    return;
  }
  const precompile::Bundle& bundle = *reader->bundle();
  require(bundle.size + bundle.ignored == bytes.size());
  for (const auto& artifact : reader->current()) {
    require(reader->find(artifact->type(), artifact->key()) != nullptr);
    const auto content = reader->read(artifact);
    require(!content.ok() || content->size() == artifact->content_size());
    const auto view = reader->view(artifact);
    require(!view.ok() || !view.value() || !content.ok() || content->view() == *view.value());
  }
}

void verify(const std::string& bytes) {
  auto reader = precompile::Reader::open_bytes(bytes, options(false));
  if (!reader.ok()) return;
  precompile::Verifier verifier(std::move(reader.value()));
  const auto found = verifier.verify();
  for (const auto& segment : found.segments) {
    for (const auto& fault : segment.artifacts) require(!fault || found.first);
  }
}

// What a context loads it gives back, byte for byte.
void load_and_serialize(const std::string& bytes) {
  precompile::ContextOptions chosen;
  chosen.policy = precompile::Policy::accept_unsigned();
  chosen.limits = options(true).limits;
  auto context = precompile::Context::create(std::move(chosen));
  require(context.ok());
  const auto loaded = context->load_bytes(bytes);
  if (!loaded.ok()) return;
  require(!context->need_serialize());
  const auto serialized = context->serialize();
  require(serialized.ok() && serialized.value());
  require(serialized.value()->bundle == bytes.substr(0, bytes.size() - loaded->ignored));
  require(context->load_bytes(serialized.value()->bundle).ok());
  const auto again = context->serialize();
  require(again.ok() && again.value()->bundle == serialized.value()->bundle);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  read_all(bytes, false);
  read_all(bytes, true);
  verify(bytes);
  load_and_serialize(bytes);
  return 0;
}
