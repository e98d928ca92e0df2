// Rows of a manifest that stay as they are serialized until somebody asks.
#pragma once

#include <string_view>

#include "precompile/v1/artifact.pb.h"
#include "wire.h"

namespace precompile {

inline bool has_backends(v1::ArtifactKind kind) {
  return kind != v1::ARTIFACT_KIND_CACHE && kind != v1::ARTIFACT_KIND_BACKEND;  // [PCB-ART-002]
}

struct IdView {
  std::string_view type, key, content_digest;
};
IdView decode_id(std::string_view message);

struct AttributeView {
  std::string_view name;
  bool has_value = false;  // of a type that this version knows
};
AttributeView decode_attribute(std::string_view message);

inline constexpr uint32_t kDetailBackends = 2;
inline constexpr uint32_t kDetailAttributes = 3;

// Calls `each` with every message in the field `number` of a serialized message.
template <class Each>
void for_each_message(std::string_view message, uint32_t number, const Each& each) {
  Fields fields(message);
  for (Field field; fields.next(field);) {
    if (field.is(number, kBytes)) each(field.bytes);
  }
}

}  // namespace precompile
