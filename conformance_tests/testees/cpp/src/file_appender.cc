#include "file_appender.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "bundle.h"
#include "frame.h"
#include "source.h"
#include "try.h"
#include "walk.h"

namespace precompile {

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

Error system_error(const std::string& path) {
  return Error::system(path + ": " + std::strerror(errno));
}

// [PCB-APPD-007] [PCB-APPD-012]
Result<Descriptor> lock_file(const std::string& path, int flags) {
  for (;;) {
    Descriptor file(::open(path.c_str(), flags | O_RDWR | O_CLOEXEC, 0666));
    if (file.number() < 0) return system_error(path);
    while (::flock(file.number(), LOCK_EX) != 0) {
      if (errno != EINTR) return system_error(path);
    }
    struct stat locked, named;
    if (::fstat(file.number(), &locked) != 0) return system_error(path);
    if (::stat(path.c_str(), &named) == 0 && locked.st_dev == named.st_dev &&
        locked.st_ino == named.st_ino) {
      return file;
    }  // another writer put a new file in its place
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
  TRY_SET(Descriptor locked, lock_file(path, O_CREAT));
  FileAppender file(path, std::move(locked));
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

Status FileAppender::append(const std::vector<SegmentPlan>& plans, const WriterOptions& options) {
  uint64_t items = 0, contents = 0, segments = plans.size();
  if (bundle_) {
    items = bundle_->items;
    contents = bundle_->total_content;
    segments += bundle_->segments.size();
  }
  const auto write = [&]() -> Status {
    // [PCB-APPD-001]
    if (::ftruncate(file_.number(), static_cast<off_t>(end_)) != 0) return system_error(path_);
    // [PCB-APPD-013]
    if (end_ == 0) {
      TRY(write_at(file_, 0, kHeader));
      if (::fsync(file_.number()) != 0) return system_error(path_);
    }
    struct Commit {
      uint64_t at;
      std::string footer;
    };
    std::vector<Commit> commits;
    uint64_t at = end_;
    for (const SegmentPlan& plan : plans) {
      TRY_SET(const WrittenSegment written,
              write_segment(plan, chain_, options, [&](std::string_view bytes) {
                at += bytes.size();
                return write_at(file_, at - bytes.size(), bytes);
              }));
      commits.push_back({at, written.footer});
      at += kFooterSize;  // stays a hole until all is on stable storage
      items += written.items;
      for (const auto& artifact : plan.artifacts) contents += artifact.artifact.content_size();
    }
    // [PCB-LIM-007]
    if (items > limits_.items || segments > limits_.segments || contents > limits_.total_content) {
      return Error::misuse("The bundle would grow past the limits of its readers.");
    }
    TRY(sync_directory_of(path_));
    // [PCB-APPD-002] [PCB-APPD-003] In order: a footer never stands behind one that is missing.
    for (const Commit& commit : commits) {
      if (::fsync(file_.number()) != 0) return system_error(path_);
      TRY(write_at(file_, commit.at, commit.footer));
      end_ = commit.at + kFooterSize;
    }
    if (::fsync(file_.number()) != 0) return system_error(path_);
    return Done{};
  };
  Status status = write();
  // [PCB-APPD-008] What is not committed is cut off; where even that fails, readers recover.
  if (!status.ok()) (void)!::ftruncate(file_.number(), static_cast<off_t>(end_));
  return status;
}

}  // namespace precompile
