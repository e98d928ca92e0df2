"""What the runs of programs come to, kept as figures, and as the table of docs/pytorch.md."""

from typing import Any

from benchmarks.marked import as_cell
from benchmarks.models.runs import Run

COLUMNS = {
    "cold": "torch, cold",
    "mega-cache": "mega-cache, warm",
    "run": "`run`, warm",
    "precompile": "`run --precompile`, warm",
}
HEAD = "| program | "
# By column, what its run did; all of it goes into JSON.
Figures = dict[str, dict[str, Any]]
_KEPT = ("wall", "cpu", "process", "hits", "misses", "kernels", "size", "appended")


def figures(runs: dict[str, Run]) -> Figures:
    """What is kept of a program's runs."""
    return {column: _figures(runs, column) for column in COLUMNS}


def _figures(runs: dict[str, Run], column: str) -> dict[str, Any]:
    run = runs[column]
    kept: dict[str, Any] = {name: getattr(run, name) for name in _KEPT}
    kept |= {name: run.frames[name] for name in ("served", "compiled") if name in run.frames}
    return {**kept, "reasons": _reasons(run), "outcome": _outcome(runs, column)}


def _outcome(runs: dict[str, Run], column: str) -> str:
    """Whether a run ended and printed as the cold one did, and the one that recorded, too."""
    cold = runs["cold"]
    if column == "cold":
        return "ended" if cold.status == 0 else f"FAILED: status {cold.status}"
    differs = runs[column].differences(cold)
    if column == "precompile":
        differs += [f"{name} while recording" for name in runs["recording"].differences(cold)]
    return f"OTHER: {', '.join(differs)}" if differs else "equal"


def _reasons(run: Run) -> dict[str, str]:
    """By frame that was compiled, why; where it was saved then, what was not for it."""
    why = dict(run.frames.get("cold", {}))
    if run.frames.get("compiled", 0) <= len(why):
        return why
    for frame, versions in run.frames.get("differs", {}).items():
        why.setdefault(frame, "; ".join(sorted(set(versions.values()))))
    return why


def cell(column: str, did: dict[str, Any]) -> str:
    """Processor seconds, caches, kernels, bytes, what was appended, frames, and the outcome."""
    spent = f"{did['cpu']:.2f} of {did['process']:.1f} s"
    parts = [f"{spent}, {did['hits']}/{did['misses']}, {did['kernels']}", f"{did['size']:,} B"]
    if column in ("run", "precompile"):
        parts.append(f"{did['appended']} new")
    if "served" in did:
        parts.append(f"{did['served']} served, {did['compiled']} compiled")
    reasons = sorted(set(did["reasons"].values()))
    cold = f"; cold: {'; '.join(reasons)}".replace("|", "/") if reasons else ""
    return ", ".join([*parts, did["outcome"]]) + cold


def has_failed(program: Figures) -> bool:
    """Whether one of its outcomes is not what it has to be."""
    return any(did["outcome"].startswith(("OTHER", "FAILED")) for did in program.values())


def markdown(programs: list[str], measured: dict[str, Figures]) -> str:
    """The table as Markdown, with a line of its own for a program that was not measured."""
    lines = [f"{HEAD}{' | '.join(COLUMNS.values())} |", f"|---|{'---|' * len(COLUMNS)}"]
    for name in programs:
        did = measured.get(name)
        cells = [as_cell(cell(c, did[c])) if did else "not measured" for c in COLUMNS]
        lines.append(f"| {' | '.join([name.replace('_', ' '), *cells])} |")
    return "\n".join(lines)
