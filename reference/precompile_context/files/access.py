"""Open files: locked for one process, and read by ranges."""

import contextlib
import errno
import fcntl
import os
import stat
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

Chunk = bytes | memoryview

# An append holds the lock for as long as it writes: a second for a gigabyte.
LOCK_SECONDS = 60.0
APPENDING = os.O_RDWR | os.O_CLOEXEC


def open_or_make(path: Path) -> tuple[int, bool]:
    while True:
        with contextlib.suppress(FileNotFoundError):
            return os.open(path, APPENDING), False
        with contextlib.suppress(FileExistsError):
            return os.open(path, APPENDING | os.O_CREAT | os.O_EXCL, 0o666), True


def write_all(fd: int, chunk: Chunk, at: int) -> int:
    """Write the chunk at the byte `at`, however much of it one call takes; its size."""
    view = memoryview(chunk)
    done = 0
    while done < len(view):
        done += os.pwrite(fd, view[done:], at + done)
    return done


def check_regular(fd: int, path: Path) -> None:
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise OSError(errno.EINVAL, "a bundle is a regular file", str(path))


class CannotLockError(OSError):
    """The file system has no locks: appending there would lose what others append."""


def lock(fd: int, path: Path, seconds: float) -> None:
    """Lock, and wait for whoever holds it, but not for ever: it may be a stopped process.

    Raises:
        CannotLockError: nobody can lock this file.
        OSError: it is no regular file, or stayed locked for `seconds`.
    """
    check_regular(fd, path)
    deadline = time.monotonic() + seconds
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                text = f"locked by another process for {seconds:g} seconds"
                raise OSError(error.errno, text, str(path)) from error
            time.sleep(0.002)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            text = "the file system cannot lock files; keep the bundle on a local one"
            raise CannotLockError(error.errno, text, str(path)) from error


# What flock says where there are no locks: NFS without a lock daemon, FUSE, and others.
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)


@contextlib.contextmanager
def unlocked_at_end(fd: int) -> Iterator[None]:
    """Unlock and close `fd` at the end of the block; a process forked within holds no lock.

    Its copy of the descriptor would keep the file locked for as long as it lives.
    """
    _locked.add(fd)
    try:
        yield
    finally:
        _locked.discard(fd)
        try:
            fcntl.flock(fd, fcntl.LOCK_UN)
        finally:
            os.close(fd)


_locked: set[int] = set()


def _let_go_after_fork() -> None:
    """Put the null device in the place of each locked file: the number is not free for others."""
    for fd in _locked:
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        os.dup2(null, fd, inheritable=False)
        os.close(null)
    _locked.clear()


os.register_at_fork(after_in_child=_let_go_after_fork)


class BecameShorterError(OSError):
    """A writer cut the file's torn tail while it was read."""


class FileSource:
    """Ranges of an open file. Unlike a mapping, it cannot fault where the file shrinks."""

    def __init__(self, fd: int, *, owned: bool = False) -> None:
        self._fd = fd
        self.size = os.fstat(fd).st_size
        if owned:
            weakref.finalize(self, os.close, fd)

    def read(self, offset: int, size: int) -> memoryview:
        data = os.pread(self._fd, size, offset)
        while len(data) < size:
            more = os.pread(self._fd, size - len(data), offset + len(data))
            if not more:
                raise BecameShorterError(errno.EIO, "the file became shorter while it was read")
            data += more
        return memoryview(data)
