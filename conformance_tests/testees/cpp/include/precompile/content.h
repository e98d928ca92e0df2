// Bytes of an artifact in memory that its reader allocated and nobody else can change.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

namespace precompile {

// Grows without writing what it has not been given yet: content of 1 GiB is touched once.
class Content {
 public:
  std::string_view view() const { return {data_.get(), size_}; }
  std::string str() const { return std::string(view()); }
  size_t size() const { return size_; }

  // Makes room for `more` bytes behind the present ones; null where memory is out.
  char* extend(size_t more) {
    if (more > capacity_ - size_ && !grow(more)) return nullptr;
    char* const place = data_.get() + size_;
    size_ += more;
    return place;
  }

 private:
  bool grow(size_t more) {
    if (more > SIZE_MAX / 2 - size_) return false;
    const size_t wanted = size_ + more > 2 * capacity_ ? size_ + more : 2 * capacity_;
    void* const grown = std::realloc(data_.get(), wanted);
    if (grown == nullptr) return false;
    (void)data_.release();
    data_.reset(static_cast<char*>(grown));
    capacity_ = wanted;
    return true;
  }

  struct Free {
    void operator()(char* data) const { std::free(data); }
  };
  std::unique_ptr<char, Free> data_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace precompile
