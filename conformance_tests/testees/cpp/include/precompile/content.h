// Bytes of artifacts in memory.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace precompile {

// What a reader allocated and nobody else can change. Grows without writing what it has not been given yet: content of 1 GiB is touched once.
class Content {
 public:
  Content() = default;
  Content(Content&& other) noexcept
      : data_(std::move(other.data_)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Content& operator=(Content&& other) noexcept {
    data_ = std::move(other.data_);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
    return *this;
  }

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

// Bytes that several hold and none changes.
struct SharedBytes {
  std::shared_ptr<const void> owner;  // may be null where the caller keeps the bytes
  std::string_view view;

  static SharedBytes of(Content bytes) {
    auto owner = std::make_shared<const Content>(std::move(bytes));
    const std::string_view view = owner->view();
    return {std::move(owner), view};
  }
  static SharedBytes of(std::string bytes) {
    auto owner = std::make_shared<const std::string>(std::move(bytes));
    const std::string_view view = *owner;
    return {std::move(owner), view};
  }
};

}  // namespace precompile
