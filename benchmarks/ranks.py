"""Merging the bundles of 64 ranks that share most of their content."""

import random
import subprocess
import sys
from pathlib import Path

from benchmarks.children import run_child
from benchmarks.contents import MIB
from benchmarks.peers import BundlePeer

RANKS, SHARED, OWN, SIZE = 64, 90, 10, 64 << 10
PRECOMPILE = Path(sys.executable).with_name("precompile")


def merge(folder: Path) -> dict[str, float] | None:
    """Seconds, peak MiB and size of `precompile merge`; None where there is no such command."""
    if subprocess.run([PRECOMPILE, "merge", "--help"], capture_output=True).returncode:
        return None
    inputs = [folder / f"rank-{rank}.precompile" for rank in range(RANKS)]
    unique = folder / "unique.precompile"
    # In a process of its own: the kernel counts the peak of whoever starts a process as its own.
    run_child([sys.executable, "-m", "benchmarks.ranks", str(unique), *map(str, inputs)])
    output = folder / "merged.precompile"
    command = [PRECOMPILE, "merge", "--unsigned", "-o", output, *inputs]
    child = run_child([str(argument) for argument in command])
    return {
        "seconds": child.seconds,
        "peak_mib": child.peak_mib,
        "inputs_mib": sum(path.stat().st_size for path in inputs) / MIB,
        "output_mib": output.stat().st_size / MIB,
        "unique_mib": unique.stat().st_size / MIB,
    }


def _save(path: Path, ranks: "range | list[int]") -> None:
    session = BundlePeer()
    session.record((f"shared {i}", _content(i)) for i in range(SHARED))
    for rank in ranks:
        session.record((f"{rank}/{i}", _content(1000 + rank * OWN + i)) for i in range(OWN))
    session.save(path)


def main() -> None:
    """Write all that the ranks have into the first file, and each rank's into one of the others."""
    unique, *inputs = map(Path, sys.argv[1:])
    for rank, path in enumerate(inputs):
        _save(path, [rank])
    _save(unique, range(RANKS))


def _content(seed: int) -> bytes:
    """Half noise and half text, as compile results are."""
    generator = random.Random(seed)
    return generator.randbytes(SIZE // 2) + b"%06d a line of source text\n" % seed * (SIZE // 66)


if __name__ == "__main__":
    main()
