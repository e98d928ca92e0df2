// Appending to a bundle file: locked, checked, on stable storage.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "locked_file.h"
#include "segment_writer.h"

namespace precompile {

class FileAppender {
 public:
  // Locks the file, made new where there is none, and opens what it holds. Changes nothing.
  static Result<FileAppender> open(const std::string& path, const OpenOptions& options);
  FileAppender(FileAppender&&) noexcept = default;
  // A file that was made and got nothing is taken away again.
  ~FileAppender();

  // What the file holds; null where it is new.
  const std::shared_ptr<const Bundle>& bundle() const { return bundle_; }
  // What it holds of contents.
  Chain& chain() { return chain_; }

  // Writes all of the plan, in one segment or as many as it takes, or, where it fails before the
  // first footer is written, nothing.
  Status append(const SegmentPlan& plan, const WriterOptions& options);
  // Cuts off what an interrupted writer left.
  Status cut_off();

 private:
  struct Commit {
    uint64_t at;
    std::string footer;
  };

  FileAppender(std::string path, Descriptor file) : path_(std::move(path)), file_(std::move(file)) {}
  // Writes everything but the footers.
  Result<std::vector<Commit>> write(const SegmentPlan& plan, const WriterOptions& options);
  Status commit(const std::vector<Commit>& commits);

  std::string path_;
  Descriptor file_;
  bool is_made_ = false;  // by this appender
  std::shared_ptr<const Bundle> bundle_;
  Chain chain_;
  uint64_t end_ = 0;  // of what is committed
  Limits limits_;
};

}  // namespace precompile
