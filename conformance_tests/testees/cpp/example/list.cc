// Prints what a bundle holds: list FILE
#include <cstdio>

#include "precompile.h"

int main(int argc, char** argv) {
  auto reader = precompile::Reader::open(argc > 1 ? argv[1] : "");
  if (!reader.ok()) return std::printf("refused: %s\n", reader.error().detail.c_str()), 1;
  for (const auto& artifact : reader->current()) {
    const auto content = reader->read(artifact);
    std::printf("%s %s: %s\n", std::string(artifact.type()).c_str(),
                std::string(artifact.key()).c_str(),
                content.ok() ? (std::to_string(content->size()) + " bytes").c_str()
                             : content.error().detail.c_str());
  }
}
