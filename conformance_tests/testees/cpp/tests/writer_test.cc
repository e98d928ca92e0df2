#include <sys/stat.h>

#include "bundles.h"

namespace precompile {
namespace {

std::string noise(size_t size, unsigned seed) {
  std::string bytes;
  for (unsigned i = 0; bytes.size() < size; ++i) {
    bytes += sha256(std::to_string(seed) + " " + std::to_string(i));
  }
  bytes.resize(size);
  return bytes;
}

bool is_whole(Result<Reader>& reader) {
  if (!reader.ok()) return false;
  return !Verifier(std::move(reader.value())).verify().first;
}

TEST(Writer, StoresContentAgainRatherThanClaimTooMuch) {
  const std::string zeros(8 << 20, '\0');
  std::vector<NewArtifact> artifacts;
  for (int i = 0; i < 12; ++i) artifacts.push_back(artifact(std::to_string(i), zeros));
  const std::string bytes = bundle_of({segment(artifacts), segment(artifacts)});
  EXPECT_LT(bytes.size(), 20u << 10);
  auto reader = Reader::open_bytes(bytes);
  ASSERT_TRUE(reader.ok()) << reader.error().detail;
  EXPECT_GT(reader->bundle()->segments[0].manifest.blocks.size(), 1u);
  EXPECT_TRUE(is_whole(reader));
}

TEST(Writer, StoresContentOnceWhereItIsReal) {
  std::vector<NewArtifact> artifacts;
  const std::string content = noise(1 << 20, 1);
  for (int i = 0; i < 50; ++i) artifacts.push_back(artifact(std::to_string(i), content));
  const std::string bytes = bundle_of({segment(artifacts)});
  EXPECT_LT(bytes.size(), (1u << 20) + (10u << 10));
  auto reader = Reader::open_bytes(bytes);
  EXPECT_TRUE(is_whole(reader));
}

TEST(Writer, RefersToARunOfBlocksOfAnEarlierSegment) {
  // Three pieces, of which the middle one is stored as it is.
  const std::string content =
      std::string(8 << 20, 'a') + noise(8 << 20, 2) + std::string(1 << 20, 'b');
  Writer writer;
  ASSERT_TRUE(writer.add(segment({artifact("a", content)})).ok());
  const size_t before = writer.bytes().size();
  ASSERT_TRUE(writer.add(segment({artifact("small", "x"), artifact("b", content)})).ok());
  EXPECT_LT(writer.bytes().size() - before, 1000u);
  auto reader = Reader::open_bytes(writer.bytes());
  ASSERT_TRUE(reader.ok()) << reader.error().detail;
  ASSERT_EQ(reader->bundle()->segments[1].manifest.blocks.size(), 4u);
  EXPECT_EQ(reader->read(*reader->find("t.cache", "b"))->view(), content);
  EXPECT_TRUE(is_whole(reader));
}

TEST(Writer, SplitsWhatOneManifestCannotSay) {
  std::vector<NewArtifact> artifacts;
  const std::string long_key(1000, 'k');
  for (int i = 0; i < 16000; ++i) artifacts.push_back(artifact(long_key + std::to_string(i), "x"));
  const File file;
  ASSERT_TRUE(append(file.path(), segment(artifacts)).ok());
  auto reader = Reader::open(file.path());
  ASSERT_TRUE(reader.ok()) << reader.error().detail;
  ASSERT_EQ(reader->bundle()->segments.size(), 2u);
  EXPECT_FALSE(reader->bundle()->segments[1].begins_chain());
  ASSERT_EQ(reader->current().size(), 16000u);
  for (size_t i = 0; i < 16000; i += 999) {
    EXPECT_EQ(reader->current()[i].key(), long_key + std::to_string(i));
  }
}

TEST(Writer, TakesAsMisuseAnArtifactThatNoManifestCanHold) {
  NewArtifact large = artifact("a", "x");
  auto& attribute = large.attributes.emplace_back();
  attribute.set_name("a");
  attribute.set_bytes_value(std::string((16 << 20) - 1000, 'x'));
  EXPECT_EQ(Reader::open_bytes(bundle_of({segment({large})}))->current().size(), 1u);
  large.attributes[0].set_bytes_value(std::string(16 << 20, 'x'));
  Writer writer;
  EXPECT_TRUE(is_misuse(writer.add(segment({large}))));
  EXPECT_TRUE(writer.bytes().empty());
}

// A run of so many small blocks that a manifest with other artifacts could not name them again.
TEST(Append, StoresAnewWhatLiesInMoreBlocksThanAManifestCanName) {
  v1::Manifest manifest;
  std::string records, content;
  for (int i = 0; i < 300000; ++i) content += static_cast<char>(i * 7);
  for (int i = 0; i < 300000; ++i) {
    const std::string data = content.substr(static_cast<size_t>(i), 1);
    records += block_record(data);
    add_block(manifest, data);
  }
  add_row(manifest, "run", content);
  const std::string bytes = segment_around(manifest.SerializeAsString(), records);
  ASSERT_LT(bytes.size(), 16u << 20);
  const File file;
  file.put(bytes);
  const std::string long_key(1000, 'k');
  std::vector<NewArtifact> artifacts;
  for (int i = 0; i < 4000; ++i) artifacts.push_back(artifact(long_key + std::to_string(i), "y"));
  artifacts.push_back(artifact("again", content));
  ASSERT_TRUE(append(file.path(), segment(artifacts)).ok());
  auto reader = Reader::open(file.path());
  ASSERT_TRUE(reader.ok()) << reader.error().detail;
  EXPECT_EQ(reader->read(*reader->find("t.cache", "again"))->view(), content);
}

TEST(Append, RefersIntoNoOtherChain) {
  const std::string content = noise(100000, 3);
  const File file;
  file.put(bundle_of({segment({artifact("a", content)})}) +
           bundle_of({segment({artifact("b", "other")})}));
  ASSERT_TRUE(append(file.path(), segment({artifact("c", content)})).ok());
  auto reader = Reader::open(file.path());
  ASSERT_TRUE(reader.ok());
  EXPECT_GT(reader->bundle()->segments[2].manifest.blocks[0].size, 0u);
}

// An external entry stands for the last of equal blocks: the first one's being whole says nothing.
TEST(Append, RefersToABlockOnlyWhereTheLastOfEqualOnesIsWhole) {
  const std::string content = noise(1000, 4);
  v1::Manifest first, second;
  add_block(first, content);
  add_row(first, "a", content);
  add_block(second, content);
  add_row(second, "b", "");
  const std::string one = segment_around(first.SerializeAsString(), block_record(content));
  second.set_previous_manifest_digest(sha256(first.SerializeAsString()));
  const std::string two = segment_around(second.SerializeAsString(), block_record(content));
  std::string damaged = one + two;
  damaged[one.size() + 100] ^= 1;
  const File file;
  file.put(damaged);
  ASSERT_TRUE(append(file.path(), segment({artifact("c", content)})).ok());
  auto reader = Reader::open(file.path());
  ASSERT_TRUE(reader.ok()) << reader.error().detail;
  EXPECT_EQ(reader->read(*reader->find("t.cache", "c"))->view(), content);
}

TEST(Append, LeavesNoFileWhereThereWasNoneAndNothingIsWritten) {
  const File file;
  ::unlink(file.path().c_str());
  OpenOptions small;
  small.limits.items = 0;
  EXPECT_EQ(code_of(append(file.path(), segment({artifact("a", "x")}), {}, small)),
            v1::ERROR_CODE_LIMIT_EXCEEDED);
  struct stat status;
  EXPECT_NE(::stat(file.path().c_str(), &status), 0);
  ContextOptions options;
  Context context = std::move(Context::create(std::move(options)).value());
  EXPECT_TRUE(context.save(file.path()).ok());
  EXPECT_NE(::stat(file.path().c_str(), &status), 0);
}

}  // namespace
}  // namespace precompile
