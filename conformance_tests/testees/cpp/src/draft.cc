#include "draft.h"

#include "encoder.h"

namespace precompile {
namespace {

// Tag and length in front of anything that a manifest can hold.
constexpr size_t kElementHead = 1 + 4;

// An enum's value below 0 takes all 64 bits.
uint64_t enum_value(int value) { return static_cast<uint64_t>(static_cast<int64_t>(value)); }

std::string encode(const v1::Requirement& requirement) {
  Encoder encoder;
  encoder.text(1, requirement.name()).number(2, enum_value(requirement.match()));
  for (const auto& value : requirement.values()) encoder.element(3, value);
  return encoder.take();
}

std::string encode_head(std::string_view previous, const v1::Producer& producer,
                        const std::vector<v1::Requirement>& requirements) {
  Encoder head;
  head.text(2, previous);  // [PCB-CHAIN-001]
  head.element(3, Encoder().text(1, producer.name()).text(2, producer.version()).bytes());
  for (const auto& requirement : requirements) head.element(4, encode(requirement));
  return head.take();
}

std::string encode(const v1::ArtifactId& id) {
  return Encoder().text(1, id.type()).text(2, id.key()).take();  // [PCB-CURR-005]
}

std::string encode(const BlockRow& block) {
  return Encoder()
      .text(1, block.digest)
      .number(2, block.size)
      .number(3, enum_value(block.compression))
      .number(4, block.content_size)
      .take();
}

}  // namespace

Draft::Draft(std::string_view previous, const v1::Producer& producer,
             const std::vector<v1::Requirement>& requirements)
    : head_(encode_head(previous, producer, requirements)) {
  items_ = requirements.size();
  for (const auto& requirement : requirements) {
    items_ += static_cast<uint64_t>(requirement.values_size());
  }
}

size_t Draft::fixed_bytes(const v1::Producer& producer,
                          const std::vector<v1::Requirement>& requirements) {
  constexpr size_t kTableHead = 6 * kElementHead;  // its own, and those of its packed columns
  return encode_head(std::string(32, '\0'), producer, requirements).size() + kTableHead;
}

size_t Draft::bytes_of(const v1::ArtifactId& removed) {
  return kElementHead + encode(removed).size();
}

size_t Draft::bytes_of(std::string_view type, std::string_view key, const Portable& artifact) {
  constexpr size_t kKind = 11;
  constexpr size_t kNumbers = 5 + 10 + 5 + 5;  // type, content_size, block, offset
  const size_t detail = encode_detail(artifact).size();
  return 2 * kElementHead + type.size() + kKind + kElementHead + key.size() + 32 + kNumbers +
         (detail == 0 ? 0 : kElementHead + 6 + detail);
}

void Draft::remove(const v1::ArtifactId& removed) {
  removed_ += Encoder().element(7, encode(removed)).bytes();
  ++items_;
}

void Draft::add(std::string_view type, std::string_view key, const Portable& artifact,
                Place place) {
  // [PCB-TABLE-005]
  const auto index = static_cast<uint32_t>(type_.size());
  const auto [known, is_new] = types_.try_emplace({std::string(type), artifact.kind},
                                                  static_cast<uint32_t>(types_.size()));
  if (is_new) {
    type_fields_ +=
        Encoder()
            .element(1, Encoder().text(1, type).number(2, enum_value(artifact.kind)).bytes())
            .bytes();
  }
  type_.push_back(known->second);
  key_fields_ += Encoder().element(3, key).bytes();
  digests_ += artifact.content_digest;
  content_size_.push_back(artifact.content_size);
  block_.push_back(place.block);
  offset_.push_back(place.offset);
  const std::string detail = encode_detail(artifact);
  if (!detail.empty()) {
    detail_fields_ +=
        Encoder().element(8, Encoder().number(1, index).fields(detail).bytes()).bytes();
    ++items_;
  }
  items_ += 1 + artifact.backends.size() + artifact.attributes.size();
}

size_t Draft::least_bytes() const {
  constexpr size_t kBlock = 2 + 32 + 2 + 2;
  constexpr size_t kNumbers = 4;
  return head_.size() + blocks_.size() * kBlock + type_fields_.size() + key_fields_.size() +
         digests_.size() + type_.size() * kNumbers + detail_fields_.size() + removed_.size();
}

std::string Draft::serialized() const {
  Encoder manifest;
  manifest.fields(head_);
  for (const BlockRow& block : blocks_) manifest.element(5, encode(block));
  Encoder table;
  table.fields(type_fields_)
      .column(2, type_)
      .fields(key_fields_)
      .text(4, digests_)
      .column(5, content_size_)
      .column(6, block_)
      .column(7, offset_)
      .fields(detail_fields_);
  return manifest.text(6, table.bytes()).fields(removed_).take();
}

}  // namespace precompile
