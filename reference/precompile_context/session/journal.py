"""What this process was given, written down before it can run, with room for how the process dies.

One file a living process, locked by it and removed at its end. Python's faulthandler adds a line
where the process dies of a fault: SIGSEGV, SIGBUS, SIGILL, SIGFPE or SIGABRT. Nothing else does. So
whoever is killed, ends at once (os._exit), becomes another program or loses its machine leaves a
list without that line, which accuses nobody.

Only one can handle such a signal. Where the program does so itself, before or after, there is no
journal; and it sees nothing of ours.
"""

import faulthandler
import json
import os
import re
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from precompile_context.files.system import RAW
from precompile_context.session.patches import Patches

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None  # type: ignore[assignment]

_enable, _disable = faulthandler.enable, faulthandler.disable
_FAULTS = ("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT")
MOST_BYTES = 16 << 20
# Out of the way of programs that close what they do not know, and open files of their own.
_LEAST_FD = 500


@dataclass(frozen=True)
class Given:
    """An artifact, with what it was compiled from as far as that is known."""

    type: str
    key: str
    digest: bytes
    function: str = ""


class _Journal:
    """This process's; there is one at most."""

    def __init__(self) -> None:
        self._patches: Patches | None = None
        self._reset()

    def _reset(self) -> None:
        self._fd = -1
        self._file: os.stat_result | None = None
        self._path: Path | None = None
        self._bundles: set[str] = set()
        self._is_ours = False  # faulthandler
        self._is_off = False
        self._size = 0
        self._lock = threading.Lock()

    def write(self, folder: Path, program: str, bundle: str, given: Iterable[Given]) -> None:
        """Before these can run.

        Raises:
            OSError: it cannot be written.
        """
        with self._lock:
            if self._path is None and not self._begin(folder, program):
                return
            self._bundles.add(bundle)
            self._append(
                [bundle, one.type, one.key, one.digest.hex(), one.function] for one in given
            )

    def end(self, bundle: str) -> None:
        """What was given of this bundle has done no harm.

        Raises:
            OSError: it cannot be written.
        """
        with self._lock:
            self._bundles.discard(bundle)
            if self._path is None:
                return
            if self._bundles:
                self._append([[bundle]])
                return
            path, self._path = self._path, None
            path.unlink(missing_ok=True)  # a fault that comes now is written where nobody reads

    def in_child(self) -> None:
        """What a forked child dies of is no news of its parent."""
        fd, is_there, is_ours = self._fd, self._is_there(), self._is_ours
        self._reset()
        if is_ours:
            self._tell_nobody()
        if is_there:
            os.close(fd)

    def _begin(self, folder: Path, program: str) -> bool:
        """Make the file and have faults told there; whether that can be."""
        if self._is_off or fcntl is None or not (self._is_ours or _nobody_handles_faults()):
            return False
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = _made(folder)
        if made is None:
            return False
        before = self._fd if self._is_ours and self._is_there() else None
        self._fd, self._path = made
        self._file, self._size = os.fstat(self._fd), 0
        self._append([[program]])
        self._tell()
        if before is not None:
            os.close(before)
        if self._patches is None:
            self._patches = self._hidden()
        return True

    def _append(self, lines: Iterable[list[str]]) -> None:
        data = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
        self._size += len(data)
        if not self._is_there():
            self._is_off = True
            if self._is_ours:
                self._tell_nobody()
        elif self._size <= MOST_BYTES:
            os.write(self._fd, data)

    def _tell(self) -> None:
        """Have faults told in the file that is open."""
        more: dict[str, Any] = {"c_stack": False} if sys.version_info >= (3, 14) else {}
        _enable(file=self._fd, all_threads=False, **more)
        self._is_ours = True

    def _tell_nobody(self) -> None:
        """A fault ends the process, and that is all. To disable faulthandler would take away what
        handlers the program has set since.
        """
        try:
            self._fd = _high(os.open(os.devnull, os.O_WRONLY | RAW))
        except OSError:
            _disable()
            self._is_ours = False
            return
        self._file = os.fstat(self._fd)
        self._tell()

    def _is_there(self) -> bool:
        """A program may have closed it, and opened a file of its own under the number."""
        try:
            now = os.fstat(self._fd)
        except OSError:
            return False
        return self._file is not None and os.path.samestat(now, self._file)

    def _hidden(self) -> Patches:
        """Have the program find faulthandler as if it were not in use."""

        def is_enabled(original: Callable[[], bool]) -> bool:
            return not self._is_ours and original()

        def enable(original: Callable[..., None], *args: Any, **kwargs: Any) -> None:
            if self._is_ours:
                _stand_before_handlers()
            original(*args, **kwargs)
            # Faults are the program's own affair from now on.
            self._is_ours, self._is_off = False, True

        def disable(original: Callable[[], bool]) -> bool:
            return not self._is_ours and original()

        patches = Patches()
        for around in (is_enabled, enable, disable):
            patches.wrap(faulthandler, around.__name__, around)
        return patches


_journal = _Journal()


def write(folder: Path, program: str, bundle: str, given: Iterable[Given]) -> None:
    """These are about to be given to the program.

    Raises:
        OSError: the journal cannot be written.
    """
    _journal.write(folder, program, bundle, given)


def end(bundle: str) -> None:
    """The program came to its end, or has no more to do with the bundle.

    Raises:
        OSError: the journal cannot be written.
    """
    _journal.end(bundle)


def _made(folder: Path) -> tuple[int, Path] | None:
    """A new file that this process holds locked; None where it cannot be."""
    path = folder / f"{os.getpid()}-{time.time_ns()}-{secrets.token_hex(4)}"
    low = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | RAW, 0o600)
    fd = _high(low)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.exists():  # else it was taken for a dead process's, before it was locked
            return fd, path
    except OSError:  # that, or there are no locks here
        path.unlink(missing_ok=True)
    os.close(fd)
    return None


def _high(low: int) -> int:
    """The same file, under a number that programs leave alone."""
    try:
        return fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, _LEAST_FD)
    except OSError:  # so many are not allowed
        return os.dup(low)
    finally:
        os.close(low)


def _stand_before_handlers() -> None:
    """The program enables faulthandler, which then comes before handlers that the program has set.
    It is enabled already, behind them, and so would stay there.
    """
    numbers = [getattr(signal, name) for name in _FAULTS if hasattr(signal, name)]
    handlers = {one: signal.getsignal(one) for one in numbers}
    theirs = {one: handler for one, handler in handlers.items() if handler}  # SIG_DFL is 0
    if theirs and threading.current_thread() is threading.main_thread():
        _disable()
        for one, handler in theirs.items():
            signal.signal(one, handler)


def _nobody_handles_faults() -> bool:
    """Whether a fault simply ends this process; False where that cannot be known."""
    bits = sum(1 << (getattr(signal, name) - 1) for name in _FAULTS if hasattr(signal, name))
    try:
        with open("/proc/self/status", "rb") as file:
            caught = re.search(rb"^SigCgt:\s*([0-9a-f]+)$", file.read(), re.MULTILINE)
    except OSError:
        return False
    return caught is not None and not int(caught[1], 16) & bits


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_journal.in_child)
