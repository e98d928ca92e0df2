"""The parts of `make gpu`, each of processes with empty cache directories that have their time.

A part gives Markdown, and what was wrong.
"""

import functools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from benchmarks.children import bounded
from benchmarks.gpu import table
from benchmarks.models.runs import Program
from benchmarks.pytorch_cases import CASES
from benchmarks.pytorch_table import Cell, markdown, rows
from precompile_context.cli.demo_runs import PRECOMPILE

PROGRAMS = Path(__file__).with_name("programs")
LAUNCH = "Triton alone"
MODES = "default", "reduce-overhead", "max-autotune", LAUNCH
TESTS = "reference/tests/test_pytorch_gpu.py", "reference/tests/test_triton_adapter.py"
Part = tuple[str, list[str]]
_DEMO = "mode", "first_step", "wall", "kernels_built", "hits", "misses", "size"
_DEMO_HEAD = "| demo | compile, s | wall, s | kernels built | hits | misses | bytes |"
# Of cases or tests, side by side: each process has a context of the GPU and compiles.
_GROUPS = min(8, max(2, (os.cpu_count() or 2) // 2))


class Where(NamedTuple):
    """The device, a directory, and how long the next process may take."""

    device: str
    scratch: Path
    seconds: Callable[[], float]


def demo(where: Where) -> Part:
    """`precompile demo` on the device."""
    command = [*PRECOMPILE, "demo", "--device", where.device, "--json"]
    done = bounded(command, os.environ, where.seconds())
    try:
        told = json.loads(done.stdout)
        lines = [[str(run[figure] or 0) for figure in _DEMO] for run in told["runs"]]
    except (ValueError, KeyError):
        fault = f"demo: FAILED: status {done.returncode}: {done.stderr.strip()[-200:]}"
        return fault, [fault]
    made = [_DEMO_HEAD, f"|{'---|' * len(_DEMO)}", *(f"| {' | '.join(line)} |" for line in lines)]
    return "\n".join(made), [f"demo: {fault}" for fault in told["faults"]]


def modes(where: Where, names: Sequence[str] = MODES) -> Part:
    """A training step in each of torch.compile's modes, and Triton's kernels without it."""
    lines, wrong = [table.HEAD], []
    for name in names:
        file, *options = ["launch.py"] if name == LAUNCH else ["step.py", "--mode", name]
        scratch = Path(tempfile.mkdtemp(dir=where.scratch))
        options += ["--device", where.device]
        program = Program(PROGRAMS / file, scratch, *options, seconds=where.seconds)
        line, faults = table.row(name, program.measure(), program.bundle)
        lines.append(line)
        wrong += faults
    return "\n".join(lines), wrong


def cases(where: Where, titles: Sequence[str] = tuple(CASES)) -> Part:
    """The table of cases with torch alone and with ours, by groups side by side."""
    groups = [titles[start::_GROUPS] for start in range(min(_GROUPS, len(titles)))]
    cells: dict[str, tuple[Cell, Cell]] = {}
    with ThreadPoolExecutor(len(groups)) as pool:
        for group in pool.map(functools.partial(_group, where), groups):
            cells |= group
    alone, ours = ({title: cells[title][column] for title in titles} for column in (0, 1))
    wrong = [f"{title}: {cell.text()}" for title, cell in ours.items() if cell.result != "equal"]
    return markdown({"alone": alone, "ours": ours}, "case, on a GPU"), wrong


def _group(where: Where, titles: Sequence[str]) -> dict[str, tuple[Cell, Cell]]:
    place, options = Path(tempfile.mkdtemp(dir=where.scratch)), ["--device", where.device]
    try:
        alone, cold, warm = (
            rows(mode, place / mode, [*options, *more, *titles], seconds=where.seconds())
            for mode, more in (("alone", []), ("ours", []), ("ours", ["--warm"]))
        )
    except subprocess.CalledProcessError as error:
        failed = Cell({"result": f"FAILED: {error.stderr.strip()[-80:]}"}, None)
        return dict.fromkeys(titles, (failed, failed))
    return {title: (Cell(alone[title], None), Cell(cold[title], warm[title])) for title in titles}


def tests(where: Where) -> Part:
    """Those of the adapters that need a GPU or a Triton; torch sees here what it sees there."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += [f"--numprocesses={_GROUPS}", "-m", "torch or compilers", *TESTS]
    done = bounded(command, os.environ, where.seconds())
    said = ((done.stdout or done.stderr).strip().splitlines() or ["nothing was said"])[-1]
    line = f"Tests ({', '.join(TESTS)}): {said.strip('= ')}"
    return line, [f"{line}\n{done.stdout[-4000:]}"] if done.returncode else []


PARTS = {"demo": demo, "modes": modes, "cases": cases, "tests": tests}
