#include <openssl/rand.h>

#include <array>
#include <cstdlib>
#include <cstring>

#include "positions.h"

namespace precompile {
namespace {

using SipKey = std::array<uint64_t, 2>;

// The order of a hash table shows in nothing that is written or handed out. [PCB-DET-002]
const SipKey& key() {
  static const SipKey drawn = [] {
    SipKey made;
    if (RAND_bytes(reinterpret_cast<unsigned char*>(made.data()), sizeof made) != 1) std::abort();
    return made;
  }();
  return drawn;
}

uint64_t turned(uint64_t value, int bits) { return value << bits | value >> (64 - bits); }

struct SipState {
  uint64_t a, b, c, d;

  void round() {
    a += b;
    b = turned(b, 13) ^ a;
    a = turned(a, 32);
    c += d;
    d = turned(d, 16) ^ c;
    a += d;
    d = turned(d, 21) ^ a;
    c += b;
    b = turned(b, 17) ^ c;
    c = turned(c, 32);
  }
};

}  // namespace

uint64_t keyed_hash(std::string_view bytes) {
  const SipKey& k = key();
  SipState state{k[0] ^ 0x736f6d6570736575, k[1] ^ 0x646f72616e646f6d, k[0] ^ 0x6c7967656e657261,
                 k[1] ^ 0x7465646279746573};
  const auto mix = [&](uint64_t word) {
    state.d ^= word;
    state.round();
    state.a ^= word;
  };
  const size_t size = bytes.size();
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
    uint64_t word;
    std::memcpy(&word, bytes.data(), sizeof word);
    mix(word);
  }
  uint64_t last = static_cast<uint64_t>(size) << 56;
  for (size_t i = 0; i < bytes.size(); ++i) {
    last |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[i])) << 8 * i;
  }
  mix(last);
  state.c ^= 0xff;
  for (int i = 0; i < 3; ++i) state.round();
  return state.a ^ state.b ^ state.c ^ state.d;
}

}  // namespace precompile
