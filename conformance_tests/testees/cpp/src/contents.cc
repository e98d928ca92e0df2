#include "contents.h"

#include "try.h"

namespace precompile {

Result<SharedBytes> Contents::of(const SharedBytes& recorded,
                                 const std::optional<ArtifactRef>& stored) {
  if (!stored || !recorded.view.empty()) return recorded;
  const auto& bundle = stored->bundle();
  auto& reader = readers_.try_emplace(bundle, bundle->source, limits_).first->second;
  TRY_SET(Content content, reader.read(stored->segment(), stored->index()));
  return SharedBytes::of(std::move(content));
}

}  // namespace precompile
