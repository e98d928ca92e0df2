"""What runs of a program on a GPU come to, as a row: figures, the outcome, and the bundle."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.children import TOO_LONG
from benchmarks.models.runs import Run
from benchmarks.models.table import COLUMNS, cell, figures, has_failed
from precompile_context import UNSIGNED, BundleFile

HEAD = f"| mode | {' | '.join(COLUMNS.values())} | in the bundle |\n|---{'|---' * 5}|"
# What torch's own runs may differ by, of a value.
TOLERANCE = 1e-4
_SERVED = "run", "precompile"


def row(name: str, runs: dict[str, Run], bundle: Path) -> tuple[str, list[str]]:
    """The row, and what was wrong."""
    did = figures(runs)
    for column in COLUMNS:
        warm = column in _SERVED
        did[column]["outcome"] = outcome(runs[column], runs["cold"], warm=warm)
    cells = [cell(column, did[column]) + _of_triton(runs[column]) for column in COLUMNS]
    line = f"| {' | '.join([name, *cells, held(bundle)])} |"
    return line, [line] if has_failed(did) else []


def outcome(run: Run, cold: Run, *, warm: bool) -> str:
    """Whether values are those of the cold run, and a warm one was served all."""
    for failed, said in ((run, run.stderr), (cold, "the cold run")):
        if failed.status:
            how = "took too long" if failed.status == TOO_LONG else f"status {failed.status}"
            return f"FAILED: {how}: {said.strip()[-90:]}".replace("|", "/").replace("\n", " ")
    (ours, graphs), (theirs, cold_graphs) = _printed(run), _printed(cold)
    gaps = [abs(one - two) / abs(two) for one, two in zip(ours, theirs, strict=True)]
    if not all(gap <= TOLERANCE for gap in gaps):  # NaN is not
        return "OTHER: values"
    if graphs != cold_graphs:
        return f"OTHER: {graphs} CUDA graphs"
    triton = _triton(run)
    if warm and (built := run.kernels or triton.get("kernels_compiled", 0)):
        return f"OTHER: {built} kernels built"
    served = run.hits or run.frames.get("served") or triton.get("kernels_served")
    if warm and cold.kernels and not served:
        return "OTHER: nothing was served"
    equal = f"within {max(gaps):.0e}" if any(gaps) else "equal bit for bit"
    return f"{equal}, {graphs} CUDA graphs"


def _printed(run: Run) -> tuple[list[float], int]:
    told = json.loads(run.stdout.splitlines()[-1])
    return [float.fromhex(value) for value in told["values"]], told["cuda_graphs"]


def _triton(run: Run) -> dict[str, Any]:
    """What Triton's own adapter says; torch bundles kernels within its graphs itself."""
    said: dict[str, Any] = run.compilers.get("triton", {})
    return said


def _of_triton(run: Run) -> str:
    if not (said := _triton(run)):
        return ""
    return f"; Triton: {said['kernels_served']} served, {said['kernels_compiled']} compiled"


def held(bundle: Path) -> str:
    """How many artifacts of which types."""
    if not bundle.exists():
        return "none"
    stored = BundleFile(bundle).open(policy=UNSIGNED).current()
    counts = Counter(type_ for type_, _ in stored)
    return ", ".join(f"{count} {type_}" for type_, count in sorted(counts.items()))
