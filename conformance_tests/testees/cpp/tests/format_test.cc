#include "bundles.h"
#include "frame.h"
#include "names.h"
#include "wire.h"
#include "zstd_frame.h"

namespace precompile {
namespace {

TEST(BlockShape, IsTheOneThatABlockOfTheSizeHas) {
  for (const uint64_t center : {1ull, 120ull, 127ull, 16380ull, 2097150ull, (1ull << 26) - 8}) {
    for (uint64_t data = center > 8 ? center - 8 : 1; data < center + 8; ++data) {
      const uint64_t size = block_prefix(data).size() + data;
      const auto shape = block_shape(size);
      ASSERT_TRUE(shape);
      EXPECT_EQ(shape->data, data);
      EXPECT_EQ(shape->prefix + data, size);
    }
  }
  for (const uint64_t none : std::vector<uint64_t>{0, 1, 4, 130, 133, (1u << 26) + 11, UINT64_MAX}) {
    EXPECT_FALSE(block_shape(none)) << none;
  }
}

TEST(Varint, IsReadBackAndNoLongerFormIs) {
  for (const uint64_t value : std::vector<uint64_t>{0, 1, 127, 128, 16383, 16384, UINT64_MAX}) {
    const std::string bytes = varint(value);
    EXPECT_EQ(bytes.size(), varint_size(value));
    ASSERT_TRUE(minimal_varint(bytes + "x"));
    EXPECT_EQ(minimal_varint(bytes)->value, value);
    std::string padded = bytes;
    padded.back() = static_cast<char>(padded.back() | 0x80);
    EXPECT_FALSE(minimal_varint(padded + '\0'));
    EXPECT_FALSE(minimal_varint(bytes.substr(0, bytes.size() - 1)));
  }
}

TEST(Wire, TellsUtf8FromWhatLooksLikeIt) {
  EXPECT_TRUE(is_utf8("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"));
  for (const char* wrong : {"\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
                            "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\xff"}) {
    EXPECT_FALSE(is_utf8(wrong));
  }
}

TEST(Names, EndWhereTheRulesEnd) {
  EXPECT_TRUE(is_name("a.b_9"));
  for (const char* wrong : {"", "9a", "_a", "A", "a-b", "a\n"}) EXPECT_FALSE(is_name(wrong));
  EXPECT_TRUE(is_name(std::string(128, 'a')));
  EXPECT_FALSE(is_name(std::string(129, 'a')));
  EXPECT_TRUE(is_key("\xc2\xa0"));
  EXPECT_FALSE(is_key("\xc2\x9f"));
  EXPECT_FALSE(is_key("\x7f"));
}

TEST(Zstandard, TakesBackWhatItCompressed) {
  for (const size_t size : {size_t{1}, size_t{255}, size_t{256}, size_t{65792}, size_t{9} << 20}) {
    std::string content(size, 'x');
    const auto frame = compress(content);
    ASSERT_TRUE(frame.ok());
    ASSERT_TRUE(check_frame_header(frame.value(), size).ok()) << size;
    std::string back(size, '\0');
    ASSERT_TRUE(decompress_frame(frame.value(), back.data(), size).ok());
    EXPECT_EQ(back, content);
    EXPECT_FALSE(decompress_frame(frame.value() + "x", back.data(), size).ok());
    EXPECT_FALSE(check_frame_header(frame.value(), size + 1).ok());
  }
}

TEST(Writer, CutsContentIntoBlocksThatEveryReaderTakes) {
  const std::string content((64u << 20) + 5, 'x');
  auto reader = Reader::open_bytes(bundle_of({segment({artifact("a", content)})}));
  ASSERT_TRUE(reader.ok());
  const auto& blocks = reader->bundle()->segments[0].manifest.blocks;
  EXPECT_EQ(blocks.size(), 9u);  // of 8 MiB where they are compressed, and the rest
  EXPECT_EQ(reader->read(reader->current()[0])->view(), content);
  Verifier verifier(std::move(reader.value()));
  EXPECT_FALSE(verifier.verify().first);
}

TEST(Writer, CompressesArtifactsOfOneSegmentTogether) {
  std::vector<NewArtifact> alike;
  for (int i = 0; i < 50; ++i) {
    alike.push_back(artifact(std::to_string(i), std::string(1000, 'x') + std::to_string(i)));
  }
  auto reader = Reader::open_bytes(bundle_of({segment(alike)}));
  EXPECT_EQ(reader->bundle()->segments[0].manifest.blocks.size(), 1u);
  EXPECT_EQ(reader->read(*reader->find("t.cache", "7"))->view(), std::string(1000, 'x') + "7");
}

TEST(Reader, CountsAHeldBlockOnce) {
  std::vector<NewArtifact> shared;
  for (int i = 0; i < 50; ++i) {
    shared.push_back(artifact(std::to_string(i), std::string(1000, 'x') + std::to_string(i)));
  }
  OpenOptions options;
  options.limits.total_decompressed = 60000;
  auto reader = Reader::open_bytes(bundle_of({segment(shared)}), options);
  for (const auto& each : reader->current()) EXPECT_TRUE(reader->read(each).ok());
}

}  // namespace
}  // namespace precompile
