"""JAX and numba, each cold, from its own hot cache, and from a bundle: the programs of the demo.

python -m benchmarks.compiler_caches, in an environment with both (`.compilers`): fresh processes
that take turns, medians. Writes results/compilers.json, and prints a row for each.
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

from precompile_context.cli.demo_compilers import DEMOS, Compiler, Demo, Row, Runs, faults

RESULTS = Path(__file__).with_name("results") / "compilers.json"
_FIGURES = "first_calls", "compile", "wall"


def measured(demo: Demo, rounds: int) -> Iterator[Row]:
    """The rows as they come: two cold ones, then pairs of warm ones."""
    with tempfile.TemporaryDirectory() as scratch:
        runs = Runs(demo, Path(scratch))
        yield runs.alone("cold")
        yield runs.with_bundle("cold, recording")
        for _ in range(rounds):
            yield runs.alone("warm, its own hot cache")
            yield runs.with_bundle("warm, bundle")


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


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compiler_caches")
    parser.add_argument("--rounds", type=int, default=5, help="of the warm runs (default 5)")
    parser.add_argument("--compiler", choices=[demo.name for demo in DEMOS.values()])
    options = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for demo in (DEMOS[one] for one in Compiler if one in DEMOS):
        if options.compiler in (None, demo.name):
            rows = list(measured(demo, options.rounds))
            if wrong := list(faults(rows)):
                sys.exit("\n".join(wrong))
            results[demo.name] = {
                "cores": os.cpu_count(),
                "medians": medians(rows),
                "runs": [dataclasses.asdict(row) | {"results": None} for row in rows],
            }
            _show(demo.name, results[demo.name]["medians"])
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


def _show(name: str, told: dict[str, dict[str, float | None]]) -> None:
    print(f"{name}, {os.cpu_count()} cores: seconds")
    for mode, figures in told.items():
        print(f"  {mode:26}", *(f"{figures[f] or 0:8.2f} {f}" for f in _FIGURES))
    modes = "cold", "warm, its own hot cache", "warm, bundle"
    for figure in _FIGURES:
        cold, own, ours = (told[mode][figure] for mode in modes)
        if cold and own and ours:
            print(f"  {figure}: cold is {cold / ours:.1f} of the bundle,", end=" ")
            print(f"the bundle {ours / own:.2f} of its own hot cache")


if __name__ == "__main__":
    main()
