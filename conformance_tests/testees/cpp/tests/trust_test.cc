#include "bundles.h"
#include "curve.h"
#include "wire.h"

namespace precompile {
namespace {

std::string number(unsigned char low, unsigned char middle, unsigned char high) {
  std::string bytes(32, static_cast<char>(middle));
  bytes[0] = static_cast<char>(low);
  bytes[31] = static_cast<char>(high);
  return bytes;
}

TEST(Point, IsWhatRfc8032Decodes) {
  EXPECT_TRUE(is_point(number(1, 0, 0)));          // the neutral element: small, and a point
  EXPECT_FALSE(is_point(number(1, 0, 0x80)));      // x = 0 with its sign bit set
  EXPECT_TRUE(is_point(number(0xec, 0xff, 0x7f)));   // y = p - 1: x = 0
  EXPECT_FALSE(is_point(number(0xec, 0xff, 0xff)));
  EXPECT_FALSE(is_point(number(0xed, 0xff, 0x7f)));  // y = p
  EXPECT_FALSE(is_point(number(0xee, 0xff, 0x7f)));  // y = p + 1
  EXPECT_FALSE(is_point(number(0xff, 0xff, 0x7f)));
  EXPECT_FALSE(is_point(number(2, 0, 0)));         // no x
  EXPECT_TRUE(is_point(number(0, 0, 0)));          // y = 0: of order 4
  EXPECT_TRUE(is_point(number(0, 0, 0x80)));
  EXPECT_FALSE(is_point(std::string(31, '\0')));
  size_t points = 0;
  for (unsigned char y = 0; y < 128; ++y) points += is_point(number(y, 7, 1));
  EXPECT_GT(points, 40u);  // half of all y
  EXPECT_LT(points, 90u);
}

TEST(Policy, TakesAnyKeyThatSignsAndNoOtherBytes) {
  for (char seed = 0; seed < 50; ++seed) {
    const auto key = SigningKey::from_seed(std::string(32, seed));
    EXPECT_TRUE(Policy::trust({key->public_key()}, 1).ok());
  }
  EXPECT_TRUE(is_misuse(Policy::trust({number(2, 0, 0)}, 1)));
  EXPECT_TRUE(is_misuse(Policy::trust({"short"}, 1)));
}

TEST(Policy, HasAThresholdThatItsKeysCanReach) {
  const std::string one = SigningKey::from_seed(std::string(32, 'a'))->public_key();
  const std::string two = SigningKey::from_seed(std::string(32, 'b'))->public_key();
  EXPECT_TRUE(Policy::trust({one, two}, 2).ok());
  EXPECT_TRUE(is_misuse(Policy::trust({one, one}, 2)));
  EXPECT_TRUE(is_misuse(Policy::trust({one}, 0)));
}

// A bundle whose envelope has these fields behind its payload and type.
std::string signed_with(const std::string& fields) {
  const std::string payload;
  std::string envelope = make_envelope(payload, sha256(payload), std::nullopt).value();
  const size_t digest = envelope.size() - 34;
  envelope.insert(digest, fields);
  std::string bytes(kHeader);
  bytes += manifest_record(envelope);
  return bytes + footer_record({kHeader.size(), bytes.size() + kFooterSize});
}

std::string signed_in_place(const std::string& bytes, const SigningKey& key) {
  const File file;
  file.put(bytes);
  EXPECT_TRUE(sign_file(file.path(), key).ok());
  return file.get();
}

TEST(Signing, LetsOthersStayAndItsOwnGiveWay) {
  const auto key = SigningKey::from_seed(std::string(32, 's'));
  const std::string sig = key->sign(kPayloadType, "").value();
  const std::string own = signature_field(sig, key->keyid());
  const std::string wrong = signature_field(std::string(64, 'x'), key->keyid());
  const std::string other = signature_field("other", "");
  // An unknown field in it, and its fields in another order.
  const std::string odd("\x1a\x09\x12\x01k\x0a\x01s\x7a\x01u", 11);
  const std::string unknown("\x82\x01\x01u", 4);
  const auto expect = [&](const std::string& before, const std::string& after) {
    EXPECT_EQ(hex(signed_in_place(signed_with(before), key.value())), hex(signed_with(after)));
  };
  expect("", own);
  expect(own, own);
  expect(own + other, own + other);
  expect(own + own, own);
  expect(wrong, own);
  expect(other + wrong + odd, other + odd + own);
  expect(wrong + own + other, other + own);
  expect(odd + unknown, odd + own + unknown);
  expect(unknown + other, unknown + other + own);
}

TEST(Signing, RefusesWhatWouldPassItsReadersLimits) {
  const auto key = SigningKey::from_seed(std::string(32, 's'));
  std::string others;
  for (int i = 0; i < 64; ++i) others += signature_field("other", "");
  const File file;
  file.put(signed_with(others));
  EXPECT_EQ(code_of(sign_file(file.path(), key.value())), v1::ERROR_CODE_LIMIT_EXCEEDED);
  EXPECT_EQ(file.get(), signed_with(others));
}

}  // namespace
}  // namespace precompile
