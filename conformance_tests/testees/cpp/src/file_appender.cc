#include "file_appender.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "bundle.h"
#include "frame.h"
#include "source.h"
#include "try.h"
#include "walk.h"

namespace precompile {

namespace {

// Whether the file is empty, or a header that never reached the disk.
Result<bool> is_blank(const Source& source) {
  if (source.size() > kHeader.size()) return false;
  const auto size = static_cast<size_t>(source.size());
  TRY_SET(const std::string bytes, source.read(0, size));
  return bytes == std::string(size, '\0');
}

// Whether what follows the complete segments may be cut off. [PCB-APPD-006]
Status check_tail(const Source& source, uint64_t end) {
  const uint64_t size = source.size();
  if (size == end) return Done{};
  TRY_SET(const bool torn_footer, ends_with_torn_footer(source, end));
  if (torn_footer) return Done{};
  // [PCB-APPD-006] What a later version appended is nothing to cut off.
  const auto head_size = static_cast<size_t>(std::min<uint64_t>(kHeadSize, size - end));
  TRY_SET(const std::string head, source.read(end, head_size));
  auto fault = header_fault(head, end);
  if (fault && fault->code == v1::ERROR_CODE_UNSUPPORTED_VERSION) return std::move(*fault);
  bool has_footer = false;
  if (size >= kHeader.size() + kFooterSize) {
    TRY_SET(const std::string last, source.read(size - kFooterSize, kFooterSize));
    has_footer = parse_footer(last).has_value();
  }
  if (!has_footer && !committed_behind(source, end)) return Done{};
  return Error::rejection(v1::ERROR_CODE_MALFORMED_FRAME, end,
                          "What follows the complete segments is no torn segment: cutting it off"
                          " could lose what was saved.");
}

}  // namespace

Result<FileAppender> FileAppender::open(const std::string& path, const OpenOptions& options) {
  TRY_SET(LockedFile locked, lock_file(path, true));
  FileAppender file(path, std::move(locked.file));
  file.is_made_ = locked.is_made;
  file.limits_ = options.limits;
  TRY_SET(const auto source, Source::open(file.file_.number()));
  // [PCB-APPD-005]
  TRY_SET(const bool blank, is_blank(*source));
  if (blank) return file;
  // [PCB-APPD-004]
  OpenOptions recovering = options;
  recovering.recover = true;
  auto bundle = open_bundle(source, recovering);
  if (bundle.ok()) {
    file.bundle_ = std::move(bundle.value());
    file.end_ = file.bundle_->size;
    for (size_t i = 0; i < file.bundle_->segments.size(); ++i) file.chain_.follow(file.bundle_, i);
  } else if (bundle.error().code != v1::ERROR_CODE_TRUNCATED) {
    TRY_SET(const bool torn, ends_with_torn_footer(*source, 0));
    if (!torn) return std::move(bundle.error());
  }
  TRY(check_tail(*source, file.end_));
  return file;
}

FileAppender::~FileAppender() {
  if (is_made_ && end_ == 0 && file_.number() >= 0) ::unlink(path_.c_str());
}

Status FileAppender::cut_off() {
  struct stat status;
  if (::fstat(file_.number(), &status) != 0) return system_error(path_);
  if (static_cast<uint64_t>(status.st_size) == end_) return Done{};
  if (::ftruncate(file_.number(), static_cast<off_t>(end_)) != 0) return system_error(path_);
  return Done{};
}

Result<std::vector<FileAppender::Commit>> FileAppender::write(const SegmentPlan& plan,
                                                              const WriterOptions& options) {
  // [PCB-APPD-001]
  if (::ftruncate(file_.number(), static_cast<off_t>(end_)) != 0) return system_error(path_);
  // [PCB-APPD-013]
  if (end_ == 0) {
    TRY(write_at(file_, 0, kHeader));
    if (::fsync(file_.number()) != 0) return system_error(path_);
  }
  uint64_t items = bundle_ ? bundle_->items : 0;
  uint64_t segments = bundle_ ? bundle_->segments.size() : 0;
  uint64_t at = end_;
  const Sink sink = [&](std::string_view bytes) {
    at += bytes.size();
    return write_at(file_, at - bytes.size(), bytes);
  };
  std::vector<Commit> commits;
  Progress done;
  do {
    TRY_SET(const WrittenSegment written, write_segment(plan, done, chain_, options, sink));
    commits.push_back({at, written.footer});
    at += kFooterSize;  // stays a hole until all is on stable storage
    items += written.items;
    ++segments;
    // [PCB-LIM-007]
    if (items > limits_.items || segments > limits_.segments ||
        chain_.contents > limits_.total_content) {
      return Error::rejection(v1::ERROR_CODE_LIMIT_EXCEEDED, end_,
                              "The bundle would grow past the limits of its readers.");
    }
  } while (!done.is_all(plan));
  return commits;
}

// [PCB-APPD-002] [PCB-APPD-003] In order: a footer never stands behind one that is missing.
Status FileAppender::commit(const std::vector<Commit>& commits) {
  TRY(sync_directory_of(path_));
  for (const Commit& commit : commits) {
    if (::fsync(file_.number()) != 0) return system_error(path_);
    TRY(write_at(file_, commit.at, commit.footer));
    end_ = commit.at + kFooterSize;
  }
  if (::fsync(file_.number()) != 0) return system_error(path_);
  return Done{};
}

Status FileAppender::append(const SegmentPlan& plan, const WriterOptions& options) {
  auto commits = write(plan, options);
  Status status = commits.ok() ? commit(commits.value()) : std::move(commits.error());
  // [PCB-APPD-008] What is not committed is cut off; where even that fails, readers recover.
  if (!status.ok()) (void)!::ftruncate(file_.number(), static_cast<off_t>(end_));
  return status;
}

}  // namespace precompile
