#include "precompile/writer.h"

#include "file_appender.h"
#include "segment_writer.h"
#include "source.h"
#include "try.h"

namespace precompile {

WriterOptions::WriterOptions() {
  producer.set_name("precompile-cpp");
  producer.set_version("1.0.0");
}

Writer::Writer(WriterOptions options)
    : options_(std::move(options)), chain_(std::make_unique<Chain>()) {}
Writer::Writer(Writer&&) noexcept = default;
Writer::~Writer() = default;

// [PCB-FRAME-001] [PCB-FRAME-002]
Status Writer::add(const NewSegment& segment) {
  TRY_SET(const SegmentPlan planned, plan(segment, options_));
  Progress done;
  do {
    std::string added;
    const Sink sink = [&](std::string_view bytes) {
      added += bytes;
      return Status(Done{});
    };
    TRY_SET(const WrittenSegment written, write_segment(planned, done, *chain_, options_, sink));
    bytes_ += added;
    bytes_ += written.footer;
  } while (!done.is_all(planned));
  return Done{};
}

Status append(const std::string& path, const NewSegment& segment, const WriterOptions& options,
              const OpenOptions& open) {
  TRY_SET(const SegmentPlan planned, plan(segment, options));
  TRY_SET(FileAppender file, FileAppender::open(path, open));
  return file.append(planned, options);
}

// [PCB-APPD-010]
Result<std::string> concatenate(const std::vector<std::string>& paths, const OpenOptions& open) {
  std::string bytes;
  for (const std::string& path : paths) {
    TRY_SET(auto source, Source::open(path));
    auto reader = Reader::open(source, open);
    if (!reader.ok()) {
      if (auto& offset = reader.error().offset) *offset += bytes.size();
      return std::move(reader.error());
    }
    TRY_SET(const std::string part, source->read(0, static_cast<size_t>(source->size())));
    bytes += part;
  }
  return bytes;
}

}  // namespace precompile
