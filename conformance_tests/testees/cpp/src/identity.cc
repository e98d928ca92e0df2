#include "identity.h"

namespace precompile {

v1::Artifact portable(const v1::Artifact& artifact) {
  v1::Artifact kept = artifact;
  kept.clear_extents();
  // [PCB-ART-002]
  if (kept.kind() == v1::ARTIFACT_KIND_CACHE || kept.kind() == v1::ARTIFACT_KIND_BACKEND) {
    kept.clear_backends();
  }
  kept.GetReflection()->MutableUnknownFields(&kept)->Clear();
  for (auto& backend : *kept.mutable_backends()) backend.DiscardUnknownFields();
  return kept;
}

// Messages that are equal field by field are serialized alike by one library.
std::string identity(const v1::Artifact& artifact) { return portable(artifact).SerializeAsString(); }

}  // namespace precompile
