// Whose bundles are accepted, and the keys that sign them.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "precompile/result.h"

struct evp_pkey_st;

namespace precompile {

using Key = std::shared_ptr<evp_pkey_st>;

struct Signature {
  std::string_view sig;
  std::string_view keyid;
};

// The signing envelope around a manifest; views of its record, which has to stay.
struct Envelope {
  std::string_view payload;
  std::string_view payload_type;
  std::string_view payload_digest;
  std::vector<Signature> signatures;
};

// Either everything is accepted, or what enough of the trusted keys signed.
class Policy {
 public:
  // Signatures are not looked at.
  static Policy accept_unsigned() { return {}; }
  // Every segment is refused.
  static Policy trust_nobody();
  // Raw Ed25519 public keys of 32 bytes, each a point of the curve; `threshold` of them must have
  // signed each segment.
  static Result<Policy> trust(const std::vector<std::string>& public_keys, size_t threshold);

  // Refuses an envelope, without an offset: UNSIGNED, BAD_SIGNATURE, UNTRUSTED_SIGNER.
  Status check(const Envelope& envelope) const;

 private:
  Policy() = default;
  size_t threshold_ = 0;              // 0: everything is accepted
  std::map<std::string, Key> keys_;   // by keyid
};

// An Ed25519 private key.
class SigningKey {
 public:
  // From the 32 bytes of RFC 8032.
  static Result<SigningKey> from_seed(std::string_view seed);

  const std::string& public_key() const { return public_key_; }
  // Lower-case hexadecimal SHA-256 of the raw public key.
  std::string keyid() const;
  // The signature, 64 bytes, the same each time.
  Result<std::string> sign(std::string_view payload_type, std::string_view payload) const;

 private:
  Key key_;
  std::string public_key_;
};

}  // namespace precompile
