"""JAX, numba and Triton, each cold, from its own hot cache, and from a bundle.

python -m benchmarks.compiler_caches, in an environment with all three (`.compilers`): fresh
processes that take turns. Writes results/compilers.json and the table made of it, which pages
show (`--table` makes that alone, `--check` fails where a page shows another).
"""

import argparse
import dataclasses
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks import compiler_table
from precompile_context.cli.demo_compilers import DEMOS, Demo, Row, Runs, faults

RESULTS = Path(__file__).with_name("results") / "compilers.json"
_FIGURES = "first_calls", "compile", "wall"
_OWN, _OURS = "warm, its own hot cache", "warm, bundle"


class _Kernels(Demo):
    """Triton has no demo: what it compiles here cannot be run without a GPU."""

    @property
    def model(self) -> Path:
        return Path(__file__).with_name("triton_kernels.py")


PROGRAMS = {
    demo.name: demo
    for demo in (
        *DEMOS.values(),
        _Kernels("triton", "Six kernels for sm_90", "kernels_compiled", "TRITON_CACHE_DIR", {}),
    )
}


def measured(demo: Demo, rounds: int) -> Iterator[Row]:
    """The rows as they come: two cold ones, then pairs of warm ones."""
    with tempfile.TemporaryDirectory() as scratch:
        runs = Runs(demo, Path(scratch))
        yield runs.alone("cold")
        yield runs.with_bundle("cold, recording")
        for _ in range(rounds):
            yield runs.alone(_OWN)
            yield runs.with_bundle(_OURS)


def medians(rows: Iterable[Row]) -> dict[str, dict[str, float | None]]:
    """By the row's name, of its figures."""
    by_mode: dict[str, list[Row]] = {}
    for row in rows:
        by_mode.setdefault(row.mode, []).append(row)
    told: dict[str, dict[str, float | None]] = {}
    for mode, same in by_mode.items():
        told[mode] = {}
        for figure in _FIGURES:
            values = [value for row in same if (value := getattr(row, figure)) is not None]
            told[mode][figure] = round(statistics.median(values), 3) if values else None
    return told


def beside(rows: Iterable[Row], figure: str) -> float | None:
    """Of a warm bundle by the compiler's own hot cache: the median of what ran in turn."""
    own, ours = (
        [getattr(row, figure) for row in rows if row.mode == mode] for mode in (_OWN, _OURS)
    )
    if None in own:
        return None
    ratios = [b / a for a, b in zip(own, ours, strict=True)]
    return float(round(statistics.median(ratios), 3))


def main() -> None:
    """Measure, print and write; or make the table of what was measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compiler_caches")
    parser.add_argument("--rounds", type=int, default=5, help="of the warm runs (default 5)")
    parser.add_argument("--compiler", choices=PROGRAMS)
    parser.add_argument("--table", action="store_true", help="put what is there into the pages")
    parser.add_argument("--check", action="store_true", help="compare the pages with what is there")
    options = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    if options.check:
        sys.exit(compiler_table.faults(results))
    if not options.table:
        for demo in PROGRAMS.values():
            if options.compiler in (None, demo.name):
                results[demo.name] = _measured(demo, options.rounds)
                RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    compiler_table.put(results)
    print(compiler_table.table(results))


def _measured(demo: Demo, rounds: int) -> dict[str, object]:
    rows = list(measured(demo, rounds))
    if wrong := list(faults(rows)):
        sys.exit("\n".join(wrong))
    return {
        "about": demo.about,
        "cores": os.cpu_count(),
        "medians": medians(rows),
        "beside_own": {figure: beside(rows, figure) for figure in _FIGURES},
        "runs": [dataclasses.asdict(row) | {"results": None} for row in rows],
    }


if __name__ == "__main__":
    main()
