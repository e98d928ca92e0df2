// The wire rules of protobuf, exactly as the norm has them. Generated code would let some of
// them pass (the high bits of a tag), and would build a message before its lists are counted.
#pragma once

#include <google/protobuf/descriptor.h>

#include <cstdint>
#include <string_view>

namespace precompile {

// Whether bytes are a serialized message of this type. Adds to `items` one for each element
// of a list in it that counts for the limit of that name.
bool is_message(std::string_view bytes, const google::protobuf::Descriptor& type, uint64_t& items);

bool is_utf8(std::string_view text);

}  // namespace precompile
