#include "zstd_frame.h"

#include <zstd.h>

#include <memory>
#include <optional>

#include "try.h"

namespace precompile {
namespace {

constexpr std::string_view kMagic = "\x28\xb5\x2f\xfd";
constexpr int kMaxWindowLog = 23;  // 8 MiB
constexpr uint64_t kMaxWindow = 1ull << kMaxWindowLog;
constexpr uint64_t kReservedBit = 0x08;
constexpr int kLevel = 3;

Error failed(std::string detail) {
  return Error::rejection(v1::ERROR_CODE_DECOMPRESSION_FAILED, std::nullopt, std::move(detail));
}

uint64_t field_value(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

struct FrameHeader {
  std::optional<uint64_t> content_size;
  uint64_t dictionary = 0;
  uint64_t window = 0;
};

// RFC 8878, 3.1.1.1; nothing where the header is cut off or has its reserved bit set.
std::optional<FrameHeader> parse_header(std::string_view frame) {
  std::string_view rest = frame.substr(kMagic.size());
  const auto take = [&](size_t size) -> std::optional<uint64_t> {
    if (rest.size() < size) return std::nullopt;
    const uint64_t value = field_value(rest.substr(0, size));
    rest.remove_prefix(size);
    return value;
  };
  static constexpr size_t kDictionarySizes[] = {0, 1, 2, 4};
  const auto descriptor = take(1);
  if (!descriptor || (*descriptor & kReservedBit)) return std::nullopt;
  const bool single_segment = (*descriptor & 0x20) != 0;
  const auto window = take(single_segment ? 0 : 1);
  const auto dictionary = take(kDictionarySizes[*descriptor & 3]);
  const uint64_t size_flag = *descriptor >> 6;
  const size_t size_bytes = size_flag == 0 ? single_segment : size_t{1} << size_flag;
  const auto size = take(size_bytes);
  if (!window || !dictionary || !size) return std::nullopt;
  FrameHeader header;
  header.dictionary = *dictionary;
  if (size_bytes > 0) header.content_size = *size + (size_bytes == 2 ? 256 : 0);
  if (single_segment) {
    header.window = *size + (size_bytes == 2 ? 256 : 0);
  } else {
    const uint64_t base = 1ull << (10 + (*window >> 3));
    header.window = base + base / 8 * (*window & 7);
  }
  return header;
}

struct FreeFrame {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

}  // namespace

Status check_frame_header(std::string_view frame, uint64_t content_size) {
  // [PCB-ZSTD-002]
  if (frame.substr(0, kMagic.size()) != kMagic) return failed("The data is no standard frame.");
  // [PCB-ZSTD-003]
  const auto header = parse_header(frame);
  if (!header) return failed("The frame's header is none.");
  if (!header->content_size) return failed("The frame does not state its content's size.");
  // [PCB-ZSTD-004]
  if (*header->content_size != content_size) {
    return Error::rejection(v1::ERROR_CODE_SIZE_MISMATCH, std::nullopt,
                            "The frame states " + std::to_string(*header->content_size) +
                                " bytes of content, the entry " + std::to_string(content_size) + ".");
  }
  // [PCB-ZSTD-005]
  if (header->dictionary != 0) return failed("The frame names a dictionary.");
  // [PCB-ZSTD-006]
  if (header->window > kMaxWindow) return failed("The frame's window exceeds 8 MiB.");
  return Done{};
}

Status decompress_frame(std::string_view frame, char* to, size_t size) {
  // [PCB-ZSTD-007]
  if (ZSTD_findFrameCompressedSize(frame.data(), frame.size()) != frame.size()) {
    return failed("The data goes on behind the frame's end, or ends before it.");
  }
  // [PCB-ZSTD-009]
  const size_t got = ZSTD_decompress(to, size, frame.data(), frame.size());
  if (ZSTD_isError(got)) return failed(std::string("The frame is corrupt: ") + ZSTD_getErrorName(got));
  if (got != size) return failed("The frame inflates to another length than it states.");
  return Done{};
}

// [PCB-ZSTD-001]
Result<std::string> compress(std::string_view content) {
  const std::unique_ptr<ZSTD_CCtx, FreeFrame> context(ZSTD_createCCtx());
  if (context == nullptr) return Error::system("There is no memory to compress with.");
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog, kMaxWindowLog);
  std::string frame(ZSTD_compressBound(content.size()), '\0');
  const size_t size = ZSTD_compress2(context.get(), frame.data(), frame.size(), content.data(),
                                     content.size());
  if (ZSTD_isError(size)) return Error::system(ZSTD_getErrorName(size));
  frame.resize(size);
  return frame;
}

}  // namespace precompile
