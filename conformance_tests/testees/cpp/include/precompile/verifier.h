// Checking all of a bundle: class Verifier of the norm.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "precompile/reader.h"

namespace precompile {

// What a full verification found in an open bundle.
struct Verification {
  struct Segment {
    std::map<uint32_t, Error> artifacts;  // those that cannot be read, and why
  };
  std::vector<Segment> segments;
  std::optional<Error> first;  // the first fault in file order, those of unnamed blocks included
};

class Verifier {
 public:
  // Opens by the policy; refuses a bundle with another digest than the one expected, if any is.
  static Result<Verifier> open(const std::string& path, const OpenOptions& options,
                               const std::string& expected_digest = "");

  explicit Verifier(Reader reader) : reader_(std::move(reader)) {}

  Reader& reader() { return reader_; }
  // Reads every block and every content. The first fault, if any, is what the bundle is refused for.
  Verification verify();

 private:
  Reader reader_;
};

}  // namespace precompile
