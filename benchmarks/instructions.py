"""Instructions of two small workloads and of a run that compiles nothing, against those on record.

Counted by valgrind, they do not depend on what else the machine does. Starting Python does not
count: of a workload, a count is the difference of two sizes; of a run, what it takes beside the
program. `--record` puts the new counts in the place of those in instructions.json.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from benchmarks.blob import TYPE, Blob
from precompile_context import UNSIGNED, Bundle, PrecompileContext

RECORD = Path(__file__).with_name("instructions.json")
# Other patch versions of Python and of the libraries differ by less.
TOLERANCE = 0.08
_SIZES = 50, 250
# `precompile`, up to where it becomes the program: what it would execute is written to a file.
_BECOMING = """
import json, os, sys
file = sys.argv.pop(1)
def execve(path, arguments, environ):
    with open(file, "w") as written:
        json.dump([arguments, dict(environ)], written)
    sys.exit()
os.execve = execve
from _precompile_command import main
main()
"""


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


def _for_one_more(workload: str) -> int:
    """For one artifact more."""
    WORKLOADS[workload](_SIZES[0])  # so that all modules are compiled and stored
    itself = [sys.executable, "-m", "benchmarks.instructions", "--workload", workload]
    small, large = (_instructions([*itself, str(size)]) for size in _SIZES)
    return (large - small) // (_SIZES[1] - _SIZES[0])


def _run_of_nothing() -> int:
    """`precompile run` of a program that imports no compiler: what that takes beside the program,
    before it and in it.
    """
    with tempfile.TemporaryDirectory() as folder:
        program, became = Path(folder, "nothing.py"), Path(folder, "became.json")
        program.write_text("")
        run = [sys.executable, "-c", _BECOMING, str(became)]
        run += ["run", "--bundle", str(Path(folder, "nothing.precompile")), str(program)]
        own = {**os.environ, "XDG_STATE_HOME": folder}
        # So that all modules are compiled and stored. Where no project has options.
        subprocess.run(run, check=True, cwd=folder, env=own)
        before = _instructions(run, own, folder)
        arguments, environment = json.loads(became.read_text())
        within = _instructions(arguments, environment)
        return before + within - _instructions([sys.executable, str(program)])


COUNTS: dict[str, Callable[[], int]] = {
    **{name: partial(_for_one_more, name) for name in WORKLOADS},
    "run": _run_of_nothing,
}


def main() -> None:
    """Compare, or record; exit status 1 where something takes more than it may."""
    if sys.argv[1:2] == ["--workload"]:
        WORKLOADS[sys.argv[2]](int(sys.argv[3]))
        return
    if shutil.which("valgrind") is None:
        print("NOT RUN: counts of instructions, because valgrind is missing", file=sys.stderr)
        return
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    recorded = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    if "--record" in sys.argv:
        recorded[python] = {name: count() for name, count in COUNTS.items()}
        RECORD.write_text(json.dumps(recorded, indent=1) + "\n")
    elif missing := COUNTS.keys() - recorded.get(python, {}).keys():
        names = ", ".join(sorted(missing))
        text = f"NOT RUN: comparing counts of instructions; none of {names} is on record"
        print(f"{text} for Python {python}", file=sys.stderr)
    elif not _compare(recorded[python]):
        sys.exit("more instructions than on record; `--record` them where that is meant")


def _compare(recorded: dict[str, int]) -> bool:
    right = True
    for name, before in recorded.items():
        now = COUNTS[name]()
        print(f"{name}: {now:,} instructions, {now / before - 1:+.1%} against {before:,} on record")
        if now < before * (1 - TOLERANCE):
            print(f"{name}: so much fewer that they are worth to be recorded")
        right = right and now <= before * (1 + TOLERANCE)
    return right


def _instructions(
    command: Sequence[str],
    environment: Mapping[str, str] = os.environ,
    folder: str | None = None,
) -> int:
    # Of valgrind's tools the one that counts in the least time.
    tool = ["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    counted = ["valgrind", *tool, *command]
    environment = {**environment, "PYTHONHASHSEED": "0"}
    done = subprocess.run(counted, capture_output=True, text=True, env=environment, cwd=folder)
    found = re.search(r"I +refs: +([\d,]+)", done.stderr)
    if done.returncode or found is None:
        sys.exit(f"valgrind failed: {done.stderr[-2000:]}")
    return int(found[1].replace(",", ""))


if __name__ == "__main__":
    main()
