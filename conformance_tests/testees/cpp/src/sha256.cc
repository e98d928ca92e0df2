#include "sha256.h"

#include <openssl/evp.h>

#include <cstdlib>

namespace precompile {
namespace {

// SHA-256 fails only where memory is out or the library has no such algorithm: neither can
// be told from the bytes, and no answer may be given without a digest.
void require(int done) {
  if (done != 1) std::abort();
}

}  // namespace

void Sha256::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  require(context_ != nullptr);
  require(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr));
}

void Sha256::update(std::string_view data) {
  require(EVP_DigestUpdate(context_.get(), data.data(), data.size()));
}

std::string Sha256::finish() {
  std::string digest(kDigestSize, '\0');
  require(EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(digest.data()),
                             nullptr));
  require(EVP_DigestInit_ex(context_.get(), nullptr, nullptr));
  return digest;
}

std::string sha256(std::string_view data) {
  Sha256 hash;
  hash.update(data);
  return hash.finish();
}

std::string hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    text += kDigits[static_cast<unsigned char>(byte) >> 4];
    text += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

bool has_digest(std::string_view data, std::string_view digest) {
  return is_digest(sha256(data), digest);
}

}  // namespace precompile
