// What later versions write: refused by name, never cut off, never appended to.
#include "bundles.h"

namespace precompile {
namespace {

const std::string kFirst = bundle_of({segment({artifact("a", "one")})});

// A complete segment of another major version.
std::string of_major(uint64_t major) {
  const std::string magic = std::string(kHeader.substr(2, 20)) + varint(major);
  const std::string header = "\x0a" + varint(magic.size()) + magic;
  std::string bytes = header;
  bytes += manifest_record("new");
  return bytes + footer_record({header.size(), bytes.size() + kFooterSize});
}

v1::ErrorCode code_recovering(const std::string& bytes, uint64_t offset) {
  OpenOptions options;
  options.recover = true;
  const auto reader = Reader::open_bytes(bytes, options);
  EXPECT_TRUE(reader.ok() || reader.error().offset == offset);
  return code_of(reader);
}

void expect_unchanged(const std::string& bytes, v1::ErrorCode code, uint64_t offset) {
  const File file;
  file.put(bytes);
  const auto status = append(file.path(), segment({artifact("b", "two")}));
  ASSERT_EQ(code_of(status), code);
  EXPECT_EQ(status.error().offset, offset);
  EXPECT_EQ(file.get(), bytes);
}

TEST(OtherMajor, IsNoTornTail) {
  for (const uint64_t major : std::vector<uint64_t>{0, 2, 128, UINT64_MAX}) {
    const std::string whole = kFirst + of_major(major);
    for (const std::string& bytes : {whole, whole + "torn", whole.substr(0, whole.size() - 1)}) {
      EXPECT_EQ(code_recovering(bytes, kFirst.size()), v1::ERROR_CODE_UNSUPPORTED_VERSION);
      expect_unchanged(bytes, v1::ERROR_CODE_UNSUPPORTED_VERSION, kFirst.size());
    }
  }
}

TEST(OtherMajor, CommittedBehindDamageIsNotCutOff) {
  std::string torn = kFirst;
  torn.back() = static_cast<char>(torn.back() ^ 1);  // of its footer
  const std::string bytes = kFirst + torn + of_major(2) + "torn";
  EXPECT_EQ(code_recovering(bytes, 0), v1::ERROR_CODE_UNSPECIFIED);
  expect_unchanged(bytes, v1::ERROR_CODE_MALFORMED_FRAME, kFirst.size());
}

TEST(OtherMajor, IsTornWhereItsVersionIsNotAll) {
  const std::string bytes = kFirst + of_major(128).substr(0, 23);
  EXPECT_EQ(code_recovering(bytes, 0), v1::ERROR_CODE_UNSPECIFIED);
}

std::string of_type(const std::string& type) {
  const std::string payload;
  v1::Envelope envelope;
  envelope.set_payload_type(type);
  envelope.set_payload_digest(sha256(payload));
  std::string bytes(kHeader);
  bytes += manifest_record(envelope.SerializeAsString());
  return bytes + footer_record({kHeader.size(), bytes.size() + kFooterSize});
}

TEST(OtherPayloadType, IsALaterVersionsAndNeverAppendedTo) {
  for (const std::string type : {"", "application/vnd.precompile.manifest.v2+protobuf"}) {
    const std::string bytes = kFirst + of_type(type);
    for (const std::string tail : {"", "torn"}) {
      const uint64_t offset = kFirst.size() + kHeader.size();
      EXPECT_EQ(code_recovering(bytes + tail, offset), v1::ERROR_CODE_UNSUPPORTED_FEATURE);
      expect_unchanged(bytes + tail, v1::ERROR_CODE_UNSUPPORTED_FEATURE, offset);
    }
  }
}

TEST(Envelope, HasItsSignaturesCountedBeforeTheyAreDecoded) {
  const auto code = [](const std::string& signatures) {
    std::string envelope = make_envelope("", sha256(""), std::nullopt).value() + signatures;
    std::string bytes(kHeader);
    bytes += manifest_record(envelope);
    return code_of(Reader::open_bytes(
        bytes + footer_record({kHeader.size(), bytes.size() + kFooterSize})));
  };
  const auto times = [](const std::string& field, int count) {
    std::string fields;
    for (int i = 0; i < count; ++i) fields += field;
    return fields;
  };
  const std::string empty("\x1a\x00", 2), malformed("\x1a\x01\xff", 3);
  EXPECT_EQ(code(times(empty, 64)), v1::ERROR_CODE_UNSPECIFIED);
  EXPECT_EQ(code(times(empty, 65)), v1::ERROR_CODE_LIMIT_EXCEEDED);
  EXPECT_EQ(code(times(malformed, 64)), v1::ERROR_CODE_MALFORMED_FRAME);
  EXPECT_EQ(code(times(malformed, 65)), v1::ERROR_CODE_LIMIT_EXCEEDED);
  EXPECT_EQ(code(times(empty, 65) + "\xff"), v1::ERROR_CODE_MALFORMED_FRAME);
  EXPECT_EQ(code("\x83\x01" + times(empty, 65) + "\x84\x01"), v1::ERROR_CODE_UNSPECIFIED);
}

}  // namespace
}  // namespace precompile
