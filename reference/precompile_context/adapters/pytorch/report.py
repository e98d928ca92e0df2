"""PyTorch's part of the report; docs stand at `session.report.entry`."""

from collections.abc import Mapping, Sequence
from typing import Any


def counted(counts: Mapping[str, int], missed: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """Of a run whose events were counted."""
    return {
        "graphs": {
            "compiled": counts["graphs_compiled"],
            "fx": _cache(counts, "fx"),
            "aot": _cache(counts, "aot"),
            "missed": list(missed),
        },
        "kernels": {
            "hits": max(0, counts["kernels_loaded"] - counts["kernels_built"]),
            "built": counts["kernels_built"],
        },
        "compiler": {
            "isa_probes": counts["isa_probes"],
            "header_runs": counts["header_runs"],
        },
    }


def _cache(counts: Mapping[str, int], name: str) -> dict[str, int]:
    return {event: counts[f"{name}_{event}"] for event in ("hits", "misses", "bypasses")}
