// SHA-256, the digest of the format.
#pragma once

#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace precompile {

inline constexpr size_t kDigestSize = 32;

// Takes bytes in parts. After finish() it begins anew.
class Sha256 {
 public:
  Sha256();
  void update(std::string_view data);
  std::string finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

std::string sha256(std::string_view data);
std::string hex(std::string_view bytes);

// Whether data has the digest. The fuzzer brings an is_digest of its own.
bool has_digest(std::string_view data, std::string_view digest);
bool is_digest(std::string_view computed, std::string_view digest);

}  // namespace precompile
