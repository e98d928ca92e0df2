// A hash table of positions: what they stand for stays where it is, in the caller's columns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "precompile/manifest.h"

namespace precompile {

// SipHash-1-3 with a key of this process: nobody can choose names that fall together.
uint64_t keyed_hash(std::string_view bytes);

// The hash of a name, from that of its type: a table has few types and many keys.
inline uint64_t name_hash(uint64_t type_hash, std::string_view key) {
  return (type_hash << 32 | type_hash >> 32) ^ keyed_hash(key);
}
inline uint64_t name_hash(const NameView& name) {
  return name_hash(keyed_hash(name.type), name.key);
}

class Positions {
 public:
  void clear() {
    slots_.clear();
    count_ = 0;
  }

  // Makes room for so many positions altogether.
  void reserve(size_t count) {
    size_t size = slots_.empty() ? 16 : slots_.size();
    while (size / 3 * 2 < count) size *= 2;
    if (size == slots_.size()) return;
    std::vector<Slot> old(size);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.position == kNone) continue;
      size_t at = slot.hash & (size - 1);
      while (slots_[at].position != kNone) at = (at + 1) & (size - 1);
      slots_[at] = slot;
    }
  }

  // The position put with this hash that `is` accepts, or null. It may be changed in place.
  template <class Is>
  const uint32_t* find(uint64_t hash, const Is& is) const {
    if (slots_.empty()) return nullptr;
    const Slot& slot = slots_[probe(hash, is)];
    return slot.position == kNone ? nullptr : &slot.position;
  }
  // The same; where there is none, `position` is put, and the second value is true.
  template <class Is>
  std::pair<uint32_t*, bool> insert(uint64_t hash, uint32_t position, const Is& is) {
    reserve(count_ + 1);
    Slot& slot = slots_[probe(hash, is)];
    const bool is_new = slot.position == kNone;
    if (is_new) {
      slot = {static_cast<uint32_t>(hash), position};
      ++count_;
    }
    return {&slot.position, is_new};
  }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;  // more than any column has elements
  struct Slot {
    uint32_t hash = 0;
    uint32_t position = kNone;
  };

  template <class Is>
  size_t probe(uint64_t hash, const Is& is) const {
    const size_t mask = slots_.size() - 1;
    size_t at = static_cast<uint32_t>(hash) & mask;
    for (;; at = (at + 1) & mask) {
      const Slot& slot = slots_[at];
      if (slot.position == kNone) return at;
      if (slot.hash == static_cast<uint32_t>(hash) && is(slot.position)) return at;
    }
  }

  std::vector<Slot> slots_;  // none, or a power of two
  size_t count_ = 0;
};

}  // namespace precompile
