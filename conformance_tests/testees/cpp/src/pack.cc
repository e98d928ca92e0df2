#include "pack.h"

#include "sha256.h"
#include "try.h"
#include "zstd_frame.h"

namespace precompile {

Result<Place> Packer::add(std::string_view content) {
  if (content.empty()) return Place{};
  if (shared_.size() + content.size() > kPiece) TRY(finish());
  if (content.size() > kPiece) {
    const Place place{static_cast<uint32_t>(blocks_.size()), 0};
    TRY(write_large(content));
    return place;
  }
  // The entry stands in its place before the block is written.
  if (shared_row_ == SIZE_MAX) {
    shared_row_ = blocks_.size();
    blocks_.emplace_back();
  }
  const Place place{static_cast<uint32_t>(shared_row_), shared_.size()};
  shared_ += content;
  return place;
}

// In pieces that are compressed; what compression does not make smaller is stored as it is, in
// blocks as long as they may be.
Status Packer::write_large(std::string_view content) {
  const auto write_stored = [&](std::string_view stored) -> Status {
    if (stored.empty()) return Done{};
    return write(stored, stored, v1::COMPRESSION_NONE, blocks_.emplace_back());
  };
  size_t begin = 0, at = 0;  // of what is stored next; of the piece
  while (at < content.size()) {
    const std::string_view piece = content.substr(at, kPiece);
    TRY_SET(const std::string frame, compress(piece));
    if (frame.size() < piece.size()) {
      TRY(write_stored(content.substr(begin, at - begin)));
      TRY(write(piece, frame, v1::COMPRESSION_ZSTD, blocks_.emplace_back()));
      begin = at + piece.size();
    } else if (at + piece.size() - begin == kMaxBlock) {
      TRY(write_stored(content.substr(begin, kMaxBlock)));
      begin = at + piece.size();
    }
    at += piece.size();
  }
  return write_stored(content.substr(begin));
}

Status Packer::finish() {
  if (shared_row_ == SIZE_MAX) return Done{};
  TRY_SET(const std::string frame, compress(shared_));
  const bool smaller = frame.size() < shared_.size();
  TRY(write(shared_, smaller ? frame : shared_,
            smaller ? v1::COMPRESSION_ZSTD : v1::COMPRESSION_NONE, blocks_[shared_row_]));
  shared_.clear();
  shared_row_ = SIZE_MAX;
  return Done{};
}

// [PCB-BLOCK-001] [PCB-BLOCK-002]
Status Packer::write(std::string_view content, std::string_view data, v1::Compression compression,
                     BlockRow& row) {
  const std::string prefix = block_prefix(data.size());
  row = {sha256(data), prefix.size() + data.size(), compression, content.size()};
  TRY(sink_(prefix));
  return sink_(data);
}

}  // namespace precompile
