#include "precompile/trust.h"

#include <openssl/evp.h>

#include <set>

#include "curve.h"
#include "sha256.h"
#include "try.h"

namespace precompile {
namespace {

constexpr size_t kKeySize = 32;
constexpr size_t kSignatureSize = 64;

struct FreeDigest {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

const unsigned char* raw(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

Key owned(EVP_PKEY* key) {
  return {key, [](EVP_PKEY* freed) { EVP_PKEY_free(freed); }};
}

// What is signed: the pre-authentication encoding of DSSE v1.
std::string signed_bytes(std::string_view payload_type, std::string_view payload) {
  std::string bytes = "DSSEv1";
  for (const std::string_view part : {payload_type, payload}) {
    bytes += ' ';
    bytes += std::to_string(part.size());
    bytes += ' ';
    bytes += part;
  }
  return bytes;
}

// [PCB-SIGN-007] libcrypto refuses an S that is not below the group's order.
bool verifies(const Key& key, std::string_view signature, const std::string& message) {
  if (signature.size() != kSignatureSize) return false;
  const std::unique_ptr<EVP_MD_CTX, FreeDigest> context(EVP_MD_CTX_new());
  return context != nullptr &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), raw(signature), signature.size(), raw(message),
                          message.size()) == 1;
}

}  // namespace

Policy Policy::trust_nobody() {
  Policy policy;
  policy.threshold_ = 1;
  return policy;
}

Result<Policy> Policy::trust(const std::vector<std::string>& public_keys, size_t threshold) {
  if (threshold < 1) return Error::misuse("A policy's threshold is at least 1.");
  Policy policy;
  policy.threshold_ = threshold;
  for (const std::string& bytes : public_keys) {
    // [PCB-SIGN-012] libcrypto takes any 32 bytes, and fails with them only when it verifies.
    if (!is_point(bytes)) return Error::misuse("A trusted key is no Ed25519 public key.");
    Key key = owned(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw(bytes), kKeySize));
    if (key == nullptr) return Error::system("libcrypto takes no Ed25519 public key.");
    policy.keys_[hex(sha256(bytes))] = std::move(key);
  }
  if (!policy.keys_.empty() && threshold > policy.keys_.size()) {
    return Error::misuse("A policy's threshold is at most the number of its different keys.");
  }
  return policy;
}

Status Policy::check(const Envelope& envelope) const {
  if (threshold_ == 0) return Done{};
  // [PCB-SIGN-004]
  if (envelope.signatures.empty()) {
    return Error::rejection(v1::ERROR_CODE_UNSIGNED, std::nullopt, "A segment is not signed.");
  }
  const std::string message = signed_bytes(envelope.payload_type, envelope.payload);
  std::set<std::string> signers;
  bool wrong = false;
  // [PCB-SIGN-002]
  for (const Signature& signature : envelope.signatures) {
    if (signature.keyid.empty()) {
      for (const auto& [keyid, key] : keys_) {
        if (verifies(key, signature.sig, message)) signers.insert(keyid);
      }
    } else if (const auto named = keys_.find(std::string(signature.keyid));
               named != keys_.end()) {
      if (verifies(named->second, signature.sig, message)) {
        signers.insert(named->first);
      } else {
        wrong = true;
      }
    }
  }
  if (signers.size() >= threshold_) return Done{};  // [PCB-SIGN-003]
  if (wrong) {                                      // [PCB-SIGN-005]
    return Error::rejection(v1::ERROR_CODE_BAD_SIGNATURE, std::nullopt,
                            "A signature of a trusted key does not verify.");
  }
  return Error::rejection(v1::ERROR_CODE_UNTRUSTED_SIGNER, std::nullopt,  // [PCB-SIGN-006]
                          std::to_string(signers.size()) + " of the trusted keys signed a segment; " +
                              std::to_string(threshold_) + " are needed.");
}

Result<SigningKey> SigningKey::from_seed(std::string_view seed) {
  SigningKey key;
  key.key_ = owned(seed.size() == kKeySize ? EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr,
                                                                          raw(seed), seed.size())
                                           : nullptr);
  if (key.key_ == nullptr) return Error::misuse("A private key of Ed25519 has 32 bytes.");
  key.public_key_.resize(kKeySize);
  size_t size = kKeySize;
  if (EVP_PKEY_get_raw_public_key(key.key_.get(),
                                  reinterpret_cast<unsigned char*>(key.public_key_.data()),
                                  &size) != 1) {
    return Error::system("libcrypto gives no public key.");
  }
  return key;
}

std::string SigningKey::keyid() const { return hex(sha256(public_key_)); }

// [PCB-SIGN-001]
Result<std::string> SigningKey::sign(std::string_view payload_type,
                                     std::string_view payload) const {
  const std::string message = signed_bytes(payload_type, payload);
  std::string signature(kSignatureSize, '\0');
  size_t size = signature.size();
  const std::unique_ptr<EVP_MD_CTX, FreeDigest> context(EVP_MD_CTX_new());
  if (context == nullptr ||
      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     raw(message), message.size()) != 1) {
    return Error::system("libcrypto does not sign.");
  }
  return signature;
}

}  // namespace precompile
