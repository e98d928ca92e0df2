"""The results as tables, for a terminal and for the page."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.contents import WORKLOADS
from benchmarks.peers import PEERS
from benchmarks.results import Results
from benchmarks.session import OPERATIONS


@dataclass(frozen=True)
class Table:
    """Rows of text under headings."""

    title: str
    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def tables(results: Results) -> list[Table]:
    """All of them, in reading order."""
    return [make(results) for make in (_operations, _limits, _growth, _rest)]


def _operations(results: Results) -> Table:
    rows = []
    for workload in WORKLOADS:
        for operation in OPERATIONS:
            if not results.values(workload, "bundle", operation, "seconds"):
                continue
            faster = results.times_faster(workload, operation)
            row = [workload, operation, *_cells(results, workload, operation), ratio(faster)]
            ours, theirs = (
                results.median(workload, peer, operation, "peak_mib")
                for peer in ("bundle", "mega-cache")
            )
            sizes = [
                results.median(workload, peer, operation, "file_mib")
                for peer in ("bundle", "mega-cache")
            ]
            row += [f"{ours:.0f} / {theirs:.0f}"]
            row += ["" if math.isnan(sizes[0]) else f"{sizes[0]:.1f} / {sizes[1]:.1f}"]
            rows.append(tuple(row))
    headings = ("workload", "operation", *PEERS, "times faster", "peak MiB", "file MiB")
    title = (
        "seconds, median (lowest-highest); times faster: mega-cache's by the bundle's; "
        "peak MiB beyond the input, and file MiB: bundle / mega-cache"
    )
    return Table(title, headings, rows)


def _cells(results: Results, workload: str, operation: str) -> list[str]:
    return [seconds(results.values(workload, peer, operation, "seconds")) for peer in PEERS]


def seconds(values: list[float]) -> str:
    """The median and the spread."""
    if not values:
        return ""
    middle = statistics.median(values)
    if len(values) == 1:
        return f"{middle:.3g}"
    return f"{middle:.3g} ({min(values):.3g}-{max(values):.3g})"


def ratio(value: float) -> str:
    """Two digits that count."""
    if math.isnan(value):
        return ""
    return f"{value:.2f}" if value < 10 else f"{value:,.0f}"


def _limits(results: Results) -> Table:
    rows = [(name, seconds(values)) for name, values in results.limits.items()]
    for workload in ("256 x 4 MiB",):
        for peer in ("bundle", "mega-cache"):
            values = results.values(workload, peer, "save", "seconds")
            rows.append((f"{workload}, save, {peer}", seconds([1024 / value for value in values])))
    return Table("the machine's limits, MiB per second", ("limit", "median (lowest-highest)"), rows)


def _growth(results: Results) -> Table:
    rows = []
    for name, peers in results.growth.items():
        for peer, points in peers.items():
            for operation in next(iter(points.values())):
                numbers = (f"{size}: {point[operation]:.3g}" for size, point in points.items())
                line = ", ".join(numbers)
                rows.append((name, peer, operation, line))
    return Table("seconds by number", ("of", "peer", "operation", "number: seconds"), rows)


def _rest(results: Results) -> Table:
    rows = [(name, seconds(values)) for name, values in results.startup.items()]
    if results.merge is None:
        rows.append(("merge of 64 ranks", "NOT RUN: this version has no `precompile merge`"))
    else:
        rows += [(f"merge of 64 ranks, {name}", f"{v:.3g}") for name, v in results.merge.items()]
    return Table("start-up, and merge", ("what", "seconds or MiB"), rows)
