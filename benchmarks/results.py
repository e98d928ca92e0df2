"""All that one call measured, and the figures that are read from it."""

import statistics
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.session import Measured

# (workload, peer) to its runs; each has seconds, cpu and peak_mib by operation.
Runs = dict[str, dict[str, list[Measured]]]


@dataclass
class Results:
    """Seconds, MiB, and MiB per second; see the fields' makers for what each is of."""

    machine: dict[str, str] = field(default_factory=dict)
    limits: dict[str, list[float]] = field(default_factory=dict)
    runs: Runs = field(default_factory=dict)
    growth: dict[str, dict[str, dict[int, dict[str, float]]]] = field(default_factory=dict)
    merge: dict[str, float] | None = None
    startup: dict[str, list[float]] = field(default_factory=dict)

    def values(self, workload: str, peer: str, operation: str, what: str) -> list[float]:
        """Of each run, in order; none where this peer does not do that."""
        runs = self.runs.get(workload, {}).get(peer, [])
        return [run[operation][what] for run in runs if what in run.get(operation, {})]

    def median(self, workload: str, peer: str, operation: str, what: str = "seconds") -> float:
        """The middle of the runs; not a number where there are none."""
        values = self.values(workload, peer, operation, what)
        return statistics.median(values) if values else float("nan")

    def times_faster(self, workload: str, operation: str, peer: str = "bundle") -> float:
        """The mega-cache's median seconds over this peer's."""
        theirs = self.median(workload, "mega-cache", operation)
        return theirs / self.median(workload, peer, operation)

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)
