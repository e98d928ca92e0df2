// Values by artifact name, in the order in which the names came.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "precompile/manifest.h"

namespace precompile {

struct Name {
  std::string type;
  std::string key;

  static Name of(const v1::ArtifactId& id) { return {id.type(), id.key()}; }
  static Name of(const NameView& name) { return {std::string(name.type), std::string(name.key)}; }
  bool operator<(const Name& other) const {
    return type != other.type ? type < other.type : key < other.key;
  }
};

template <class T>
class Ordered {
 public:
  struct Placed {
    Name name;
    T value;
  };

  const T* find(const Name& name) const {
    const auto found = places_.find(name);
    return found == places_.end() ? nullptr : &values_.at(found->second).value;
  }
  // A name that is there keeps its place. [PCB-CURR-002]
  void set(const Name& name, T value) {
    const auto [place, is_new] = places_.emplace(name, next_);
    next_ += is_new;
    values_.insert_or_assign(place->second, Placed{name, std::move(value)});
  }
  bool erase(const Name& name) {
    const auto found = places_.find(name);
    if (found == places_.end()) return false;
    values_.erase(found->second);
    places_.erase(found);
    return true;
  }
  // Names with their values, by their places.
  const std::map<uint64_t, Placed>& in_order() const { return values_; }
  bool empty() const { return values_.empty(); }

 private:
  std::map<Name, uint64_t> places_;
  std::map<uint64_t, Placed> values_;
  uint64_t next_ = 0;
};

}  // namespace precompile
