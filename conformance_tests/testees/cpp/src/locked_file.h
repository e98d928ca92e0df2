// Files that are written in place: locked, and put on stable storage.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "precompile/result.h"

namespace precompile {

// A file descriptor that is closed when it goes.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor();
  int number() const { return number_; }

 private:
  int number_;
};

struct LockedFile {
  Descriptor file;
  bool is_made;  // there was none before
};
// An open and exclusively locked file that the path names; made where there is none and `make`.
Result<LockedFile> lock_file(const std::string& path, bool make);
Status write_at(const Descriptor& file, uint64_t offset, std::string_view bytes);
Status sync_directory_of(const std::string& path);
Error system_error(const std::string& path);

}  // namespace precompile
