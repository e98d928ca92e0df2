"""The JSON that `precompile run --report` writes. Its keys are stable; docs stand at `entry`.

One file a run. The program's own process is the outermost object; each child
process that compiled adds an object of the same keys to `children`, ranks by their rank.
`totals` has the sums over all of them.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from precompile_context.files import replace
from precompile_context.files.access import FileSource
from precompile_context.files.locking import LOCK_SECONDS, locked
from precompile_context.session.settings import Settings

VERSION = 1

Entry = dict[str, Any]

NO_SECONDS = dict.fromkeys(("apply", "compile", "save", "not_spent"), 0.0)
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
}
_NO_ANSWERS = dict.fromkeys(("hits", "misses", "bypasses"), 0)
# Keys of a compiler that version 1 has at the top: those of the one that reports them.
AT_TOP: Mapping[str, Any] = {
    "precompile": None,
    "graphs": {"compiled": 0, "fx": _NO_ANSWERS, "aot": _NO_ANSWERS, "missed": []},
    "kernels": {"hits": 0, "built": 0},
    "compiler": {"isa_probes": 0, "header_runs": 0},
}


def entry(
    settings: Settings,
    status: str,
    *,
    session: Mapping[str, Any] = NO_SESSION,
    compilers: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    seconds: Mapping[str, float] = NO_SECONDS,
) -> Entry:
    """One process's part.

    pid, and rank: as torchrun numbers the processes of a job; null elsewhere.
    status: "idle" no compiler was used; "running" one was, and the process did not end in a
        way that let it tell more; "finished".
    bundle: path (null: none), read_only, bytes of the file at the end, matched (null:
        there was nothing to match), reason (null, or one line: why it was not used),
        not_saved (null, or one line: why what was new could not be written).
    artifacts: counts of what the file held for this host, of that what the compilers asked for
        and got (applied) and what they did not ask for (inert, with the bytes of its
        content), and what was recorded that it did not hold; refused lists type, key,
        code, detail.
    compilers: an object for each compiler that was used, by its adapter's name: matched and
        reason as above; loaded, applied, recorded, refused and missed (look-ups in vain) as
        counts; and what its adapter says itself.
    seconds: apply (before the first compile), compile, save (at the end); not_spent, what
        the compiles of what was applied took where they were recorded, as far as is known.

    Of PyTorch, whose words stand at the top in version 1:

    precompile: null where the automatic mode is off; else counts of frames served from
        the bundle, compiled, and saved; cold gives, by function, why it is compiled in
        each process, and differs, why saved versions were not for it.
    graphs: compiled counts; fx and aot are its two caches of graphs; missed, where
        that was asked for, lists key, nearest and differences (kind, name, there, here).
    kernels: C++ libraries and Triton kernels; built counts those that a compiler was
        run for, in compile workers too, and hits those that were loaded without.
    compiler: its other runs: ISA probes, and runs over headers.
    """
    top = dict(AT_TOP)
    parts = {}
    for name, part in compilers.items():
        top |= {key: value for key, value in part.items() if key in AT_TOP}
        parts[name] = {key: value for key, value in part.items() if key not in AT_TOP}
    return {
        "pid": os.getpid(),
        "rank": _rank(),
        "status": status,
        "bundle": {
            "path": settings.bundle,
            "read_only": settings.read_only,
            **session["bundle"],
        },
        "artifacts": session["artifacts"],
        **top,
        "compilers": parts,
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
    }


def begin(settings: Settings) -> None:
    """Start a run's report, in place of an earlier run's: idle until a compiler is used.

    Raises:
        OSError: the file cannot be written.
    """
    idle = {**entry(settings, status="idle"), "pid": settings.pid}
    report = {"version": VERSION, **idle, "children": [], "totals": totals([])}
    _replace(_path(settings), report)


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
            told = {**report, **part}
        else:
            others = [child for child in report["children"] if child["pid"] != part["pid"]]
            told = {**report, "children": sorted([*others, part], key=_place)}
        return {**told, "totals": totals([told, *told["children"]])}

    _update(_path(settings), change)


def totals(parts: Sequence[Entry]) -> Entry:
    """The sums over processes that used a compiler: how many, what they got, their seconds."""
    busy = [part for part in parts if part["status"] != "idle"]
    counts = ("loaded", "applied", "recorded", "inert", "inert_bytes")
    return {
        "processes": len(busy),
        "finished": sum(part["status"] == "finished" for part in busy),
        "artifacts": {
            **{name: sum(part["artifacts"][name] for part in busy) for name in counts},
            "refused": sum(len(part["artifacts"]["refused"]) for part in busy),
        },
        "seconds": {
            name: round(sum(part["seconds"][name] for part in busy), 3) for name in NO_SECONDS
        },
    }


def _place(part: Entry) -> tuple[bool, int]:
    """Ranks by rank, and then the others as they came."""
    rank = part.get("rank")
    return rank is None, rank or 0


def _rank() -> int | None:
    """Which rank of a distributed program this process is, as its launcher says."""
    rank = os.environ.get("RANK", "")
    return int(rank) if rank.isascii() and rank.isdigit() else None


def _update(path: Path, change: Callable[[Entry], Entry]) -> None:
    with locked(path, LOCK_SECONDS, make=False) as (fd, _):
        source = FileSource(fd)
        _replace(path, change(json.loads(bytes(source.read(0, source.size)))))


def _replace(path: Path, report: Entry) -> None:
    # The program waits for it, before its first call of a compiler.
    replace(path, [json.dumps(report, indent=2).encode() + b"\n"], sync=False)


def _path(settings: Settings) -> Path:
    assert settings.report is not None
    return Path(settings.report)
