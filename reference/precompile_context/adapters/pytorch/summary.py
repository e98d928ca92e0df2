"""What a run got from its bundle, in one line for whoever watches it."""

from precompile_context.adapters.pytorch.warm_start_report import WarmStartReport
from precompile_context.plural import plural

_KINDS = (("graph", "inductor"), ("library", "inductor_file"))


def summary(report: WarmStartReport) -> str:
    """Graphs, libraries and functions from the bundle, of how many; and what is new in it."""
    parts = []
    # What the bundle holds and torch found in its own cache is recorded again: it is not new.
    fresh = [id_.type for id_ in report.recorded if (id_.type, id_.key) not in report.loaded]
    for noun, type_name in _KINDS:
        served = sum(name[0] == type_name for name in set(report.applied))
        new = fresh.count(type_name)
        if served + new:
            parts.append(f"{plural(served, noun)} of {served + new}")
    mode = report.precompile
    if mode is not None and mode.served + mode.compiled:
        parts.append(f"{plural(mode.served, 'function')} of {mode.served + mode.compiled}")
    got = f"{', '.join(parts)} from the bundle" if parts else "nothing was asked of it"
    if report.not_saved:
        return f"{got}; not saved: {report.not_saved}"
    return f"{got}; {plural(len(report.appended), 'artifact')} saved"
