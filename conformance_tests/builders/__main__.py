"""`python -m builders`: the vectors of version 1.0, made anew below the directory given."""

import shutil
import sys
from pathlib import Path

from builders.all_areas import build
from precompile_conformance.corpus import VECTORS, write_sums

if __name__ == "__main__":
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else VECTORS / "v1.0"
    built = build()
    for area in directory.glob("*/"):
        shutil.rmtree(area)
    for one in built:
        one.write(directory)
    write_sums(directory)
    print(f"{len(built)} cases in {directory}")
