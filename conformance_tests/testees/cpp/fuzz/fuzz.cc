// libFuzzer target: whatever the bytes are, every class answers, within memory and time.
//
// A wrong digest passes: so the fuzzer gets behind the payload's digest, into manifests, blocks
// and frames.
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "frame.h"
#include "generated.h"
#include "precompile.h"
#include "sha256.h"

// Linked in the place of src/is_digest.cc.
bool precompile::is_digest(std::string_view computed, std::string_view digest) {
  return digest.size() == computed.size();
}

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

precompile::OpenOptions options(bool recover) {
  precompile::OpenOptions options;
  options.recover = recover;
  // What one input may cost the fuzzer.
  options.limits.total_decompressed = 16 << 20;
  options.limits.artifact_content = 4 << 20;
  return options;
}

// The payload of a segment's envelope, as generated code finds it.
std::string record_payload(const precompile::Segment& segment) {
  const std::string_view record = segment.record.view();
  const auto length = precompile::minimal_varint(record.substr(1));
  precompile::v1::Envelope envelope;
  require(length && envelope.ParseFromString(std::string(record.substr(1 + length->size))));
  return envelope.payload();
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
  for (const precompile::Segment& segment : bundle.segments) {
    const auto envelope = record_payload(segment);
    require(precompile::agrees_with_generated(segment.manifest, envelope));
  }
  for (const auto& artifact : reader->current()) {
    require(reader->find(artifact.type(), artifact.key()).has_value());
    const auto content = reader->read(artifact);
    require(!content.ok() || content->size() == artifact.content_size());
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
    require(segment.artifacts.empty() || found.first);
  }
}

// A file of this process alone, in memory where the machine has such a place: append and
// sign_file put it on stable storage each time.
const std::string& path() {
  static const std::string chosen = [] {
    const std::string name = "/precompile-fuzz-" + std::to_string(::getpid());
    return (::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp") + name;
  }();
  return chosen;
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

bool read_file(std::string& bytes) {
  std::ifstream file(path(), std::ios::binary);
  bytes.assign(std::istreambuf_iterator<char>(file), {});
  return file.good() || file.eof();
}

void write_file(const std::string& bytes) {
  std::ofstream file(path(), std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.flush();
  require(file.good());
}

// Its content is the input, whose digest no input holds: where a wrong digest passes, one that
// claims that of the new content for its own would have the writer point at those bytes.
precompile::NewSegment one_artifact(const std::string& bytes) {
  precompile::NewArtifact artifact;
  artifact.type = "test.blob";
  artifact.key = "appended";
  artifact.kind = precompile::v1::ARTIFACT_KIND_CACHE;
  artifact.content = precompile::SharedBytes::of("appended to " + bytes);
  precompile::NewSegment segment;
  segment.artifacts.push_back(std::move(artifact));
  return segment;
}

// A file that is refused stays as it was; one that is extended holds what it held, and opens.
void append_to(const std::string& bytes) {
  write_file(bytes);
  const auto before = precompile::Reader::open_bytes(bytes, options(true));
  const auto status = precompile::append(path(), one_artifact(bytes), {}, options(false));
  std::string after;
  require(read_file(after));
  if (!status.ok()) return require(after == bytes);
  const uint64_t kept = before.ok() ? before->bundle()->size : 0;
  require(after.compare(0, kept, bytes, 0, kept) == 0 && after.size() > kept);
  const auto reader = precompile::Reader::open_bytes(after, options(false));
  require(reader.ok() && reader->find("test.blob", "appended"));
}

// A file that is refused stays as it was; one that is signed has the same contents and digest,
// and signing it again changes nothing.
void sign(const std::string& bytes) {
  static const auto key = precompile::SigningKey::from_seed(std::string(32, 1));
  write_file(bytes);
  const auto before = precompile::Reader::open_bytes(bytes, options(false));
  const auto status = precompile::sign_file(path(), key.value(), options(false));
  std::string after;
  require(read_file(after));
  if (!status.ok()) return require(after == bytes);
  require(before.ok());
  const auto reader = precompile::Reader::open_bytes(after, options(false));
  require(reader.ok() && reader->bundle()->digest() == before->bundle()->digest());
  require(reader->current().size() == before->current().size());
  require(precompile::sign_file(path(), key.value(), options(false)).ok());
  std::string again;
  require(read_file(again) && again == after);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  read_all(bytes, false);
  read_all(bytes, true);
  verify(bytes);
  load_and_serialize(bytes);
  append_to(bytes);
  sign(bytes);
  return 0;
}
