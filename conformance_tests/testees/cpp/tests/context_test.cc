#include <thread>

#include "bundles.h"

namespace precompile {
namespace {

Context context(Host host = {}, const Policy& policy = Policy::accept_unsigned()) {
  ContextOptions options;
  options.host = std::move(host);
  options.policy = policy;
  Context made = std::move(Context::create(std::move(options)).value());
  ArtifactType cache;
  cache.name = "t.cache";
  cache.populate_cache = [](const ArtifactValue&) { return Status(Done{}); };
  EXPECT_TRUE(made.register_type(cache).ok());
  ArtifactType backend;
  backend.name = "t.backend";
  backend.kind = v1::ARTIFACT_KIND_BACKEND;
  EXPECT_TRUE(made.register_type(backend).ok());
  return made;
}

TEST(Save, AppendsOnlyWhatTheFileDoesNotHold) {
  const File file;
  ::unlink(file.path().c_str());
  Context one = context();
  ASSERT_TRUE(one.record("t.cache", "a", "one").ok());
  ASSERT_TRUE(one.save(file.path()).ok());
  EXPECT_FALSE(one.need_serialize());
  const std::string once = file.get();
  ASSERT_TRUE(one.save(file.path()).ok());
  EXPECT_EQ(file.get(), once);
  Context two = context();
  ASSERT_TRUE(two.record("t.cache", "a", "one").ok());
  ASSERT_TRUE(two.record("t.cache", "b", "two").ok());
  ASSERT_TRUE(two.save(file.path()).ok());
  auto reader = Reader::open(file.path());
  ASSERT_EQ(reader->bundle()->segments.size(), 2u);
  EXPECT_EQ(reader->bundle()->segments[1].manifest.artifacts_size(), 1);
}

TEST(Save, WritesARemovalToTheFileThatHeldTheArtifact) {
  const File file;
  ::unlink(file.path().c_str());
  Context first = context();
  ASSERT_TRUE(first.record("t.cache", "a", "one").ok());
  ASSERT_TRUE(first.save(file.path()).ok());
  EXPECT_TRUE(first.remove("t.cache", "a"));
  EXPECT_TRUE(first.need_serialize());
  ASSERT_TRUE(first.save(file.path()).ok());
  EXPECT_FALSE(first.need_serialize());
  EXPECT_TRUE(Reader::open(file.path())->current().empty());
}

TEST(Save, KeepsSegmentsOfOtherHosts) {
  const File file;
  ::unlink(file.path().c_str());
  Context here = context({{"os.name", {"here"}}});
  Context there = context({{"os.name", {"there"}}});
  ASSERT_TRUE(here.record("t.cache", "a", "one").ok());
  ASSERT_TRUE(there.record("t.cache", "a", "two").ok());
  ASSERT_TRUE(here.save(file.path()).ok());
  ASSERT_TRUE(there.save(file.path()).ok());
  OpenOptions options;
  options.host = Host{{"os.name", {"here"}}};
  auto reader = Reader::open(file.path(), options);
  EXPECT_EQ(reader->read(reader->current()[0])->view(), "one");
  Context loaded = context({{"os.name", {"there"}}});
  EXPECT_EQ(loaded.load(file.path())->opaque, 1u);
  EXPECT_EQ(loaded.lookup("t.cache", "a").value()->content.view, "two");
}

TEST(Load, TrustsNobodyWithoutAPolicy) {
  Context none = std::move(Context::create(ContextOptions()).value());
  const auto loaded = none.load_bytes(bundle_of({segment({artifact("a", "one")})}));
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.error().code, v1::ERROR_CODE_UNSIGNED);
}

TEST(Load, HoldsTheSegmentsOfABundleThatContinuesOnce) {
  const std::string first = bundle_of({segment({artifact("a", "one")})});
  const std::string both =
      bundle_of({segment({artifact("a", "one")}), segment({artifact("b", "two")})});
  Context loading = context();
  ASSERT_TRUE(loading.load_bytes(first).ok());
  ASSERT_TRUE(loading.load_bytes(both).ok());
  EXPECT_EQ(loading.serialize().value()->bundle, both);
  ASSERT_TRUE(loading.load_bytes(both).ok());
  EXPECT_EQ(loading.serialize().value()->bundle, both);
}

TEST(Serialize, SplitsWhatOneManifestCannotSay) {
  Context large = context();
  const std::string long_key(1000, 'k');
  for (int i = 0; i < 16000; ++i) {
    ASSERT_TRUE(large.record("t.cache", long_key + std::to_string(i), "same").ok());
  }
  const auto serialized = large.serialize();
  ASSERT_TRUE(serialized.ok()) << serialized.error().detail;
  auto reader = Reader::open_bytes(serialized.value()->bundle);
  ASSERT_TRUE(reader.ok()) << reader.error().detail;
  EXPECT_EQ(reader->bundle()->segments.size(), 2u);
  EXPECT_EQ(reader->current().size(), 16000u);
}

TEST(Edit, IsAskedAgainWhereTheBackendChangedMeanwhile) {
  Context edited = context();
  ASSERT_TRUE(edited.record("t.backend", "b", "one").ok());
  int asked = 0;
  const Status status = edited.edit("b", [&](std::string_view content) -> Result<std::string> {
    if (++asked == 1) {
      EXPECT_TRUE(edited.record("t.backend", "b", "two").ok());
    }
    return std::string(content) + "!";
  });
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(edited.serialize_by_key("b").value()->content.view, "two!");
}

TEST(Context, TakesWhatSeveralThreadsRecord) {
  Context shared = context();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&shared, t] {
      for (int i = 0; i < 100; ++i) {
        EXPECT_TRUE(shared.record("t.cache", std::to_string(t * 100 + i), "content").ok());
        if (i % 10 == 0) {
          EXPECT_TRUE(shared.serialize().ok());
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(shared.current().size(), 400u);
  auto reader = Reader::open_bytes(shared.serialize().value()->bundle);
  EXPECT_EQ(reader->current().size(), 400u);
}

}  // namespace
}  // namespace precompile
