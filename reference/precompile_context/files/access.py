"""Open files: locked for one process, and read by ranges."""

import contextlib
import errno
import fcntl
import os
import stat
import time
import weakref
from pathlib import Path

# An append holds the lock for as long as it writes: a second for a gigabyte.
LOCK_SECONDS = 60.0
APPENDING = os.O_RDWR | os.O_CLOEXEC


def open_or_make(path: Path) -> tuple[int, bool]:
    while True:
        with contextlib.suppress(FileNotFoundError):
            return os.open(path, APPENDING), False
        with contextlib.suppress(FileExistsError):
            return os.open(path, APPENDING | os.O_CREAT | os.O_EXCL, 0o666), True


def check_regular(fd: int, path: Path) -> None:
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise OSError(errno.EINVAL, "a bundle is a regular file", str(path))


def lock(fd: int, path: Path, seconds: float) -> None:
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
            raise _lock_fault(error, path) from error


def _lock_fault(error: OSError, path: Path) -> OSError:
    if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
        return error
    text = "the file system cannot lock files; keep the bundle on a local one"
    return OSError(error.errno, text, str(path))


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
