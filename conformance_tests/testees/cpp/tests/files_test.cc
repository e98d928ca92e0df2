#include <sys/file.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <thread>

#include "bundles.h"

namespace precompile {
namespace {

TEST(Append, MakesABundleOfAFileThatIsNotThere) {
  const File file;
  ::unlink(file.path().c_str());
  ASSERT_TRUE(append(file.path(), segment({artifact("a", "one")})).ok());
  auto reader = Reader::open(file.path());
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ(reader->read(*reader->find("t.cache", "a"))->view(), "one");
}

TEST(Append, CutsATornTailOffAndKeepsWhatIsCommitted) {
  const std::string first = bundle_of({segment({artifact("a", "one")})});
  const std::string second = bundle_of({segment({artifact("b", "two")})});
  for (size_t size = 1; size < second.size(); ++size) {
    const File file;
    file.put(first + second.substr(0, size));
    ASSERT_TRUE(append(file.path(), segment({artifact("c", "three")})).ok()) << size;
    const std::string after = file.get();
    EXPECT_EQ(after.substr(0, first.size()), first);
    auto reader = Reader::open(file.path());
    ASSERT_TRUE(reader.ok());
    EXPECT_EQ(reader->current().size(), 2u);
  }
}

TEST(Append, CutsOffAFooterThatAPowerCutTore) {
  // The footer's place lies across the first sector's end, behind what gives it its shape.
  std::string bytes, key = "k";
  for (; bytes.empty() || bytes.size() - 7 != 512; key += "k") {
    ASSERT_LT(key.size(), 512u);
    bytes = bundle_of({segment({artifact(key, "one")})});
  }
  const File file;
  std::string torn = bytes.substr(0, 512) + std::string(7, '\0');
  file.put(torn);
  ASSERT_TRUE(append(file.path(), segment({artifact("a", "two")})).ok());
  EXPECT_EQ(Reader::open(file.path())->current().size(), 1u);
  torn.back() = 'x';
  file.put(torn);
  EXPECT_FALSE(append(file.path(), segment({artifact("a", "two")})).ok());
  EXPECT_EQ(file.get(), torn);
}

TEST(Append, TakesAHeaderOfZerosForNone) {
  const File file;
  file.put(std::string(23, '\0'));
  ASSERT_TRUE(append(file.path(), segment({artifact("a", "one")})).ok());
  EXPECT_TRUE(Reader::open(file.path()).ok());
  file.put(std::string(24, '\0'));
  EXPECT_EQ(code_of(append(file.path(), segment({artifact("a", "one")}))),
            v1::ERROR_CODE_NOT_A_BUNDLE);
}

TEST(Append, ChangesNothingWhereACommittedSegmentFollowsDamage) {
  std::string bytes = bundle_of({segment({artifact("a", "one")})});
  const size_t first = bytes.size();
  bytes += bundle_of({segment({artifact("b", "two")})});
  bytes[first - 1] = 'x';  // the first footer
  const std::string torn = bytes + "torn";
  const File file;
  file.put(torn);
  const Status status = append(file.path(), segment({artifact("c", "three")}));
  EXPECT_EQ(code_of(status), v1::ERROR_CODE_MALFORMED_FRAME);
  EXPECT_EQ(file.get(), torn);
}

TEST(Append, StoresContentOfTheChainOnceMoreOnlyWhereItIsDamaged) {
  const std::string content(100000, 'x');
  NewArtifact unlike = artifact("a", content);
  const File file;
  file.put(bundle_of({segment({unlike})}));
  const size_t before = file.get().size();
  ASSERT_TRUE(append(file.path(), segment({artifact("b", content)})).ok());
  auto reader = Reader::open(file.path());
  EXPECT_EQ(reader->bundle()->segments[1].manifest.blocks[0].size, 0u);
  std::string damaged = file.get().substr(0, before);
  damaged[40] ^= 1;  // in the block
  file.put(damaged);
  ASSERT_TRUE(append(file.path(), segment({artifact("b", content)})).ok());
  auto again = Reader::open(file.path());
  EXPECT_GT(again->bundle()->segments[1].manifest.blocks[0].size, 0u);
  EXPECT_TRUE(again->read(*again->find("t.cache", "b")).ok());
}

TEST(Append, WaitsForTheLockOfAnotherWriter) {
  const File file;
  const int other = ::open(file.path().c_str(), O_RDWR);
  ASSERT_EQ(::flock(other, LOCK_EX), 0);
  std::thread writer([&] {
    EXPECT_TRUE(append(file.path(), segment({artifact("a", "one")})).ok());
  });
  const std::string bytes = bundle_of({segment({artifact("b", "two")})});
  ASSERT_EQ(::pwrite(other, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  ::close(other);
  writer.join();
  auto reader = Reader::open(file.path());
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ(reader->current().size(), 2u);  // neither is lost
}

TEST(Append, RefusesWhatNoBundleCanSayAndMakesNoFile) {
  const File file;
  ::unlink(file.path().c_str());
  EXPECT_TRUE(is_misuse(append(file.path(), segment({artifact("", "no key")}))));
  struct stat status;
  EXPECT_NE(::stat(file.path().c_str(), &status), 0);
}

TEST(Reading, SaysSoWhereTheFileBecameShorterAndGoesOn) {
  const File file;
  std::string content;
  for (int i = 0; i < 100000; ++i) content += hex(sha256(std::to_string(i)));
  file.put(bundle_of({segment({artifact("a", content)})}));
  auto reader = Reader::open(file.path());
  ASSERT_TRUE(reader.ok());
  ASSERT_EQ(::truncate(file.path().c_str(), 30), 0);
  const auto read = reader->read(reader->current()[0]);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().kind, Error::Kind::kSystem);
}

TEST(Reading, GivesViewsOfWhatLiesUncompressed) {
  const File file;
  file.put(bundle_of({segment({artifact("a", "tiny")})}));
  auto reader = Reader::open(file.path());
  const auto view = reader->view(reader->current()[0]);
  ASSERT_TRUE(view.ok() && view.value());
  EXPECT_EQ(*view.value(), "tiny");
}

// 70 blocks of 64 MiB of zeros in a file with holes: the last one lies past 4 GiB.
TEST(Reading, ReachesPastFourGibibytes) {
  constexpr uint64_t kContent = 64ull << 20;
  constexpr int kBlocks = 70;
  const File file;
  const std::string zeros_digest = sha256(std::string(kContent, '\0'));
  const std::string prefix = block_prefix(kContent);
  const std::string last = "past the end of 32 bits";
  v1::Manifest manifest;
  const int descriptor = ::open(file.path().c_str(), O_RDWR);
  uint64_t at = 0;
  const auto put = [&](const std::string& bytes) {
    EXPECT_EQ(::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(at)),
              static_cast<ssize_t>(bytes.size()));
    at += bytes.size();
  };
  put(std::string(kHeader));
  for (int i = 0; i < kBlocks; ++i) {
    put(prefix);
    at += kContent;
    auto& entry = *manifest.add_blocks();
    entry.set_digest(zeros_digest);
    entry.set_size(prefix.size() + kContent);
    entry.set_compression(v1::COMPRESSION_NONE);
    entry.set_content_size(kContent);
  }
  put(block_record(last));
  add_block(manifest, last);
  add_row(manifest, "last", last, kBlocks);
  const uint64_t manifest_offset = at;
  const std::string payload = manifest.SerializeAsString();
  put(manifest_record(make_envelope(payload, sha256(payload), std::nullopt).value()));
  put(footer_record({manifest_offset, at + kFooterSize}));
  ::close(descriptor);
  auto reader = Reader::open(file.path());
  ASSERT_TRUE(reader.ok()) << reader.error().detail;
  EXPECT_GT(reader->bundle()->segments[0].blocks.back().offset, 1ull << 32);
  EXPECT_EQ(reader->read(reader->current()[0])->view(), last);
  ASSERT_TRUE(append(file.path(), segment({artifact("behind", "it")})).ok());
  auto longer = Reader::open(file.path());
  ASSERT_TRUE(longer.ok());
  EXPECT_EQ(longer->current().size(), 2u);
}

TEST(Signing, IsAcceptedByThePolicyOfItsKeyAndLeavesPayloadsAsTheyAre) {
  const File file;
  file.put(bundle_of({segment({artifact("a", "one")}), segment({artifact("b", "two")})}));
  const auto key = SigningKey::from_seed(std::string(32, 's'));
  const auto digest = Reader::open(file.path())->bundle()->digest();
  OpenOptions signed_only;
  signed_only.policy = Policy::trust({key->public_key()}, 1).value();
  EXPECT_EQ(code_of(Reader::open(file.path(), signed_only)), v1::ERROR_CODE_UNSIGNED);
  ASSERT_TRUE(sign_file(file.path(), key.value()).ok());
  auto reader = Reader::open(file.path(), signed_only);
  ASSERT_TRUE(reader.ok()) << reader.error().detail;
  EXPECT_EQ(reader->bundle()->digest(), digest);
  const std::string once = file.get();
  ASSERT_TRUE(sign_file(file.path(), key.value()).ok());
  EXPECT_EQ(file.get(), once);
  WriterOptions writer;
  writer.key = key.value();
  ASSERT_TRUE(append(file.path(), segment({artifact("c", "three")}), writer, signed_only).ok());
  EXPECT_TRUE(Reader::open(file.path(), signed_only).ok());
  ASSERT_TRUE(append(file.path(), segment({artifact("d", "four")})).ok());
  EXPECT_EQ(code_of(Reader::open(file.path(), signed_only)), v1::ERROR_CODE_UNSIGNED);
}

}  // namespace
}  // namespace precompile
