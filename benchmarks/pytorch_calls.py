"""What a call of a compiled function costs where it was compiled, and where it was served.

The function is small and its guards are many, of values and of identity. Processes of both
kinds take turns; a figure is the least of a process's rounds, and of all processes' figures
the median is printed.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from precompile_context import UNSIGNED
from precompile_context.adapters import pytorch

ROUNDS, CALLS = 30, 1000


def _helper(number: int) -> Any:
    def helper(x: torch.Tensor) -> torch.Tensor:
        return x.mT if number % 2 else x

    return helper


HELPERS = [_helper(number) for number in range(10)]


def step(x: torch.Tensor, inner: Any) -> Any:
    for helper in HELPERS:
        x = helper(x)
    return inner(x) @ x


def nanoseconds() -> float:
    """Of one call, guards and graph, when nothing is compiled any more."""
    compiled: Any = torch.compile(step)
    x = torch.ones(2, 2)
    compiled(x, HELPERS[0])
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.perf_counter_ns()
        for _ in range(CALLS):
            compiled(x, HELPERS[0])
        best = min(best, (time.perf_counter_ns() - began) / CALLS)
    return best


def measured(bundle: str | None) -> None:
    """One process: torch alone, or with a bundle that serves the function."""
    if bundle is None:
        print(json.dumps({"ns": nanoseconds(), "served": 0}))
        return
    with pytorch.caching_precompile(bundle, trust=UNSIGNED) as report:
        figure = nanoseconds()
    assert report.precompile is not None
    print(json.dumps({"ns": figure, "served": report.precompile.served}))


def main() -> None:
    """Take turns, and print nanoseconds a call and their ratio."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pytorch_calls", description=__doc__)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--one", nargs="?", const="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        measured(options.one or None)
        return
    with tempfile.TemporaryDirectory() as place:
        bundle = str(Path(place, "b.precompile"))
        _process(place, bundle)
        alone, served = [], []
        for _ in range(options.pairs):
            alone.append(_process(place, "")["ns"])
            row = _process(place, bundle)
            assert row["served"] == 1
            served.append(row["ns"])
    before, after = statistics.median(alone), statistics.median(served)
    print(
        f"compiled here {before:.0f} ns a call, served {after:.0f} ns: ratio {after / before:.2f}"
    )


def _process(place: str, bundle: str) -> dict[str, Any]:
    quick = {"TORCHINDUCTOR_VEC_ISA_OK": "1", "TORCHINDUCTOR_CPP_CACHE_PRECOMPILE_HEADERS": "0"}
    home = tempfile.mkdtemp(dir=place)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.pytorch_calls", "--one", bundle],
        env={**os.environ, **quick, "TORCHINDUCTOR_CACHE_DIR": home},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    row: dict[str, Any] = json.loads(done.stdout)
    return row


if __name__ == "__main__":
    main()
