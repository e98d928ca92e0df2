#include <google/protobuf/descriptor.h>

#include "bundles.h"
#include "wire.h"

namespace precompile {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using Form = Schema::Form;

bool is_manifest(std::string_view bytes) {
  Elements elements;
  return is_message(bytes, kManifestSchema, elements);
}

// What the schema's files say that a field is; nothing where it only has to be well-formed.
std::optional<Form> form_of(const FieldDescriptor& field) {
  if (field.type() == FieldDescriptor::TYPE_STRING) return Form::kText;
  if (field.type() == FieldDescriptor::TYPE_MESSAGE) return Form::kMessage;
  if (field.is_repeated()) return Form::kColumn;
  return std::nullopt;
}

void expect_same(const Descriptor& type, const Schema& schema) {
  size_t known = 0;
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    const auto form = form_of(field);
    const auto* found = std::find_if(
        schema.fields, schema.fields + schema.size,
        [&](const auto& each) { return each.number == static_cast<uint32_t>(field.number()); });
    if (!form) {
      EXPECT_EQ(found, schema.fields + schema.size) << field.full_name();
      continue;
    }
    ASSERT_NE(found, schema.fields + schema.size) << field.full_name();
    EXPECT_EQ(found->form, *form) << field.full_name();
    if (*form == Form::kMessage) expect_same(*field.message_type(), *found->message);
    ++known;
  }
  EXPECT_EQ(known, schema.size) << type.full_name();
}

TEST(Schema, IsThatOfTheSchemasFiles) {
  expect_same(*v1::Manifest::descriptor(), kManifestSchema);
  expect_same(*v1::Envelope::descriptor(), kEnvelopeSchema);
}

TEST(Wire, RefusesTheHighBitsThatGeneratedCodeDrops) {
  EXPECT_FALSE(is_manifest(std::string_view("\xfa\xff\xff\xff\x7f\x00", 6)));
  EXPECT_TRUE(is_manifest(std::string_view("\xfa\xff\xff\xff\x0f\x00", 6)));
}

TEST(Wire, TakesGroupsThatEndWhereTheyBeganAndNoOthers) {
  EXPECT_TRUE(is_manifest("\x83\x01\x8b\x01\x8c\x01\x84\x01"));
  EXPECT_FALSE(is_manifest("\x83\x01\x8b\x01\x84\x01\x8c\x01"));
  EXPECT_FALSE(is_manifest("\x83\x01"));
  EXPECT_FALSE(is_manifest("\x84\x01"));
}

TEST(Wire, CountsWhatIsPackedAndWhatIsNot) {
  Elements elements;
  const std::string table = std::string("\x12\x03\x01\x80\x01", 5) + std::string("\x10\x07", 2) +
                            std::string("\x83\x01\x10\x01\x84\x01", 6);  // a group holds none
  ASSERT_TRUE(is_message("\x32" + varint(table.size()) + table, kManifestSchema, elements));
  EXPECT_EQ(elements[Element::kTypeColumn], 3u);
  EXPECT_FALSE(is_manifest(std::string_view("\x32\x03\x12\x01\x80", 5)));  // cut off in a number
  EXPECT_FALSE(is_manifest(std::string_view("\x32\x0d\x12\x0b\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 15)));
}

TEST(Fields, GiveEachWithItsBytes) {
  const std::string_view bytes("\x0a\x01x\x13\x08\x01\x14\x18\x05", 9);
  Fields fields(bytes);
  Field field;
  ASSERT_TRUE(fields.next(field));
  EXPECT_EQ(field.raw, "\x0a\x01x");
  ASSERT_TRUE(fields.next(field));
  EXPECT_TRUE(field.is(2, kGroup));
  EXPECT_EQ(field.raw, "\x13\x08\x01\x14");
  ASSERT_TRUE(fields.next(field));
  EXPECT_TRUE(field.is(3, kVarint));
  EXPECT_EQ(field.value, 5u);
  EXPECT_FALSE(fields.next(field));
  EXPECT_FALSE(fields.malformed());
}

}  // namespace
}  // namespace precompile
