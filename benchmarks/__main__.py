"""Interleaved runs of both peers in fresh processes; medians with their spread, as a table."""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.peers import PEERS
from benchmarks.workloads import OPERATIONS, WORKLOADS

Results = dict[tuple[str, str, str], list[dict[str, float]]]


def main() -> None:
    """Run everything and print the table, or JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="of each measurement (default 3)")
    parser.add_argument("--json", action="store_true", help="all runs, for programs")
    options = parser.parse_args()
    results = _measure(options.runs)
    if options.json:
        rows = [
            {"workload": w, "operation": o, "peer": p, "runs": runs}
            for (w, o, p), runs in results.items()
        ]
        print(json.dumps(rows, indent=2))
    else:
        Console(width=124).print(_table(results))


def _measure(runs: int) -> Results:
    results: Results = defaultdict(list)
    console = Console(stderr=True)
    total = len(WORKLOADS) * len(OPERATIONS) * len(PEERS) * runs
    with (
        tempfile.TemporaryDirectory() as folder,
        Progress(console=console, transient=True, disable=not console.is_terminal) as progress,
    ):
        task = progress.add_task("measuring", total=total)
        for workload in WORKLOADS:
            for operation in OPERATIONS:
                for _ in range(runs):
                    for peer in PEERS:  # A B A B: what slows the machine slows both
                        path = Path(folder) / peer
                        run = _run(peer, workload, operation, path)
                        results[workload, operation, peer].append(run)
                        progress.advance(task)
    return results


def _run(peer: str, workload: str, operation: str, path: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.workloads", peer, workload, operation, str(path)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    measured: dict[str, float] = json.loads(output)
    return measured


def _table(results: Results) -> Table:
    table = Table(title="seconds, median of the runs (lowest-highest); bundle / mega-cache")
    table.add_column("workload", no_wrap=True)
    table.add_column("operation", no_wrap=True)
    for heading in ("bundle", "mega-cache", "ratio", "peak MiB", "file MiB"):
        table.add_column(heading, justify="right", no_wrap=True)
    for workload in WORKLOADS:
        for operation in OPERATIONS:
            ours, theirs = (results[workload, operation, peer] for peer in PEERS)
            ratio = _median(theirs, "seconds") / _median(ours, "seconds")
            table.add_row(
                workload,
                operation,
                _seconds(ours),
                _seconds(theirs),
                f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}",
                f"{_median(ours, 'peak_mib'):.0f} / {_median(theirs, 'peak_mib'):.0f}",
                f"{_median(ours, 'file_mib'):.0f} / {_median(theirs, 'file_mib'):.0f}",
            )
    return table


def _median(runs: list[dict[str, float]], field: str) -> float:
    return statistics.median(run[field] for run in runs)


def _seconds(runs: list[dict[str, float]]) -> str:
    values = sorted(run["seconds"] for run in runs)
    return f"{statistics.median(values):.3g} ({values[0]:.3g}-{values[-1]:.3g})"


if __name__ == "__main__":
    main()
