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
  EXPECT_EQ(reader->bundle()->segments[1].manifest.artifacts.size(), 1u);
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

NewSegment removal(const std::string& key) {
  NewSegment made;
  made.removed.emplace_back().set_type("t.cache");
  made.removed.back().set_key(key);
  return made;
}

TEST(Chains, TakeNothingAwayOfEachOther) {
  const std::string earlier =
      bundle_of({segment({artifact("a", "one"), artifact("b", "two")})});
  const std::string later =
      bundle_of({segment({artifact("a", "three"), artifact("c", "four")}), removal("a")});
  auto reader = Reader::open_bytes(earlier + later);
  ASSERT_EQ(reader->current().size(), 3u);
  EXPECT_EQ(reader->read(*reader->find("t.cache", "a"))->view(), "one");
  EXPECT_EQ(reader->current()[2].key(), "c");
  Context loading = context();
  ASSERT_TRUE(loading.load_bytes(earlier).ok());
  ASSERT_TRUE(loading.load_bytes(later).ok());
  EXPECT_EQ(loading.lookup("t.cache", "a").value()->content.view, "one");
  EXPECT_FALSE(loading.need_serialize());
  EXPECT_EQ(loading.serialize().value()->bundle, earlier + later);
}

TEST(Load, TakesAwayOnlyWhatGoesOnFromWhatIsHeld) {
  const std::string first = bundle_of({segment({artifact("a", "one"), artifact("b", "two")})});
  const std::string whole =
      bundle_of({segment({artifact("a", "one"), artifact("b", "two")}), removal("a"), removal("b")});
  Context loading = context();
  ASSERT_TRUE(loading.load_bytes(first).ok());
  ASSERT_TRUE(loading.record("t.cache", "b", "mine").ok());
  ASSERT_TRUE(loading.load_bytes(whole).ok());
  EXPECT_FALSE(loading.lookup("t.cache", "a").value());
  EXPECT_EQ(loading.lookup("t.cache", "b").value()->content.view, "mine");
  EXPECT_TRUE(loading.need_serialize());
  Context other = context();
  ASSERT_TRUE(other.record("t.cache", "a", "one").ok());
  ASSERT_TRUE(other.load_bytes(whole).ok());
  EXPECT_EQ(other.lookup("t.cache", "a").value()->content.view, "one");
  EXPECT_TRUE(other.need_serialize());
}

TEST(Record, TakesAsMisuseWhatNoManifestCanHold) {
  Context large = context();
  ArtifactType type;
  type.name = "t.entry";
  type.kind = v1::ARTIFACT_KIND_ENTRY;
  ASSERT_TRUE(large.register_type(type).ok());
  std::vector<v1::ArtifactId> backends(220000);
  for (auto& backend : backends) {
    backend.set_type("t.backend");
    backend.set_key("a key of thirty-two bytes, about");
  }
  EXPECT_TRUE(large.record("t.entry", "few", "x", {backends.begin(), backends.begin() + 1000}).ok());
  // 10 MB without digests, and more than 16 MiB with them.
  EXPECT_TRUE(is_misuse(large.record("t.entry", "many", "x", backends)));
}

// Attributes of a type added later travel byte for byte, all others anew.
TEST(Save, KeepsWhatItDoesNotKnow) {
  v1::Manifest manifest;
  add_row(manifest, "a", "");
  std::string payload = manifest.SerializeAsString();
  // Its name twice, and a field 9 whose number is longer than it need be.
  const std::string later("\x0a\x01n\x0a\x01n\x48\x81\x00", 9);
  const std::string known("\x0a\x01o\x30\x81\x00\x48\x01", 8);
  const auto in = [](const std::string& tag, const std::string& message) {
    return tag + varint(message.size()) + message;
  };
  payload += in("\x32", in("\x42", in("\x1a", later) + in("\x1a", known)));
  Context saving = context();
  const auto loaded = saving.load_bytes(segment_around(payload));
  ASSERT_TRUE(loaded.ok()) << loaded.error().detail;
  EXPECT_TRUE(saving.lookup("t.cache", "a").value()->fields.empty());
  const File file;
  ASSERT_TRUE(saving.save(file.path()).ok());
  auto reader = Reader::open(file.path());
  EXPECT_EQ(hex(reader->current()[0].table().detail(0)),
            hex(in("\x1a", later) + in("\x1a", std::string("\x0a\x01o\x30\x01", 5))));
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
