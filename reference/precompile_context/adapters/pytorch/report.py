"""The JSON that `precompile run --report` writes. Its keys are stable; docs stand at `entry`.

One file a run. The program's own process is the outermost object; each child
process that compiled adds an object of the same keys to `children`.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from precompile_context.adapters.pytorch.recording.observe import EVENTS
from precompile_context.files import replace
from precompile_context.files.access import FileSource
from precompile_context.files.locking import LOCK_SECONDS, locked
from precompile_context.session.settings import Settings

VERSION = 1

Entry = dict[str, Any]

NO_COUNTS = dict.fromkeys(EVENTS, 0)
NO_SECONDS = dict.fromkeys(("apply", "compile", "save"), 0.0)
NO_SESSION: Mapping[str, Any] = {
    "bundle": {"bytes": 0, "matched": None, "reason": None, "not_saved": None},
    "artifacts": {
        "loaded": 0,
        "applied": 0,
        "recorded": 0,
        "inert": 0,
        "inert_bytes": 0,
        "refused": [],
    },
    "precompile": None,
}


def entry(
    settings: Settings,
    status: str,
    *,
    session: Mapping[str, Any] = NO_SESSION,
    counts: Mapping[str, int] = NO_COUNTS,
    seconds: Mapping[str, float] = NO_SECONDS,
    missed: Sequence[Mapping[str, Any]] = (),
) -> Entry:
    """One process's part.

    pid
    status: "idle" torch was never asked to compile; "running" it was, and the
        process did not end in a way that let it tell more; "finished".
    bundle: path (null: none), read_only, bytes of the file at the end, matched (null:
        there was nothing to match), reason (null, or one line: why it was not used),
        not_saved (null, or one line: why what was new could not be written).
    artifacts: counts of what the file held for this host, of that what torch asked for
        and got (applied) and what it did not ask for (inert, with the bytes of its
        content), and what was recorded that it did not hold; refused lists type, key,
        code, detail.
    precompile: null where the automatic mode is off; else counts of frames served from
        the bundle, compiled, and saved; cold gives, by function, why it is compiled in
        each process, and differs, why saved versions were not for it.
    graphs: compiled counts; fx and aot are torch's two caches of graphs; missed, where
        that was asked for, lists key, nearest and differences (kind, name, there, here).
    kernels: C++ libraries and Triton kernels; built counts those that a compiler was
        run for, in compile workers too, and hits those that were loaded without.
    compiler: its other runs: ISA probes, and runs over headers.
    seconds: apply (before the first compile), compile, save (at the end).
    """
    return {
        "pid": os.getpid(),
        "status": status,
        "bundle": {
            "path": settings.bundle,
            "read_only": settings.read_only,
            **session["bundle"],
        },
        "artifacts": session["artifacts"],
        "precompile": session["precompile"],
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
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
    }


def _cache(counts: Mapping[str, int], name: str) -> dict[str, int]:
    return {event: counts[f"{name}_{event}"] for event in ("hits", "misses", "bypasses")}


def begin(settings: Settings) -> None:
    """Start a run's report, in place of an earlier run's: idle until torch is asked to compile.

    Raises:
        OSError: the file cannot be written.
    """
    idle = {**entry(settings, status="idle"), "pid": settings.pid}
    _replace(_path(settings), {"version": VERSION, **idle, "children": []})


def begin_once(settings: Settings) -> None:
    """As `begin`, unless the report is this run's already: `precompile run` began it.

    Raises:
        OSError: the file cannot be read or written.
    """
    try:
        there = json.loads(_path(settings).read_bytes())
    except (FileNotFoundError, ValueError):
        there = None
    if not isinstance(there, dict) or there.get("pid") != settings.pid:
        begin(settings)


def put(settings: Settings, part: Entry) -> None:
    """Write this process's part, whatever other processes of the run write meanwhile.

    Raises:
        OSError: the file cannot be read, locked or written, or another process, a stopped
            one say, held it for LOCK_SECONDS.
    """

    def change(report: Entry) -> Entry:
        if settings.is_main():
            return {**report, **part}
        others = [child for child in report["children"] if child["pid"] != part["pid"]]
        return {**report, "children": [*others, part]}

    _update(_path(settings), change)


def _update(path: Path, change: Callable[[Entry], Entry]) -> None:
    with locked(path, LOCK_SECONDS, make=False) as (fd, _):
        source = FileSource(fd)
        _replace(path, change(json.loads(bytes(source.read(0, source.size)))))


def _replace(path: Path, report: Entry) -> None:
    replace(path, [json.dumps(report, indent=2).encode() + b"\n"])


def _path(settings: Settings) -> Path:
    assert settings.report is not None
    return Path(settings.report)
