// Data of blocks with compression ZSTD: exactly one frame of RFC 8878.
#pragma once

#include <string>
#include <string_view>

#include "precompile/result.h"

namespace precompile {

// Refuses what the header of a frame says. [PCB-ZSTD-008]
Status check_frame_header(std::string_view frame, uint64_t content_size);
// Decompresses a frame whose header was checked into exactly `size` bytes at `to`.
Status decompress_frame(std::string_view frame, char* to, size_t size);

// One frame of this content, with its size, without checksum or dictionary.
Result<std::string> compress(std::string_view content);

}  // namespace precompile
