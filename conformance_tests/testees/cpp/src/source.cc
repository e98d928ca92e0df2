#include "source.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace precompile {

static_assert(sizeof(size_t) == 8 && sizeof(off_t) == 8, "bundles grow past 4 GiB");

Result<std::shared_ptr<const Source>> Source::open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return Error::system(path + ": " + std::strerror(errno));
  auto source = open(descriptor);
  ::close(descriptor);
  if (!source.ok()) source.error().detail = path + ": " + source.error().detail;
  return source;
}

Result<std::shared_ptr<const Source>> Source::open(int descriptor) {
  struct stat status;
  if (::fstat(descriptor, &status) != 0) return Error::system(std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return Error::system("it is no regular file");
  std::shared_ptr<Source> source(new Source);
  source->descriptor_ = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  if (source->descriptor_ < 0) return Error::system(std::strerror(errno));
  const auto size = static_cast<size_t>(status.st_size);
  if (size > 0) {
    void* const mapped = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, source->descriptor_, 0);
    if (mapped == MAP_FAILED) return Error::system(std::strerror(errno));
    source->view_ = {static_cast<const char*>(mapped), size};
  }
  return std::shared_ptr<const Source>(source);
}

std::shared_ptr<const Source> Source::of(std::string bytes) {
  std::shared_ptr<Source> source(new Source);
  source->bytes_ = std::move(bytes);
  source->view_ = source->bytes_;
  return source;
}

Source::~Source() {
  if (descriptor_ < 0) return;
  if (!view_.empty()) ::munmap(const_cast<char*>(view_.data()), view_.size());
  ::close(descriptor_);
}

Status Source::read(uint64_t offset, char* to, size_t size) const {
  if (offset > view_.size() || size > view_.size() - offset) {
    return Error::system("The bytes asked for lie behind the input's end.");
  }
  if (descriptor_ < 0) {
    if (size > 0) std::memcpy(to, view_.data() + offset, size);
    return Done{};
  }
  while (size > 0) {
    const ssize_t got = ::pread(descriptor_, to, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error::system(std::strerror(errno));
    if (got == 0) return Error::system("The file has become shorter since it was opened.");
    to += got;
    offset += static_cast<uint64_t>(got);
    size -= static_cast<size_t>(got);
  }
  return Done{};
}

Result<std::string> Source::read(uint64_t offset, size_t size) const {
  std::string bytes(size, '\0');
  if (Status status = read(offset, bytes.data(), size); !status.ok()) return status.error();
  return bytes;
}

}  // namespace precompile
