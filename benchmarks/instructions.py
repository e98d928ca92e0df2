"""Instructions that two small workloads take, against those on record.

Counted by valgrind, they do not depend on what else the machine does; each count is the
difference of two sizes of one workload, so that starting Python does not count. `--record`
puts the new counts in the place of those in instructions.json.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.blob import TYPE, Blob
from precompile_context import UNSIGNED, Bundle, PrecompileContext

RECORD = Path(__file__).with_name("instructions.json")
# Other patch versions of Python and of the libraries differ by less.
TOLERANCE = 0.08
_SIZES = 50, 250


def _context() -> PrecompileContext:
    context = PrecompileContext(policy=UNSIGNED)
    context.register(Blob)
    return context


def save_and_load(count: int) -> None:
    """Record, serialize, open and read `count` artifacts of 256 bytes."""
    context = _context()
    for index in range(count):
        context.record_artifact(TYPE, f"key-{index}", b"%08d" % index * 32)
    serialized = context.serialize()
    assert serialized is not None
    bundle = Bundle.open(serialized[0], policy=UNSIGNED)
    for stored in bundle.current().values():
        bundle.read(stored)


def append(count: int) -> None:
    """Serialize again after each of `count` artifacts, ten times as many being there."""
    context = _context()
    for index in range(10 * count):
        context.record_artifact(TYPE, f"there-{index}", b"there already")
    for index in range(count // 10):
        context.record_artifact(TYPE, f"key-{index}", b"%08d" % index)
        context.serialize()


WORKLOADS: dict[str, Callable[[int], None]] = {"save_and_load": save_and_load, "append": append}


def main() -> None:
    """Compare, or record; exit status 1 where a workload takes more than it may."""
    if sys.argv[1:2] == ["--workload"]:
        WORKLOADS[sys.argv[2]](int(sys.argv[3]))
        return
    if shutil.which("valgrind") is None:
        print("NOT RUN: counts of instructions, because valgrind is missing", file=sys.stderr)
        return
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    recorded = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    if "--record" in sys.argv:
        recorded[python] = {name: _count(name) for name in WORKLOADS}
        RECORD.write_text(json.dumps(recorded, indent=1) + "\n")
    elif python not in recorded:
        text = f"NOT RUN: comparing counts of instructions; none are on record for Python {python}"
        print(text, file=sys.stderr)
    elif not _compare(recorded[python]):
        sys.exit("more instructions than on record; `--record` them where that is meant")


def _compare(recorded: dict[str, int]) -> bool:
    right = True
    for name, before in recorded.items():
        now = _count(name)
        print(f"{name}: {now:,} instructions, {now / before - 1:+.1%} against {before:,} on record")
        if now < before * (1 - TOLERANCE):
            print(f"{name}: so much fewer that they are worth to be recorded")
        right = right and now <= before * (1 + TOLERANCE)
    return right


def _count(workload: str) -> int:
    """For one artifact more."""
    WORKLOADS[workload](_SIZES[0])  # so that all modules are compiled and stored
    small, large = (_instructions(workload, size) for size in _SIZES)
    return (large - small) // (_SIZES[1] - _SIZES[0])


def _instructions(workload: str, size: int) -> int:
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    command += [sys.executable, "-m", "benchmarks.instructions", "--workload", workload, str(size)]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or found is None:
        sys.exit(f"valgrind failed: {done.stderr[-2000:]}")
    return int(found[1])


if __name__ == "__main__":
    main()
