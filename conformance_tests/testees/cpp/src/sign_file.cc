// Signing a bundle file anew: envelopes grow, payloads and blocks stay as they are.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iterator>

#include "envelope.h"
#include "locked_file.h"
#include "pack.h"
#include "frame.h"
#include "source.h"
#include "try.h"
#include "walk.h"
#include "wire.h"

namespace precompile {
namespace {

constexpr size_t kCopied = 1 << 20;

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

// An envelope's fields as they stand, but for the signatures under the key's own keyid, which give
// way to the one that signing gives: it comes behind the others. [PCB-SIGN-013]
Result<std::string> sign_envelope(const EnvelopeRecord& read, const SigningKey& key) {
  const Envelope& envelope = read.envelope;
  TRY_SET(const std::string sig, key.sign(envelope.payload_type, envelope.payload));
  const std::string keyid = key.keyid();
  std::vector<Signature> own;
  std::copy_if(envelope.signatures.begin(), envelope.signatures.end(), std::back_inserter(own),
               [&](const Signature& signature) { return signature.keyid == keyid; });
  if (own.size() == 1 && own[0].sig == sig) return std::string(read.bytes);
  std::string kept;
  size_t place = 0;  // behind the last of the fields up to the signatures
  size_t signature = 0;
  Fields fields(read.bytes);
  for (Field field; fields.next(field);) {
    if (field.is(kSignatures, kBytes) && envelope.signatures[signature++].keyid == keyid) continue;
    kept += field.raw;
    if (field.number <= kSignatures) place = kept.size();
  }
  return kept.insert(place, signature_field(sig, keyid));
}

// Writes one segment, its envelope signed, its payload and blocks as they are.
Status write_signed(const Source& source, const Segment& segment, const SigningKey& key,
                    const Limits& limits, const Sink& sink) {
  for (uint64_t at = segment.offset; at < segment.manifest_offset; at += kCopied) {
    const auto size = static_cast<size_t>(std::min<uint64_t>(kCopied, segment.manifest_offset - at));
    TRY_SET(const std::string bytes, source.read(at, size));
    TRY(sink(bytes));
  }
  const Span span{segment.offset, segment.manifest_offset,
                  segment.offset + segment.size - kFooterSize};
  TRY_SET(const EnvelopeRecord read, read_envelope(source, span, limits));
  TRY_SET(const std::string envelope, sign_envelope(read, key));
  const std::string record = manifest_record(envelope);
  const auto signatures = count_signatures(envelope);
  // [PCB-LIM-007]
  if (record.size() > limits.manifest_bytes || !signatures || *signatures > limits.signatures) {
    return Error::rejection(v1::ERROR_CODE_LIMIT_EXCEEDED, segment.manifest_offset,
                            "With this signature the manifest would pass its readers' limits.");
  }
  const uint64_t offset = segment.manifest_offset - segment.offset;
  TRY(sink(record));
  return sink(footer_record({offset, offset + record.size() + kFooterSize}));
}

}  // namespace

// [PCB-SIGN-010] [PCB-SIGN-011] [PCB-APPD-009]
Status sign_file(const std::string& path, const SigningKey& key, const OpenOptions& open) {
  TRY_SET(const LockedFile file, lock_file(path, false));
  const Descriptor& locked = file.file;
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
    TRY(write_signed(*source, segment, key, open.limits, [&](std::string_view bytes) {
      at += bytes.size();
      return write_at(made, at - bytes.size(), bytes);
    }));
  }
  if (::fsync(made.number()) != 0) return system_error(name);
  TRY(temporary.rename_to(path));
  return sync_directory_of(path);
}

}  // namespace precompile
