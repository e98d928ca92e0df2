"""The table of docs/pytorch.md: each case with torch alone, its two caches, and ours.

Each figure is a process of its own with empty cache directories: one that compiles and
saves, and one that starts with what was saved. Takes the better part of an hour.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from benchmarks.pytorch_cases import CASES

ROOT = Path(__file__).parents[1]
RUN_SECONDS = 900
COLUMNS = {
    "alone": "torch, cold",
    "mega-cache": "mega-cache, warm",
    "caching_precompile": "torch's caching_precompile, warm",
    "ours": "ours, warm",
}
# Probes for instruction sets and prepared headers cost a process with an empty cache 5 s in
# every mode but ours. They would hide the small rows.
QUICK = {"TORCHINDUCTOR_VEC_ISA_OK": "1", "TORCHINDUCTOR_CPP_CACHE_PRECOMPILE_HEADERS": "0"}


@dataclass(frozen=True)
class Cell:
    """What a mode did for a case: the process that saved, and the one that loaded."""

    cold: dict[str, Any]
    warm: dict[str, Any] | None

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


def measure(title: str, mode: str) -> Cell:
    """The processes of one cell."""
    with tempfile.TemporaryDirectory(prefix="pytorch-table-") as place:
        cold = process(title, mode, Path(place))
        if mode == "alone" or cold["result"] != "equal":
            return Cell(cold, None)
        return Cell(cold, process(title, mode, Path(place), "--warm"))


def process(title: str, mode: str, place: Path, *options: str) -> dict[str, Any]:
    """One process's row; one that dies says how."""
    home = Path(tempfile.mkdtemp(dir=place))
    for name in (home / "tmp", place / "saved", place / "modules"):
        name.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "benchmarks.pytorch_run", "--mode", mode, *options]
    command += ["--saved", str(place / "saved"), "--place", str(place / "modules"), title]
    caches = {"TORCHINDUCTOR_CACHE_DIR": str(home / "cache"), "TMPDIR": str(home / "tmp")}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **QUICK, **caches},
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        return {"seconds": 0.0, "graphs": 0, "kernels": 0, "result": f"RAISED: {last}"}
    row: dict[str, Any] = json.loads(done.stdout)[title]
    return row


def markdown(cells: dict[str, dict[str, Cell]]) -> str:
    """The table as Markdown."""
    lines = [f"| case | {' | '.join(COLUMNS.values())} |", f"|---|{'---|' * len(COLUMNS)}"]
    for title, row in cells.items():
        lines.append(f"| {title} | {' | '.join(row[mode].text() for mode in COLUMNS)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure the cases that are named, all by default, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pytorch_table", description=__doc__)
    parser.add_argument("--json", type=Path, help="write all figures to this file, too")
    parser.add_argument("titles", nargs="*", default=list(CASES))
    options = parser.parse_args()
    cells: dict[str, dict[str, Cell]] = {}
    console = Console(stderr=True)
    for title in track(options.titles, "cases", console=console, transient=True):
        cells[title] = {mode: measure(title, mode) for mode in COLUMNS}
        if options.json:
            figures = {
                title: {mode: {"cold": c.cold, "warm": c.warm} for mode, c in row.items()}
                for title, row in cells.items()
            }
            options.json.write_text(json.dumps(figures, indent=1))
    print(markdown(cells))


if __name__ == "__main__":
    main()
