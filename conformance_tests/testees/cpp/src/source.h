// Where a bundle's bytes come from: a file, or memory. Its size is fixed when it is opened.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "precompile/result.h"

namespace precompile {

class Source {
 public:
  // Maps the file into memory.
  static Result<std::shared_ptr<const Source>> open(const std::string& path);
  // The same for a file that the caller has open; the descriptor is duplicated.
  static Result<std::shared_ptr<const Source>> open(int descriptor);
  static std::shared_ptr<const Source> of(std::string bytes);

  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  ~Source();

  uint64_t size() const { return view_.size(); }

  // Copies bytes into memory that nobody else can change. A file that was cut meanwhile is
  // an error here, where it would be a signal from mapped memory.
  Status read(uint64_t offset, char* to, size_t size) const;
  Result<std::string> read(uint64_t offset, size_t size) const;

  // Everything, without a copy. Whoever can write to the file can change what is seen.
  std::string_view view() const { return view_; }

 private:
  Source() = default;

  int descriptor_ = -1;  // of memory: -1
  std::string bytes_;
  std::string_view view_;
};

}  // namespace precompile
