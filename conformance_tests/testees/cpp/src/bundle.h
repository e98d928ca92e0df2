// Opening: stages FRAME to COMPAT over all segments.
#pragma once

#include <functional>
#include <memory>

#include "ordered.h"
#include "precompile/reader.h"

namespace precompile {

Result<std::shared_ptr<const Bundle>> open_bundle(std::shared_ptr<const Source> source,
                                                  const OpenOptions& options);

// What is current of the segments that count.
Ordered<ArtifactRef> current_of(const std::shared_ptr<const Bundle>& bundle,
                                const std::function<bool(const Segment&)>& counts);

}  // namespace precompile
