"""A program with torch alone, or with its mega-cache, and figures of what it compiled.

python -m benchmarks.models.alone --figures FILE [--load FILE] [--save FILE] PROGRAM
"""

import argparse
import json
import runpy
import sys
import time
from pathlib import Path

import torch
import torch._inductor.compile_fx  # so that no clock measures imports

from precompile_context.adapters.pytorch.recording.observe import Observation, Tally


def main() -> None:
    """Load what is asked for, run the program, write figures, and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--figures", type=Path, required=True)
    parser.add_argument("--load", type=Path, help="a mega-cache")
    parser.add_argument("--save", type=Path, help="where a mega-cache is written, unclocked")
    parser.add_argument("program", type=Path)
    options = parser.parse_args()
    observation = Observation(Tally(options.figures.with_suffix(".tally")))
    began = time.perf_counter()
    if options.load and options.load.exists():  # torch saves none where it has no graph
        torch.compiler.load_cache_artifacts(options.load.read_bytes())
    loading = time.perf_counter() - began
    sys.argv = [str(options.program)]
    sys.path[0] = str(options.program.parent)
    runpy.run_path(str(options.program), run_name="__main__")
    figures = {
        "seconds": loading + observation.compile_seconds(),
        **observation.tally.counts(),
    }
    options.figures.write_text(json.dumps(figures))
    if options.save and (saved := torch.compiler.save_cache_artifacts()):
        options.save.write_bytes(saved[0])


if __name__ == "__main__":
    main()
