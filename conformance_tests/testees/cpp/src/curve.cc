#include "curve.h"

#include <openssl/bn.h>

#include <cstdlib>
#include <memory>
#include <string>

namespace precompile {
namespace {

struct FreeNumber {
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(BN_CTX* context) const { BN_CTX_free(context); }
};
using Number = std::unique_ptr<BIGNUM, FreeNumber>;
using Scratch = std::unique_ptr<BN_CTX, FreeNumber>;

// Only memory can be out; no key is accepted then.
void require(bool done) {
  if (!done) std::abort();
}

// Arithmetic modulo p = 2^255 - 19.
class Modular {
 public:
  Modular() : context_(BN_CTX_new()), p_(BN_new()) {
    require(context_ != nullptr && p_ != nullptr && BN_set_bit(p_.get(), 255) == 1 &&
            BN_sub_word(p_.get(), 19) == 1);
  }

  Number small(BN_ULONG value) const {
    Number number(BN_new());
    require(number != nullptr && BN_set_word(number.get(), value) == 1);
    return number;
  }
  bool has(const Number& a) const { return BN_cmp(a.get(), p_.get()) < 0; }
  Number add(const Number& a, const Number& b) const { return apply(BN_mod_add, a, b); }
  Number sub(const Number& a, const Number& b) const { return apply(BN_mod_sub, a, b); }
  Number mul(const Number& a, const Number& b) const { return apply(BN_mod_mul, a, b); }
  Number inverse(const Number& a) const {
    Number result(BN_mod_inverse(nullptr, a.get(), p_.get(), context_.get()));
    require(result != nullptr);
    return result;
  }
  bool is_square(const Number& a) const {
    return BN_is_zero(a.get()) || BN_kronecker(a.get(), p_.get(), context_.get()) == 1;
  }

 private:
  template <class Operation>
  Number apply(Operation operation, const Number& a, const Number& b) const {
    Number result(BN_new());
    require(result != nullptr &&
            operation(result.get(), a.get(), b.get(), p_.get(), context_.get()) == 1);
    return result;
  }

  Scratch context_;
  Number p_;
};

}  // namespace

bool is_point(std::string_view encoded) {
  if (encoded.size() != 32) return false;
  std::string bytes(encoded);
  const bool sign = (static_cast<unsigned char>(bytes[31]) & 0x80) != 0;
  bytes[31] = static_cast<char>(bytes[31] & 0x7f);
  const Modular field;
  const Number y(BN_lebin2bn(reinterpret_cast<const unsigned char*>(bytes.data()), 32, nullptr));
  require(y != nullptr);
  if (!field.has(y)) return false;
  // -x^2 + y^2 = 1 + d x^2 y^2, with d = -121665/121666: x^2 = (y^2 - 1) / (d y^2 + 1), whose
  // divisor is never 0, since -1/d is no square.
  const Number one = field.small(1);
  const Number d = field.mul(field.sub(field.small(0), field.small(121665)),
                             field.inverse(field.small(121666)));
  const Number y_squared = field.mul(y, y);
  const Number x_squared = field.mul(field.sub(y_squared, one),
                                     field.inverse(field.add(field.mul(d, y_squared), one)));
  if (BN_is_zero(x_squared.get())) return !sign;  // x = 0 has no negative
  return field.is_square(x_squared);
}

}  // namespace precompile
