// Values by artifact name, in the order in which the names came.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace precompile {

struct Name {
  std::string type;
  std::string key;

  template <class Named>
  static Name of(const Named& named) {
    return {named.type(), named.key()};
  }
  bool operator<(const Name& other) const {
    return type != other.type ? type < other.type : key < other.key;
  }
};

template <class T>
class Ordered {
 public:
  const T* find(const Name& name) const {
    const auto found = places_.find(name);
    return found == places_.end() ? nullptr : &values_.at(found->second);
  }
  // A name that is there keeps its place. [PCB-CURR-002]
  void set(const Name& name, T value) {
    const auto [place, is_new] = places_.emplace(name, next_);
    next_ += is_new;
    values_.insert_or_assign(place->second, std::move(value));
  }
  bool erase(const Name& name) {
    const auto found = places_.find(name);
    if (found == places_.end()) return false;
    values_.erase(found->second);
    places_.erase(found);
    return true;
  }
  // Values by their places, ascending.
  const std::map<uint64_t, T>& in_order() const { return values_; }
  bool empty() const { return values_.empty(); }

 private:
  std::map<Name, uint64_t> places_;
  std::map<uint64_t, T> values_;
  uint64_t next_ = 0;
};

}  // namespace precompile
