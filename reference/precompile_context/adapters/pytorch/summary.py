"""What torch got from its bundle, for whoever watches the program."""

from precompile_context.adapters.pytorch.precompile.mode import Precompile
from precompile_context.plural import plural
from precompile_context.session.part_report import PartReport

_KINDS = (("graph", "inductor"), ("library", "inductor_file"))


def summary(report: PartReport, precompile: Precompile | None) -> str:
    """Graphs, libraries and functions from the bundle, of how many."""
    parts = []
    # What the bundle holds and torch found in its own cache is recorded again: it is not new.
    fresh = [id_.type for id_ in report.recorded if (id_.type, id_.key) not in report.loaded]
    for noun, type_name in _KINDS:
        served = sum(name[0] == type_name for name in set(report.applied))
        new = fresh.count(type_name)
        if served + new:
            parts.append(f"{plural(served, noun)} of {served + new}")
    mode = None if precompile is None else precompile.report
    if mode is not None and mode.served + mode.compiled:
        parts.append(f"{plural(mode.served, 'function')} of {mode.served + mode.compiled}")
    return ", ".join(parts)
