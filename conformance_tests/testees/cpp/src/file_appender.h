// Appending to a bundle file: locked, checked, on stable storage.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "segment_writer.h"

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

class FileAppender {
 public:
  // Locks the file, made new where there is none, and opens what it holds. Changes nothing.
  static Result<FileAppender> open(const std::string& path, const OpenOptions& options);

  // What the file holds; null where it is new.
  const std::shared_ptr<const Bundle>& bundle() const { return bundle_; }
  // What it holds of contents.
  Chain& chain() { return chain_; }

  // Writes all segments or, where it fails before the first footer is written, none.
  Status append(const std::vector<SegmentPlan>& plans, const WriterOptions& options);

 private:
  FileAppender(std::string path, Descriptor file) : path_(std::move(path)), file_(std::move(file)) {}

  std::string path_;
  Descriptor file_;
  std::shared_ptr<const Bundle> bundle_;
  Chain chain_;
  uint64_t end_ = 0;  // of what is committed
  Limits limits_;
};

// An open and exclusively locked file that the path names.
Result<Descriptor> lock_file(const std::string& path, int flags);
Status write_at(const Descriptor& file, uint64_t offset, std::string_view bytes);
Status sync_directory_of(const std::string& path);
Error system_error(const std::string& path);

}  // namespace precompile
