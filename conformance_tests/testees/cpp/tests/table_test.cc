// The index in columns: what is decoded, and what is refused with which code.
#include <functional>

#include "bundles.h"
#include "generated.h"
#include "manifest.h"

namespace precompile {
namespace {

constexpr auto kMalformed = v1::ERROR_CODE_MALFORMED_MANIFEST;
constexpr auto kBadReference = v1::ERROR_CODE_BAD_REFERENCE;

// Two artifacts in one block of six bytes, and an empty one.
v1::Manifest three() {
  v1::Manifest manifest;
  add_block(manifest, "abcdef");
  add_row(manifest, "a", "abc");
  add_row(manifest, "b", "def", 0, 3);
  add_row(manifest, "e", "");
  return manifest;
}

std::string bundle_of_three(const std::string& payload) {
  return segment_around(payload, block_record("abcdef"));
}

v1::ErrorCode code_of_changed(const std::function<void(v1::Manifest&)>& change) {
  v1::Manifest manifest = three();
  change(manifest);
  return code_of(Reader::open_bytes(bundle_of_three(manifest.SerializeAsString())));
}

TEST(Table, GivesRowsFromItsColumns) {
  v1::Manifest manifest = three();
  auto& detail = *manifest.mutable_artifacts()->add_details();
  detail.set_artifact(1);
  detail.add_attributes()->set_name("count");
  detail.mutable_attributes(0)->set_int_value(-2);
  auto reader = Reader::open_bytes(bundle_of_three(manifest.SerializeAsString()));
  ASSERT_TRUE(reader.ok()) << reader.error().detail;
  ASSERT_EQ(reader->current().size(), 3u);
  const ArtifactRef b = reader->current()[1];
  EXPECT_EQ(b.type(), "t.cache");
  EXPECT_EQ(b.key(), "b");
  EXPECT_EQ(b.kind(), v1::ARTIFACT_KIND_CACHE);
  EXPECT_EQ(b.attributes().at(0).int_value(), -2);
  EXPECT_EQ(reader->read(b)->view(), "def");
  EXPECT_EQ(reader->read(*reader->find("t.cache", "a"))->view(), "abc");
  EXPECT_EQ(reader->read(*reader->find("t.cache", "e"))->view(), "");
  EXPECT_FALSE(reader->find("t.cache", "c"));
  EXPECT_FALSE(Verifier(std::move(reader.value())).verify().first);
}

TEST(Table, HasColumnsOfOneLength) {
  using Table = v1::ArtifactTable;
  for (const auto& change : std::vector<std::function<void(Table&)>>{
           [](Table& t) { t.mutable_type()->RemoveLast(); },
           [](Table& t) { t.add_type(0); },
           [](Table& t) { t.mutable_key()->RemoveLast(); },
           [](Table& t) { t.mutable_content_digest()->pop_back(); },
           [](Table& t) { t.mutable_content_digest()->append(32, 'x'); },
           [](Table& t) { t.add_content_size(0); },
           [](Table& t) { t.mutable_block()->RemoveLast(); },
           [](Table& t) { t.add_offset(0); },
           [](Table& t) { t.set_type(1, 1); },
           [](Table& t) { *t.add_types() = t.types(0); },
           [](Table& t) { t.mutable_types(0)->clear_kind(); },
           [](Table& t) { t.add_details()->set_artifact(3); },
           [](Table& t) { t.add_details(); t.add_details(); }}) {
    EXPECT_EQ(code_of_changed([&](v1::Manifest& m) { change(*m.mutable_artifacts()); }), kMalformed);
  }
}

TEST(Table, TakesWhatLooksOddAndIsNot) {
  using Table = v1::ArtifactTable;
  for (const auto& change : std::vector<std::function<void(Table&)>>{
           [](Table& t) { t.add_details(); },
           [](Table& t) {
             t.add_details();
             t.add_details()->set_artifact(2);
           },
           [](Table& t) {
             t.add_types()->set_name("unused");
             t.mutable_types(1)->set_kind(v1::ARTIFACT_KIND_ENTRY);
           },
           [](Table& t) {  // one name of two kinds
             t.add_types()->set_name("t.cache");
             t.mutable_types(1)->set_kind(v1::ARTIFACT_KIND_BACKEND);
             t.set_type(1, 1);
           },
           [](Table& t) { t.mutable_types(0)->set_kind(static_cast<v1::ArtifactKind>(-1)); }}) {
    EXPECT_EQ(code_of_changed([&](v1::Manifest& m) { change(*m.mutable_artifacts()); }),
              v1::ERROR_CODE_UNSPECIFIED);
  }
}

TEST(Table, KnowsDuplicatesByTheNamesOfTypes) {
  EXPECT_EQ(code_of_changed([](v1::Manifest& m) { m.mutable_artifacts()->set_key(1, "a"); }),
            v1::ERROR_CODE_DUPLICATE_ARTIFACT);
  EXPECT_EQ(code_of_changed([](v1::Manifest& m) {
              auto& table = *m.mutable_artifacts();
              table.add_types()->set_name("t.cache");
              table.mutable_types(1)->set_kind(v1::ARTIFACT_KIND_BACKEND);
              table.set_type(1, 1);
              table.set_key(1, "a");
            }),
            v1::ERROR_CODE_DUPLICATE_ARTIFACT);
  EXPECT_EQ(code_of_changed([](v1::Manifest& m) {
              auto& table = *m.mutable_artifacts();
              table.add_types()->set_name("t.other");
              table.mutable_types(1)->set_kind(v1::ARTIFACT_KIND_CACHE);
              table.set_type(1, 1);
              table.set_key(1, "a");
            }),
            v1::ERROR_CODE_UNSPECIFIED);
}

TEST(Places, AreInABlockOrARunOfWholeOnes) {
  // Blocks of 2, 3 and 1 bytes.
  const std::vector<std::string> blocks{"ab", "cde", "f"};
  const auto code = [&](uint32_t block, uint64_t offset, uint64_t size) {
    v1::Manifest manifest;
    std::string records, whole;
    for (const auto& data : blocks) {
      add_block(manifest, data);
      records += block_record(data);
    }
    for (size_t i = block; i < blocks.size(); ++i) whole += blocks[i];
    const bool is_there = offset <= whole.size() && size <= whole.size();
    add_row(manifest, "k", is_there ? whole.substr(offset, size) : "", block, offset);
    manifest.mutable_artifacts()->set_content_size(0, size);
    auto reader = Reader::open_bytes(segment_around(manifest.SerializeAsString(), records));
    if (!reader.ok()) return reader.error().code;
    const auto content = reader->read(reader->current()[0]);
    EXPECT_EQ(content->view(), whole.substr(offset, size));
    EXPECT_FALSE(Verifier(std::move(reader.value())).verify().first);
    return v1::ERROR_CODE_UNSPECIFIED;
  };
  constexpr auto kTaken = v1::ERROR_CODE_UNSPECIFIED;
  EXPECT_EQ(code(0, 0, 0), kTaken);
  EXPECT_EQ(code(1, 0, 0), kBadReference);
  EXPECT_EQ(code(0, 1, 0), kBadReference);
  EXPECT_EQ(code(3, 0, 1), kBadReference);
  EXPECT_EQ(code(UINT32_MAX, 0, 1), kBadReference);
  EXPECT_EQ(code(1, 3, 1), kBadReference);
  EXPECT_EQ(code(1, 2, 1), kTaken);
  EXPECT_EQ(code(1, 1, 2), kTaken);
  EXPECT_EQ(code(0, 0, 5), kTaken);
  EXPECT_EQ(code(0, 0, 6), kTaken);
  EXPECT_EQ(code(1, 0, 4), kTaken);
  EXPECT_EQ(code(0, 0, 3), kBadReference);
  EXPECT_EQ(code(0, 0, 7), kBadReference);
  EXPECT_EQ(code(0, 1, 4), kBadReference);
  EXPECT_EQ(code(1, 1, 3), kBadReference);
}

TEST(Places, AreInRunsThatDoNotOverlap) {
  const auto code = [](const std::vector<std::pair<uint32_t, uint64_t>>& places) {
    v1::Manifest manifest;
    std::string records;
    const std::string whole = "abcdef";
    for (const char c : whole) {
      add_block(manifest, std::string(1, c));
      records += block_record(std::string(1, c));
    }
    for (const auto& [block, size] : places) {
      add_row(manifest, "k" + std::to_string(manifest.artifacts().key_size()),
              whole.substr(block, size), block);
    }
    auto reader = Reader::open_bytes(segment_around(manifest.SerializeAsString(), records));
    if (!reader.ok()) return reader.error().code;
    EXPECT_FALSE(Verifier(std::move(reader.value())).verify().first);
    return v1::ERROR_CODE_UNSPECIFIED;
  };
  constexpr auto kTaken = v1::ERROR_CODE_UNSPECIFIED;
  EXPECT_EQ(code({{0, 3}, {3, 3}}), kTaken);
  EXPECT_EQ(code({{3, 3}, {0, 2}, {3, 3}}), kTaken);  // one place of two artifacts
  EXPECT_EQ(code({{0, 3}, {1, 1}, {2, 1}}), kTaken);  // single blocks of a run
  EXPECT_EQ(code({{0, 3}, {2, 2}}), kBadReference);
  EXPECT_EQ(code({{0, 3}, {0, 2}}), kBadReference);
  EXPECT_EQ(code({{4, 2}, {0, 6}}), kBadReference);
}

TEST(Verifier, TellsEveryArtifactOfARunThatCannotBeRead) {
  v1::Manifest manifest;
  for (const char* data : {"a", "b", "c"}) add_block(manifest, data);
  add_row(manifest, "run", "abc");
  add_row(manifest, "same", "abc");
  add_row(manifest, "wrong", "xyz");
  add_row(manifest, "c", "c", 2);
  const std::string payload = manifest.SerializeAsString();
  const auto faults = [&](const std::string& second) {
    auto reader = Reader::open_bytes(
        segment_around(payload, block_record("a") + block_record(second) + block_record("c")));
    return Verifier(std::move(reader.value())).verify().segments[0].artifacts;
  };
  auto found = faults("b");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found.at(2).offset, kHeader.size());  // the record of the first block
  found = faults("x");
  ASSERT_EQ(found.size(), 3u);
  for (uint32_t i = 0; i < 3; ++i) EXPECT_EQ(found.at(i).offset, kHeader.size() + 5);
}

TEST(Blocks, HoldUpTo64MiB) {
  const auto change = [](uint64_t size, uint64_t content) {
    return code_of_changed([&](v1::Manifest& m) {
      m.mutable_blocks(0)->set_size(size);
      m.mutable_blocks(0)->set_content_size(content);
    });
  };
  EXPECT_EQ(change(10, 0), kBadReference);
  EXPECT_EQ(change(10, 1ull << 26), v1::ERROR_CODE_UNSPECIFIED);
  EXPECT_EQ(change(10, (1ull << 26) + 1), kBadReference);
  EXPECT_EQ(change((1ull << 26) + 11, 6), kBadReference);
}

TEST(Contents, AreAtMost65536BytesForEachOfTheBundle) {
  const std::string data(1 << 16, 'x');
  const auto claiming = [&](uint64_t artifacts) {
    v1::Manifest manifest;
    add_block(manifest, data);
    for (uint64_t i = 0; i < artifacts; ++i) add_row(manifest, "k" + std::to_string(10000 + i), data);
    return segment_around(manifest.SerializeAsString(), block_record(data));
  };
  // Each row takes some forty bytes, so one block of 64 KiB is never claimed too often.
  EXPECT_TRUE(Reader::open_bytes(claiming(3000)).ok());
  v1::Manifest manifest;
  manifest.mutable_artifacts();
  add_block(manifest, "x");
  manifest.mutable_blocks(0)->set_compression(v1::COMPRESSION_ZSTD);
  manifest.mutable_blocks(0)->set_content_size(1 << 26);
  add_row(manifest, "k", "");
  manifest.mutable_artifacts()->set_content_size(0, 1 << 26);
  const std::string once = segment_around(manifest.SerializeAsString(), block_record("x"));
  ASSERT_LT(once.size(), 1u << 10);
  EXPECT_EQ(code_of(Reader::open_bytes(once)), v1::ERROR_CODE_LIMIT_EXCEEDED);
}

TEST(Payload, IsRefusedBeforeMemoryIsTakenForShortElements) {
  // So many of an element with a required feature, which is looked at next: a payload that is a
  // byte too short for them is told before it.
  const auto code = [](const std::string& element, size_t count, size_t size) {
    std::string payload("\x0a\x00", 2);
    for (size_t i = 0; i < count; ++i) payload += element;
    for (; payload.size() + 1 < size; payload += std::string("\x40\x00", 2)) {
    }
    if (payload.size() < size) payload.replace(payload.size() - 1, 1, std::string("\x80\x00", 2));
    Limits limits;
    Tally tally;
    EXPECT_EQ(payload.size(), size);
    return code_of(decode_manifest(payload, limits, tally));
  };
  const auto in_table = [](const std::string& field) {
    return "\x32" + varint(field.size()) + field;
  };
  const auto in_detail = [&](const std::string& field) {
    return in_table("\x42" + varint(field.size()) + field);
  };
  const std::string empty("\0", 1);
  const struct {
    std::string element;
    size_t bytes;
  } elements[] = {
      {in_table("\x1a" + empty), 32},       // a key
      {"\x2a" + empty, 32},                 // a block entry
      {"\x22" + empty, 4},                  // a requirement
      {"\x3a" + empty, 4},                  // a removed id
      {in_table(std::string("\x0a\0", 2)), 4},   // a type
      {in_table(std::string("\x42\0", 2)), 4},   // a detail
      {std::string("\x22\x06\x1a\0\x1a\0\x1a\0", 8), 4 + 3 * 2},
      {in_detail(std::string("\x12\0\x12\0", 4)), 4 + 2 * 4},  // backends
      {in_detail(std::string("\x1a\0\x1a\0", 4)), 4 + 2 * 4},  // attributes
      {"\x0a" + empty, 2},
  };
  for (const auto& [element, bytes] : elements) {
    const size_t least = 2 + 100 * bytes;
    if (100 * element.size() + 2 < least) {
      EXPECT_EQ(code(element, 100, least - 1), kMalformed) << bytes;
    }
    EXPECT_EQ(code(element, 100, std::max(least, 100 * element.size() + 2)),
              v1::ERROR_CODE_UNSUPPORTED_FEATURE) << bytes;
  }
}

TEST(Payload, MergesATableThatOccursTwice) {
  const v1::Manifest manifest = three();
  v1::Manifest first, second;
  *first.mutable_blocks() = manifest.blocks();
  auto& a = *first.mutable_artifacts();
  auto& b = *second.mutable_artifacts();
  a = manifest.artifacts();
  b = v1::ArtifactTable();
  a.set_content_digest("replaced");
  b.set_content_digest(manifest.artifacts().content_digest());
  for (auto* column : {a.mutable_content_size(), a.mutable_offset()}) column->RemoveLast();
  b.add_content_size(0);
  b.add_offset(0);
  auto reader = Reader::open_bytes(
      bundle_of_three(first.SerializeAsString() + second.SerializeAsString()));
  ASSERT_TRUE(reader.ok()) << reader.error().detail;
  EXPECT_EQ(reader->read(reader->current()[1])->view(), "def");
}

// Whatever it is, it is opened, or refused with a code and an offset in it.
void expect_answer(const std::string& bytes) {
  for (const bool recover : {false, true}) {
    OpenOptions options;
    options.recover = recover;
    auto reader = Reader::open_bytes(bytes, options);
    if (reader.ok()) {
      for (const auto& each : reader->current()) (void)reader->read(each).ok();
      (void)Verifier(std::move(reader.value())).verify();
      continue;
    }
    ASSERT_EQ(reader.error().kind, Error::Kind::kRejection);
    ASSERT_TRUE(reader.error().offset && *reader.error().offset <= bytes.size());
  }
}

v1::Manifest with_everything() {
  v1::Manifest manifest = three();
  manifest.mutable_producer()->set_name("p");
  auto& requirement = *manifest.add_requirements();
  requirement.set_name("f");
  requirement.set_match(v1::MATCH_EXACT);
  requirement.add_values("v");
  auto& table = *manifest.mutable_artifacts();
  table.add_types()->set_name("t.entry");
  table.mutable_types(1)->set_kind(v1::ARTIFACT_KIND_ENTRY);
  table.set_type(2, 1);
  auto& detail = *table.add_details();
  detail.set_artifact(2);
  detail.add_backends()->set_type("t.b");
  detail.mutable_backends(0)->set_key("k");
  detail.mutable_backends(0)->set_content_digest(std::string(32, 'd'));
  detail.add_attributes()->set_name("n");
  detail.mutable_attributes(0)->set_double_value(0.5);
  manifest.add_removed()->set_type("t.r");
  manifest.mutable_removed(0)->set_key("k");
  return manifest;
}

TEST(Bundle, GivesAnAnswerHoweverItIsCutOffOrFlipped) {
  const std::string whole = bundle_of_three(with_everything().SerializeAsString());
  ASSERT_TRUE(Reader::open_bytes(whole).ok());
  for (size_t size = 0; size < whole.size(); ++size) {
    expect_answer(whole.substr(0, size));
    EXPECT_FALSE(Reader::open_bytes(whole.substr(0, size)).ok());
  }
  for (size_t at = 0; at < whole.size() * 8; ++at) {
    std::string flipped = whole;
    flipped[at / 8] = static_cast<char>(flipped[at / 8] ^ (1 << at % 8));
    expect_answer(flipped);
    auto reader = Reader::open_bytes(flipped);
    // What is no fault of the whole is one of a content: nothing passes unnoticed.
    EXPECT_TRUE(!reader.ok() || Verifier(std::move(reader.value())).verify().first) << at;
  }
}

void expect_same(const std::string& payload) {
  Limits limits;
  Tally tally;
  auto decoded = decode_manifest(payload, limits, tally);
  if (decoded.ok()) {
    EXPECT_TRUE(agrees_with_generated(decoded.value(), payload)) << hex(payload);
  }
}

TEST(Payload, GivesAnAnswerHoweverItIsChangedAndTheSameAsGeneratedCode) {
  const std::string payload = with_everything().SerializeAsString();
  expect_same(payload);
  for (size_t size = 0; size < payload.size(); ++size) {
    expect_answer(bundle_of_three(payload.substr(0, size)));
    expect_same(payload.substr(0, size));
  }
  for (size_t at = 0; at < payload.size(); ++at) {
    for (const int flips : {1, 2, 4, 8, 16, 32, 64, 128, 255, 127}) {
      std::string changed = payload;
      changed[at] = static_cast<char>(changed[at] ^ flips);
      expect_answer(bundle_of_three(changed));
      expect_same(changed);
    }
  }
}

}  // namespace
}  // namespace precompile
