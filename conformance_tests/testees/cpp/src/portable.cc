#include "portable.h"

#include <algorithm>

#include "encoder.h"
#include "rows.h"

namespace precompile {

std::shared_ptr<const Portable> Portable::of(const ArtifactRef& artifact) {
  auto portable = std::make_shared<Portable>();
  portable->kind = artifact.kind();
  portable->content_digest = artifact.content_digest();
  portable->content_size = artifact.content_size();
  portable->backends = artifact.backends();
  const std::string_view detail = artifact.table().detail(artifact.index());
  for_each_message(detail, kDetailAttributes, [&](std::string_view message) {
    if (!decode_attribute(message).has_value) {
      portable->attributes.emplace_back(message);  // [PCB-EXT-007]
      return;
    }
    v1::Attribute attribute;
    attribute.ParseFromArray(message.data(), static_cast<int>(message.size()));
    portable->attributes.push_back(encode_attribute(attribute));
  });
  return portable;
}

bool same_artifact(const Portable& a, const Portable& b) {
  const auto same_backend = [](const v1::ArtifactId& x, const v1::ArtifactId& y) {
    return x.type() == y.type() && x.key() == y.key() && x.content_digest() == y.content_digest();
  };
  return &a == &b || (a.kind == b.kind && a.content_digest == b.content_digest &&
                      a.attributes == b.attributes &&
                      std::equal(a.backends.begin(), a.backends.end(), b.backends.begin(),
                                 b.backends.end(), same_backend));
}

std::string encode_attribute(const v1::Attribute& attribute) {
  v1::Attribute known = attribute;
  known.DiscardUnknownFields();
  return known.SerializeAsString();
}

std::string encode_detail(const Portable& artifact) {
  Encoder detail;
  for (const auto& backend : artifact.backends) {
    Encoder id;
    id.text(1, backend.type()).text(2, backend.key()).text(3, backend.content_digest());
    detail.element(kDetailBackends, id.bytes());
  }
  for (const auto& attribute : artifact.attributes) detail.element(kDetailAttributes, attribute);
  return detail.take();
}

}  // namespace precompile
