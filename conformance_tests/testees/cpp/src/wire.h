// The wire rules of protobuf, exactly as the norm has them. Generated code would let some of
// them pass (the high bits of a tag), and would build a message before its lists are counted.
#pragma once

#include <google/protobuf/descriptor.h>

#include <cstdint>
#include <string_view>

namespace precompile {

// How many elements of lists a message holds.
struct Elements {
  uint64_t messages = 0;  // artifacts, extents and the like
  uint64_t values = 0;    // of requirements
  uint64_t features = 0;  // that are required
};

// Whether bytes are a serialized message of this type. Adds its elements to those counted.
bool is_message(std::string_view bytes, const google::protobuf::Descriptor& type,
                Elements& elements);

bool is_utf8(std::string_view text);

}  // namespace precompile
