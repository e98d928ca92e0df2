// Signing a bundle file anew: envelopes grow, payloads and blocks stay as they are.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "envelope.h"
#include "file_appender.h"
#include "frame.h"
#include "source.h"
#include "try.h"
#include "walk.h"

namespace precompile {
namespace {

constexpr size_t kChunk = 1 << 20;

// Removes the file where it was not renamed.
class Temporary {
 public:
  explicit Temporary(std::string path) : path_(std::move(path)) {}
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  Status rename_to(const std::string& target) {
    if (std::rename(path_.c_str(), target.c_str()) != 0) return system_error(target);
    path_.clear();
    return Done{};
  }

 private:
  std::string path_;
};

// Writes one segment with a signature more, or as it is where the key has signed it already.
Status write_signed(const Source& source, const Segment& segment, const SigningKey& key,
                    const Sink& sink) {
  for (uint64_t at = segment.offset; at < segment.manifest_offset; at += kChunk) {
    const auto size = static_cast<size_t>(std::min<uint64_t>(kChunk, segment.manifest_offset - at));
    TRY_SET(const std::string bytes, source.read(at, size));
    TRY(sink(bytes));
  }
  const Span span{segment.offset, segment.manifest_offset,
                  segment.offset + segment.size - kFooterSize};
  TRY_SET(v1::Envelope envelope, read_envelope(source, span, Limits()));
  const auto& signatures = envelope.signatures();
  if (std::none_of(signatures.begin(), signatures.end(),
                   [&](const auto& signature) { return signature.keyid() == key.keyid(); })) {
    TRY(key.sign(envelope));
  }
  const std::string bytes = envelope.SerializeAsString();
  const std::string head = kManifestTag + varint(bytes.size());
  const uint64_t offset = segment.manifest_offset - segment.offset;
  TRY(sink(head));
  TRY(sink(bytes));
  return sink(footer_record({offset, offset + head.size() + bytes.size() + kFooterSize}));
}

}  // namespace

// [PCB-SIGN-010] [PCB-SIGN-011] [PCB-APPD-009]
Status sign_file(const std::string& path, const SigningKey& key, const OpenOptions& open) {
  TRY_SET(const Descriptor locked, lock_file(path, 0));
  TRY_SET(const auto source, Source::open(locked.number()));
  TRY_SET(const Reader reader, Reader::open(source, open));
  struct stat status;
  if (::fstat(locked.number(), &status) != 0) return system_error(path);
  std::string name = path + ".XXXXXX";
  const Descriptor made(::mkostemp(name.data(), O_CLOEXEC));
  if (made.number() < 0) return system_error(name);
  Temporary temporary(name);
  if (::fchmod(made.number(), status.st_mode & 07777) != 0) return system_error(name);
  uint64_t at = 0;
  for (const Segment& segment : reader.bundle()->segments) {
    TRY(write_signed(*source, segment, key, [&](std::string_view bytes) {
      at += bytes.size();
      return write_at(made, at - bytes.size(), bytes);
    }));
  }
  if (::fsync(made.number()) != 0) return system_error(name);
  TRY(temporary.rename_to(path));
  return sync_directory_of(path);
}

}  // namespace precompile
