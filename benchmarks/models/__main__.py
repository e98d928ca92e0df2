"""Programs with models of transformers and diffusers, cold and warm, as a table.

    make models

Each run is a process with empty cache directories, one after another. The bundle is what one
cold run with `--precompile` made; both warm runs of ours start from a copy of it. Takes half an
hour on two cores.
"""

import argparse
import dataclasses
import json
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from benchmarks.models.runs import PROGRAMS, Program, Run
from benchmarks.pytorch_table import replaced

COLUMNS = {
    "cold": "torch, cold",
    "mega-cache": "mega-cache, warm",
    "run": "`run`, warm",
    "precompile": "`run --precompile`, warm",
}
HEAD = "| program | "


def cell(runs: dict[str, Run], column: str) -> str:
    """Processor seconds, caches, kernels, bytes, what was appended, frames, and the outcome."""
    run = runs[column]
    spent = f"{run.cpu:.2f} of {run.process:.1f} s"
    parts = [f"{spent}, {run.hits}/{run.misses}, {run.kernels}", f"{run.size:,} B"]
    if column in ("run", "precompile"):
        parts.append(f"{run.appended} new")
    if run.frames:
        parts.append(f"{run.frames['served']} served, {run.frames['compiled']} compiled")
    return ", ".join([*parts, outcome(runs, column)])


def outcome(runs: dict[str, Run], column: str) -> str:
    """Whether a run ended and printed as the cold one did, and the one that recorded, too."""
    cold = runs["cold"]
    if column == "cold":
        return "ended" if cold.status == 0 else f"FAILED: status {cold.status}"
    differs = runs[column].differences(cold)
    if column == "precompile":
        differs += [f"{name} while recording" for name in runs["recording"].differences(cold)]
    return f"OTHER: {', '.join(differs)}" if differs else "equal"


def reasons(all_runs: dict[str, dict[str, Run]]) -> list[str]:
    """For each frame that a warm process compiled, why."""
    lines = []
    for name, runs in all_runs.items():
        frames = runs["precompile"].frames
        why = dict(frames.get("cold", {}))
        for frame, versions in frames.get("differs", {}).items():
            why.setdefault(frame, "; ".join(sorted(set(versions.values()))))
        lines += [f"{name}: {frame}: {reason}" for frame, reason in why.items()]
    return lines


def row(name: str, runs: dict[str, Run]) -> str:
    """A program's line of the table."""
    return " | ".join([_begin(name), *(cell(runs, column) for column in COLUMNS)]) + " |"


def _begin(name: str) -> str:
    return f"| {name.replace('_', ' ')}"


def markdown(rows: dict[str, str]) -> str:
    """The table as Markdown."""
    head = [f"{HEAD}{' | '.join(COLUMNS.values())} |", f"|---|{'---|' * len(COLUMNS)}"]
    return "\n".join([*head, *(rows[name] for name in sorted(rows))])


def rows_of(text: str, programs: list[str]) -> dict[str, str]:
    """The lines that a Markdown text has of these programs, for those not measured now."""
    return {
        name: line
        for name in programs
        for line in text.splitlines()
        if line.startswith(f"{_begin(name)} |")
    }


def main() -> int:
    """Measure the programs that are named, all by default; 1 where an outcome is another's."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.models", description=__doc__)
    parser.add_argument("--json", type=Path, help="write all that was seen to this file, too")
    parser.add_argument("--into", type=Path, help="a Markdown file whose table this replaces")
    programs = sorted(path.stem for path in PROGRAMS.glob("[a-z]*.py"))
    parser.add_argument("names", nargs="*", default=programs, metavar="PROGRAM")
    options = parser.parse_args()
    if unknown := set(options.names) - set(programs):
        parser.error(f"no such program: {', '.join(sorted(unknown))}; there are {programs}")
    if options.into:
        replaced(options.into.read_text(), "", HEAD)  # whether it has such a table
    console = Console(stderr=True)
    measured = {}
    for name in options.names:
        with tempfile.TemporaryDirectory(prefix="models-") as scratch:
            measured[name] = Program(name, Path(scratch)).measure()
        for column in COLUMNS:
            console.print(f"{name}, {column}: {cell(measured[name], column)}", highlight=False)
        for line in reasons({name: measured[name]}):
            console.print(f"  {line}", highlight=False, markup=False)
        if options.json:
            figures = {
                name: {column: dataclasses.asdict(run) for column, run in runs.items()}
                for name, runs in measured.items()
            }
            options.json.write_text(json.dumps(figures, indent=1))
    rows = {name: row(name, runs) for name, runs in measured.items()}
    if options.into:
        text = options.into.read_text()
        table = markdown(rows_of(text, programs) | rows)
        options.into.write_text(replaced(text, table, HEAD))
    else:
        print(markdown(rows))
    outcomes = [outcome(runs, column) for runs in measured.values() for column in COLUMNS]
    return int(any(word.startswith(("OTHER", "FAILED")) for word in outcomes))


if __name__ == "__main__":
    sys.exit(main())
