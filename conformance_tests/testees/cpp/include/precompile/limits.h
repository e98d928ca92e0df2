// Upper bounds of what a reader takes, so that no input exhausts a host.
#pragma once

#include <cstdint>

namespace precompile {

// The defaults of the norm. A user may raise each one. [PCB-LIM-002] [PCB-LIM-005]
struct Limits {
  uint64_t manifest_bytes = 16ull << 20;       // one manifest record; never more than 1 GiB
  uint64_t items = 4'000'000;                  // list elements of all manifests
  uint64_t segments = 65'536;                  // segments of a bundle
  uint64_t signatures = 64;                    // signatures of one envelope
  uint64_t artifact_content = 16ull << 30;     // content of one artifact read into memory
  uint64_t total_content = 64ull << 30;        // contents of all artifacts together;
                                               // never more than 65,536 for each byte
  uint64_t total_decompressed = 256ull << 30;  // blocks read since opening, repeats included
};

}  // namespace precompile
