"""Programs with models of transformers and diffusers, cold and warm, as a table.

    make models

Each run is a process with empty cache directories, one after another. The bundle is what one
cold run with `--precompile` made; both warm runs of ours start from a copy of it. Takes half an
hour on two cores.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from benchmarks.models.runs import PROGRAMS, Program
from benchmarks.models.table import COLUMNS, HEAD, Figures, cell, figures, has_failed, markdown
from benchmarks.pytorch_table import replaced


def main() -> int:
    """Measure the programs that are named, all by default; 1 where an outcome is another's."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.models", description=__doc__)
    parser.add_argument(
        "--json", type=Path, help="a file of figures, in which those of the named are replaced"
    )
    parser.add_argument(
        "--into", type=Path, help="a Markdown file whose table this replaces, by all figures"
    )
    programs = sorted(path.stem for path in PROGRAMS.glob("[a-z]*.py"))
    parser.add_argument("names", nargs="*", default=programs, metavar="PROGRAM")
    options = parser.parse_args()
    if unknown := set(options.names) - set(programs):
        parser.error(f"no such program: {', '.join(sorted(unknown))}; there are {programs}")
    if options.into:
        replaced(options.into.read_text(), "", HEAD)  # whether it has such a table
    console = Console(stderr=True)
    measured: dict[str, Figures] = {}
    for name in options.names:
        with tempfile.TemporaryDirectory(prefix="models-") as scratch:
            measured[name] = figures(Program(PROGRAMS / f"{name}.py", Path(scratch)).measure())
        for column in COLUMNS:
            line = cell(column, measured[name][column])
            console.print(f"{name}, {column}: {line}", highlight=False, markup=False)
        for frame, reason in measured[name]["precompile"]["reasons"].items():
            console.print(f"  {frame}: {reason}", highlight=False, markup=False)
        if options.json:
            _keep(options.json, name, measured[name])
    kept = json.loads(options.json.read_text()) if options.json else measured
    table = markdown(programs, kept)
    if options.into:
        options.into.write_text(replaced(options.into.read_text(), table, HEAD))
    else:
        print(table)
    return int(any(map(has_failed, measured.values())))


def _keep(path: Path, name: str, did: Figures) -> None:
    """Each program's as it comes, so that a run that is stopped has measured something."""
    kept = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(dict(sorted({**kept, name: did}.items())), indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
