"""Everything is measured and shown: on the terminal, as JSON, as pictures and as a page."""

import argparse
import json
import tempfile
from pathlib import Path

import rich.table
from rich.console import Console

from benchmarks.contents import WORKLOADS
from benchmarks.measuring import measure
from benchmarks.page import markdown, page
from benchmarks.results import Results
from benchmarks.tables import tables


def main() -> None:
    """Measure, print the tables, and write results.json, table.md, the pictures and index.html."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="of each measurement (default 3)")
    parser.add_argument("--full", action="store_true", help="the workloads of gigabytes, too")
    parser.add_argument(
        "--only", action="append", choices=WORKLOADS, help="this workload and no growth; repeatable"
    )
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results"), metavar="FOLDER")
    options = parser.parse_args()
    chosen = options.only or [w.name for w in WORKLOADS.values() if options.full or not w.full]
    options.output.mkdir(parents=True, exist_ok=True)  # what cannot be made shows before, not after
    results = _measure(options.runs, chosen, growth=not options.only)
    (options.output / "results.json").write_text(json.dumps(results.to_json(), indent=1) + "\n")
    (options.output / "table.md").write_text(markdown(results))
    from benchmarks.plots import draw  # its libraries would be in the way of small children

    (options.output / "index.html").write_text(page(results, draw(results, options.output)))
    console = Console(width=200)
    for table in tables(results):
        shown = rich.table.Table(*table.headings, title=table.title)
        for row in table.rows:
            shown.add_row(*row)
        console.print(shown)
    console.print(f"written: {options.output}/index.html, table.md, results.json and pictures")


def _measure(runs: int, workloads: list[str], *, growth: bool) -> Results:
    console = Console(stderr=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        console.status("measuring") as status,
    ):
        results = Results()
        place = Path(folder).absolute()
        for step in measure(results, place, runs, workloads, growth=growth):
            status.update(step)
    return results


if __name__ == "__main__":
    main()
