"""A program, with figures of what its compiling cost: the same clock in every way of running it.

benchmarks/models/clocked.py --figures FILE [--load FILE] [--save FILE] PROGRAM [ARGUMENT...]
"""

import argparse
import contextlib
import json
import os
import runpy
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import torch._inductor.compile_fx  # so that no clock measures imports
from torch._dynamo.callback import CompilationCallbackHandler
from torch._dynamo.convert_frame import ConvertFrameAssert

from precompile_context.adapters.pytorch.recording.observe import Observation, Tally
from precompile_context.session.patches import Patches


class Clock:
    """Wall and processor time while something is compiled, or served in its place.

    Processor time is this process's with all its threads, and that of the compilers that it
    ran. It hardly depends on what else the machine does, which wall time does.
    """

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0
        self._open = 0

    def watch(self) -> None:
        """Run within torch's brackets: a frame's, looked for and compiled, and a backward's."""
        patches = Patches()

        def convert(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            with self.running():
                return original(*args, **kwargs)

        @contextlib.contextmanager
        def compiling(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Iterator[None]:
            with self.running(), original(*args, **kwargs):
                yield

        patches.wrap(ConvertFrameAssert, "__call__", convert)
        patches.wrap(CompilationCallbackHandler, "install_callbacks", compiling)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """One bracket; they nest."""
        wall, cpu = time.perf_counter(), _cpu_seconds()
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1
            if not self._open:
                self.wall += time.perf_counter() - wall
                self.cpu += _cpu_seconds() - cpu


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main() -> None:
    """Load what is asked for, run the program, write figures, and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--figures", type=Path, required=True)
    parser.add_argument("--load", type=Path, help="a mega-cache")
    parser.add_argument("--save", type=Path, help="where a mega-cache is written, unclocked")
    parser.add_argument("program", type=Path)
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    tally = Tally(options.figures.with_suffix(".tally"))
    if "PRECOMPILE_RUN" not in os.environ:  # in a run of ours, its report counts
        Observation(tally)
    clock = Clock()
    clock.watch()
    if options.load and options.load.exists():  # torch saves none where it has no graph
        with clock.running():
            torch.compiler.load_cache_artifacts(options.load.read_bytes())
    sys.argv = [str(options.program), *options.arguments]
    sys.path[0] = str(options.program.parent)
    runpy.run_path(str(options.program), run_name="__main__")
    figures = {"wall": clock.wall, "cpu": clock.cpu, **tally.counts()}
    options.figures.write_text(json.dumps(figures))
    if options.save and (saved := torch.compiler.save_cache_artifacts()):
        options.save.write_bytes(saved[0])


if __name__ == "__main__":
    main()
