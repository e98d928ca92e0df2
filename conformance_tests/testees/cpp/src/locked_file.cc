#include "locked_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "try.h"

namespace precompile {

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

Error system_error(const std::string& path) {
  return Error::system(path + ": " + std::strerror(errno));
}

namespace {

// [PCB-APPD-012]
Status lock(const Descriptor& file) {
  while (::flock(file.number(), LOCK_EX) != 0) {
    if (errno != EINTR) return Error::system(std::strerror(errno));
  }
  return Done{};
}

// Whether the path names this file; another writer may have put a new one in its place.
Result<bool> is_named(const Descriptor& file, const std::string& path) {
  struct stat locked, named;
  if (::fstat(file.number(), &locked) != 0) return system_error(path);
  return ::stat(path.c_str(), &named) == 0 && locked.st_dev == named.st_dev &&
         locked.st_ino == named.st_ino;
}

}  // namespace

// [PCB-APPD-007]
Result<LockedFile> lock_file(const std::string& path, bool make) {
  for (;;) {
    constexpr int kFlags = O_RDWR | O_CLOEXEC;
    int number = ::open(path.c_str(), kFlags);
    bool is_made = number < 0 && errno == ENOENT && make;
    if (is_made) {
      number = ::open(path.c_str(), kFlags | O_CREAT | O_EXCL, 0666);
      is_made = number >= 0;
      // Another process was faster, or a symbolic link leads to no file.
      if (!is_made && errno == EEXIST) number = ::open(path.c_str(), kFlags | O_CREAT, 0666);
    }
    if (number < 0) return system_error(path);
    Descriptor file(number);
    TRY(lock(file));
    TRY_SET(const bool named, is_named(file, path));
    if (named) return LockedFile{std::move(file), is_made};
  }
}

Status write_at(const Descriptor& file, uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t done =
        ::pwrite(file.number(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return Error::system(std::strerror(errno));
    offset += static_cast<uint64_t>(done);
    bytes.remove_prefix(static_cast<size_t>(done));
  }
  return Done{};
}

Status sync_directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string directory = slash == path.npos ? "." : path.substr(0, slash + 1);
  const Descriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.number() < 0 || ::fsync(opened.number()) != 0) return system_error(directory);
  return Done{};
}

}  // namespace precompile
