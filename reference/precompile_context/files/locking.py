"""A file locked for one process, although others may replace or delete it meanwhile."""

import contextlib
import errno
import io
import os
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

from precompile_context.files.access import check_regular
from precompile_context.files.system import RAW

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None  # type: ignore[assignment]

# An append holds the lock for as long as it writes: a second for a gigabyte.
LOCK_SECONDS = 60.0
_APPENDING = os.O_RDWR | RAW
# What flock says where there are no locks: NFS without a lock daemon, FUSE, and others.
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)


class CannotLockError(OSError):
    """There are no locks here: appending would lose what others append."""


@contextlib.contextmanager
def locked(path: Path, seconds: float, *, make: bool) -> Iterator[tuple[int, bool]]:
    """A descriptor of the file, for this process alone in the block, and whether it made the file.

    A process forked within holds no lock, and its descriptor is not the file's.

    Raises:
        FileNotFoundError: there is none, and `make` does not ask for one.
        CannotLockError: nobody can lock this file.
        OSError: it is no regular file, or another process held it for `seconds`.
    """
    if fcntl is None:
        text = "writing into a bundle file needs a POSIX lock, which this system does not have"
        raise CannotLockError(errno.ENOTSUP, text, str(path))
    while True:
        fd, made = _open_or_make(path) if make else (os.open(path, _APPENDING), False)
        file = io.FileIO(fd, "r+")  # closed by whoever drops it, wherever an interrupt comes
        _open.add(file)
        try:
            try:
                _lock(fd, path, seconds)
            except CannotLockError:
                # Made by us, and nobody else can lock it. After any other error it may hold
                # what another process has appended meanwhile.
                if made:
                    path.unlink(missing_ok=True)
                raise
            # [PCB-APPD-007]
            # Another process may have replaced the file while this one waited: what is
            # appended to the old one would be lost.
            if is_at(fd, path):
                yield fd, made
                return
        finally:
            # A forked child's copy would keep the lock for as long as it lives.
            with contextlib.suppress(OSError), file:
                fcntl.flock(fd, fcntl.LOCK_UN)


def is_at(fd: int, path: Path) -> bool:
    """Whether the open file is the one that the path names now."""
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))
    except FileNotFoundError:
        return False


def _open_or_make(path: Path) -> tuple[int, bool]:
    while True:
        with contextlib.suppress(FileNotFoundError):
            return os.open(path, _APPENDING), False
        with contextlib.suppress(FileExistsError):
            return os.open(path, _APPENDING | os.O_CREAT | os.O_EXCL, 0o666), True


def _lock(fd: int, path: Path, seconds: float) -> None:
    """Lock, and wait for whoever holds it, but not for ever: it may be a stopped process."""
    check_regular(fd, path)
    deadline = time.monotonic() + seconds
    while True:
        try:
            # [PCB-APPD-012]
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                text = f"locked by another process for {seconds:g} seconds"
                raise OSError(error.errno, text, str(path)) from error
            time.sleep(0.002)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            text = "the file system cannot lock files; keep the file on a local one"
            raise CannotLockError(errno.ENOTSUP, text, str(path)) from error


_open: weakref.WeakSet[io.FileIO] = weakref.WeakSet()


def _let_go_in_child() -> None:
    """Put the null device in the place of each file: the number must not become another's."""
    for file in list(_open):
        if not file.closed:
            null = os.open(os.devnull, os.O_RDWR | RAW)
            os.dup2(null, file.fileno(), inheritable=False)
            os.close(null)


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_let_go_in_child)
