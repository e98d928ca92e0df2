// Opening: stages FRAME to COMPAT over all segments.
#pragma once

#include <memory>

#include "precompile/reader.h"

namespace precompile {

Result<std::shared_ptr<const Bundle>> open_bundle(std::shared_ptr<const Source> source,
                                                  const OpenOptions& options);

}  // namespace precompile
