"""The table of docs/pytorch.md: each case with torch alone, its two caches, and ours.

Each figure is a process of its own with empty cache directories: one that compiles and
saves, and one that starts with what was saved. Those that save go side by side, for their
seconds are not told; the others one after another. Takes a quarter of an hour on two cores.

`--torch PYTHON` measures the mode of another torch's own, by the interpreter that has it, and puts
it as one more column into the table that is there.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from benchmarks.children import bounded
from benchmarks.marked import as_cell
from benchmarks.pytorch_cases import CASES

COLUMNS = {
    "alone": "torch, cold",
    "mega-cache": "mega-cache, warm",
    "caching_precompile": "torch's caching_precompile, warm",
    "ours": "ours, warm",
}
# Probes for instruction sets and prepared headers cost a process with an empty cache 5 s in
# every mode but ours. They would hide the small rows.
QUICK = {"TORCHINDUCTOR_VEC_ISA_OK": "1", "TORCHINDUCTOR_CPP_CACHE_PRECOMPILE_HEADERS": "0"}
NOT_MEASURED = "not measured"
# Processes that save: as many as there are cores on the smallest machine.
_SIDE_BY_SIDE = 2


@dataclass(frozen=True)
class Cell:
    """What a mode did for a case: the process that saved, and the one that loaded."""

    cold: dict[str, Any]
    warm: dict[str, Any] | None

    @property
    def result(self) -> str:
        """Of the first process, or of the second where the first one was right."""
        row = self.cold if self.cold["result"] != "equal" else self.warm or self.cold
        return str(row["result"])

    def text(self) -> str:
        """Seconds, graphs compiled, kernels built and the result, or how the first one failed."""
        if self.cold["result"] != "equal":
            return f"cold: {_short(self.cold['result'])}"
        row = self.warm or self.cold
        figures = f"{row['seconds']:.2f} s, {row['graphs']}, {row['kernels']}"
        return f"{figures}, {_short(row['result'])}{self._reason()}"

    def _reason(self) -> str:
        """Why frames of a warm process were compiled, where they were."""
        done = (self.warm or {}).get("precompile")
        if not done or not done["compiled"]:
            return ""
        differs = (reason for why in done["differs"].values() for reason in why.values())
        reasons = [*done["cold"].values(), *differs]
        return f"; cold: {_short(reasons[-1])}" if reasons else "; cold: new source or settings"


def _short(text: str) -> str:
    text = text.partition("  #")[0].strip().replace("|", "/")
    return text if len(text) <= 90 else text[:87] + "..."


def measure(titles: list[str], console: Console) -> dict[str, dict[str, Cell]]:
    """The cells of all columns, by mode and case."""
    saving = [mode for mode in COLUMNS if mode != "alone"]
    with tempfile.TemporaryDirectory(prefix="pytorch-table-") as scratch:
        places = {mode: Path(scratch, mode) for mode in COLUMNS}
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool, console.status("processes that save"):
            done = list(pool.map(lambda mode: rows(mode, places[mode], titles), saving))
        cold = dict(zip(saving, done, strict=True))
        timed = {}
        for mode in track(COLUMNS, "columns", console=console, transient=True):
            arguments = titles if mode == "alone" else ["--warm", *titles]
            timed[mode] = rows(mode, places[mode], arguments)
    return {
        mode: {
            title: Cell(cold[mode][title], row) if mode in cold else Cell(row, None)
            for title, row in timed[mode].items()
        }
        for mode in COLUMNS
    }


def measure_torch(python: str, titles: list[str]) -> tuple[str, dict[str, Cell]]:
    """The title and the cells of a column: the caching_precompile of this interpreter's torch."""
    version = subprocess.run(
        [python, "-c", "import torch; print(torch.__version__)"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout.split(".")
    mode = "caching_precompile"
    with tempfile.TemporaryDirectory(prefix="pytorch-table-") as scratch:
        cold = rows(mode, Path(scratch), titles, python)
        warm = rows(mode, Path(scratch), ["--warm", *titles], python)
    title = f"torch {'.'.join(version[:2])}'s {mode}, warm"
    return title, {name: Cell(cold[name], warm[name]) for name in titles}


def rows(
    mode: str,
    place: Path,
    arguments: list[str],
    python: str = sys.executable,
    seconds: float | None = None,
) -> dict[str, dict[str, Any]]:
    """A row for each case, each of a process with empty cache directories.

    Raises:
        CalledProcessError: they ended otherwise, or were not done after so many seconds.
    """
    for name in ("saved", "modules"):
        (place / name).mkdir(parents=True, exist_ok=True)
    command = [python, "-m", "benchmarks.pytorch_run", "--mode", mode]
    command += ["--saved", str(place / "saved"), "--place", str(place / "modules")]
    done = bounded([*command, *arguments], {**os.environ, **QUICK}, seconds)
    done.check_returncode()
    result: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return result


def markdown(columns: dict[str, dict[str, Cell]], head: str = "case") -> str:
    """The table as Markdown; one table of a page has this head."""
    heads = [COLUMNS[mode] for mode in columns]
    lines = [f"| {head} | {' | '.join(heads)} |", f"|---|{'---|' * len(heads)}"]
    for title in columns["ours"]:
        cells = [as_cell(columns[mode][title].text()) for mode in columns]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def with_column(text: str, title: str, cells: Mapping[str, str]) -> str:
    """A Markdown text with this column in its table of cases: in the place of the one of this
    title, else behind the others. A case that has no row gets one.

    Raises:
        SystemExit: it has no such table, or several.
    """
    replaced(text, "")  # whether it has
    table = text[text.index("| case | ") :].partition("\n\n")[0].splitlines()
    titles, _, *lines = [line.strip("| ").split(" | ") for line in table]
    if title not in titles:
        titles.append(title)
        lines = [[*line, NOT_MEASURED] for line in lines]
    there = {line[0]: line for line in lines}
    for name, cell in cells.items():
        line = there.setdefault(name, [name, *[NOT_MEASURED] * (len(titles) - 1)])
        line[titles.index(title)] = cell
    made = [f"| {' | '.join(line)} |" for line in (titles, *there.values())]
    made.insert(1, "|---" * len(titles) + "|")
    return replaced(text, "\n".join(made))


def replaced(text: str, table: str, head: str = "| case | ") -> str:
    """A Markdown text with this table in the place of the one whose first line begins so.

    Raises:
        SystemExit: it has none, or several.
    """
    before, *others = text.split(head)
    if len(others) != 1:
        raise SystemExit(f"the file has no table to replace that begins with {head!r}, or several")
    _, gap, after = others[0].partition("\n\n")
    return f"{before}{table}{gap or chr(10)}{after}"


def main() -> None:
    """Measure the cases that are named, all by default, and print the table, or write it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pytorch_table", description=__doc__)
    parser.add_argument("--json", type=Path, help="write all figures to this file, too")
    parser.add_argument("--into", type=Path, help="a Markdown file whose table this replaces")
    parser.add_argument("--torch", help="add a column: the interpreter that has another torch")
    parser.add_argument("titles", nargs="*", default=list(CASES))
    options = parser.parse_args()
    if options.into:
        replaced(options.into.read_text(), "")  # whether it has such a table, before all the work
    if options.torch:
        title, cells = measure_torch(options.torch, options.titles)
        texts = {name: as_cell(cell.text()) for name, cell in cells.items()}
        if options.into:
            options.into.write_text(with_column(options.into.read_text(), title, texts))
        else:
            print(json.dumps({title: texts}, indent=1))
        return
    columns = measure(options.titles, Console(stderr=True))
    if options.json:
        figures = {
            title: {
                mode: {"cold": c[title].cold, "warm": c[title].warm} for mode, c in columns.items()
            }
            for title in options.titles
        }
        options.json.write_text(json.dumps(figures, indent=1))
    table = markdown(columns)
    if options.into:
        options.into.write_text(replaced(options.into.read_text(), table))
    else:
        print(table)


if __name__ == "__main__":
    main()
