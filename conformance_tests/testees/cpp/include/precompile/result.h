// What an operation gives: a value, or why there is none. Nothing here throws.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "precompile/v1/error.pb.h"

namespace precompile {

// Why an operation failed, and who is to blame.
struct Error {
  enum class Kind {
    kRejection,  // the input: `code` says why, `offset` where
    kMisuse,     // the caller
    kSystem,     // the machine: a file cannot be read or written, memory is out
    kCallback,   // the caller's own function, whose failure is passed on
  };

  Kind kind = Kind::kRejection;
  v1::ErrorCode code = v1::ERROR_CODE_UNSPECIFIED;  // of a rejection
  std::optional<uint64_t> offset;                   // in bytes from the bundle's start
  std::string detail;                               // a sentence for a person

  static Error rejection(v1::ErrorCode code, std::optional<uint64_t> offset, std::string detail) {
    return {Kind::kRejection, code, offset, std::move(detail)};
  }
  static Error misuse(std::string detail) {
    return {Kind::kMisuse, v1::ERROR_CODE_UNSPECIFIED, std::nullopt, std::move(detail)};
  }
  static Error system(std::string detail) {
    return {Kind::kSystem, v1::ERROR_CODE_UNSPECIFIED, std::nullopt, std::move(detail)};
  }
  static Error callback(std::string detail) {
    return {Kind::kCallback, v1::ERROR_CODE_UNSPECIFIED, std::nullopt, std::move(detail)};
  }
};

// A value of type T or an Error. value() and -> may be used only where ok().
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  T& value() { return *std::get_if<0>(&state_); }
  const T& value() const { return *std::get_if<0>(&state_); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }
  Error& error() { return *std::get_if<1>(&state_); }
  const Error& error() const { return *std::get_if<1>(&state_); }

 private:
  std::variant<T, Error> state_;
};

// Of an operation that has nothing to give.
struct Done {};
using Status = Result<Done>;

}  // namespace precompile
