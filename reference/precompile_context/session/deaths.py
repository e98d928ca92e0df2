"""The journals of processes that died of a fault, as the next process finds them.

Whoever can write into the folder may have left anything there.
"""

import json
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from precompile_context.files.system import RAW
from precompile_context.session.journal import MOST_BYTES, Given

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None  # type: ignore[assignment]

_FATAL = re.compile(rb"^Fatal Python error: ([ -~]{1,80})", re.MULTILINE)
# Lists of those that live or have just died: more than that are some other tool's.
_MOST_FILES = 10_000


@dataclass(frozen=True)
class Death:
    """A process that died of a fault, and what it had been given of each bundle, in order."""

    program: str
    fault: str
    at: float
    given: dict[str, list[Given]]


def deaths(folder: Path) -> Iterator[Death]:
    """The processes that died of a fault since somebody last looked; their lists are removed, and
    those of whoever died otherwise. Each comes once the one before has been taken in.
    """
    if fcntl is None or not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        names = [entry.name for _, entry in zip(range(_MOST_FILES), entries, strict=False)]
    for name in sorted(names):
        path = folder / name
        try:
            fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | RAW)
        except OSError:  # somebody else was first
            continue
        with open(fd, "rb") as file:
            if not stat.S_ISREG(os.fstat(fd).st_mode):  # a pipe has no bytes, and no end
                continue
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:  # it lives
                continue
            death = _read(file.read(2 * MOST_BYTES), os.fstat(fd).st_mtime)
            if death is not None:
                yield death
            path.unlink(missing_ok=True)


def _read(data: bytes, at: float) -> Death | None:
    fault = _FATAL.search(data)
    if fault is None:
        return None
    program, given = "", dict[str, list[Given]]()
    for line in data[: fault.start()].splitlines():
        try:
            match json.loads(line):
                case [str(bundle), str(kind), str(key), str(digest), str(function)]:
                    one = Given(kind, key, bytes.fromhex(digest), function)
                    given.setdefault(bundle, []).append(one)
                case [str(name)] if not program:
                    program = name
                case [str(bundle)]:
                    given.pop(bundle, None)
        except (ValueError, RecursionError):  # cut off, or not ours
            continue
    return Death(program, fault[1].decode(), at, given) if given else None
