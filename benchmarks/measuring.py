"""The order in which everything is measured: peers take turns, so what slows one slows all."""

import json
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

import zstandard

from benchmarks.capture import capture
from benchmarks.children import run_child
from benchmarks.contents import WORKLOADS
from benchmarks.growth import SERIES
from benchmarks.peers import ENGINES, PEERS
from benchmarks.ranks import merge
from benchmarks.results import Results
from benchmarks.session import PARTS
from benchmarks.startup import startup

# Parts that peers other than the two contexts take part in.
_FOR_ALL = ("save", "read one", "load all")


def measure(
    results: Results, folder: Path, runs: int, workloads: list[str], *, growth: bool
) -> Iterator[str]:
    """Fill `results`; what is measured next is told before it is."""
    results.machine = _machine()
    yield "a real program's artifacts"
    real = capture(folder)
    for run in range(runs):
        yield f"the machine's limits, run {run + 1}"
        for name, value in json.loads(_child("machine", folder / "limit")).items():
            results.limits.setdefault(name, []).append(value)
    for workload in (WORKLOADS[name] for name in workloads):
        by_peer = results.runs.setdefault(workload.name, {peer: [] for peer in PEERS})
        for run in range(runs):
            for peer in PEERS:
                by_peer[peer].append({})
            for part in PARTS:
                for peer in _peers(part, workload.full):
                    yield f"{workload.name}, {part}, {peer}, run {run + 1}"
                    path = folder / _file_of(peer)
                    output = _child("session", peer, workload.name, part, path, real)
                    by_peer[peer][run] |= json.loads(output)
        for path in folder.glob("file-*"):
            path.unlink()
    for name, (_, peers, sizes) in SERIES.items() if growth else ():
        for size in sizes:
            for peer in peers:
                yield f"growth: {size} {name}, {peer}"
                output = _child("growth", name, peer, folder / "growing", size)
                points = results.growth.setdefault(name, {}).setdefault(peer, {})
                points[size] = json.loads(output)
    yield "merge of ranks"
    results.merge = merge(folder)
    yield "imports and empty programs"
    results.startup = startup(folder)


def _peers(part: str, full: bool) -> list[str]:
    """Who takes part; a mapping makes no difference but in reading one."""
    if part == "read one":
        return [peer for peer in PEERS if peer in (*ENGINES, "bundle, mapped") or not full]
    if part in _FOR_ALL and not full:
        return [peer for peer in PEERS if peer != "bundle, mapped"]
    return list(ENGINES)


def _file_of(peer: str) -> str:
    return f"file-{peer.split(',')[0]}"


def _child(module: str, *arguments: object) -> str:
    command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)]
    return run_child(command).output


def _machine() -> dict[str, str]:
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = f"{len(lines)} x {lines[0].partition(':')[2].strip()}" if lines else cpu
    return {
        "cpu": cpu,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "zstd": ".".join(map(str, zstandard.ZSTD_VERSION)),
    }
