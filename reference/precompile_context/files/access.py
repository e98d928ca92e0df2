"""Open files: read by ranges, written whole."""

import contextlib
import errno
import os
import stat
import weakref
from pathlib import Path
from typing import Union

from precompile_context.errors import MisuseError
from precompile_context.files.system import WITHOUT_WAITING, read_at, write_at

Chunk = bytes | memoryview
# Where a file is, as a caller names it.
FilePath = Union[str, "os.PathLike[str]"]


def checked_path(path: FilePath, what: str) -> Path:
    """The path as one that a file can have.

    Raises:
        MisuseError: no file has such a name; `what` says what was to be named by it.
    """
    if isinstance(path, str | os.PathLike):
        with contextlib.suppress(ValueError, TypeError):  # half a character; a path of bytes
            name = os.fsencode(os.fspath(path))
            if name and b"\0" not in name:
                return Path(path)
    raise MisuseError(f"{what} is named by a path, not by {path!r:.80}")


# No key or certificate takes as much; /dev/zero would have no end.
_MOST_BYTES = 64 << 10


def read_some(path: Path) -> bytes:
    """The content of a small file, a key say; of a larger one its beginning.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        return file.read(_MOST_BYTES)


def write_all(fd: int, chunk: Chunk, at: int) -> int:
    """Write the chunk at the byte `at`, however much of it one call takes; its size."""
    view = memoryview(chunk)
    done = 0
    while done < len(view):
        done += write_at(fd, view[done:], at + done)
    return done


def start_writing(fd: int, at: int, size: int) -> None:
    """Have the disk begin with what was written: the sync at the end then finds little to do.

    Linux does so when told that a range is not needed; nothing is lost by it, and what is
    not on the disk yet stays in memory.
    """
    if hasattr(os, "posix_fadvise"):
        with contextlib.suppress(OSError):  # advice: a file system may not take it
            os.posix_fadvise(fd, at, size, os.POSIX_FADV_DONTNEED)


def without_waiting(path: str, flags: int) -> int:
    """An opener for `open`: a pipe is told from a file rather than waited for."""
    return os.open(path, flags | WITHOUT_WAITING)


def check_regular(fd: int, path: Path) -> None:
    """Raise OSError where what is open is a pipe, a device or a directory."""
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise OSError(errno.EINVAL, "no regular file", str(path))


class BecameShorterError(OSError):
    """A writer cut the file's torn tail while it was read."""


def _close_if_same(fd: int, file: os.stat_result) -> None:
    """Close what was opened. A program that closes what it does not know has closed it before, and
    may have a file of its own under the number.
    """
    with contextlib.suppress(OSError):
        if os.path.samestat(os.fstat(fd), file):
            os.close(fd)


class FileSource:
    """Ranges of an open file. Unlike a mapping, it cannot fault where the file shrinks."""

    def __init__(self, fd: int, *, owned: bool = False) -> None:
        self._fd = fd
        self.size = os.fstat(fd).st_size
        if owned:
            # Not at exit, where a session still reads: the system closes it then.
            weakref.finalize(self, _close_if_same, fd, os.fstat(fd)).atexit = False

    def again(self) -> "FileSource":
        """The same open file, as long as it is now."""
        return FileSource(os.dup(self._fd), owned=True)

    def is_of(self, fd: int) -> bool:
        """Whether the descriptor is of this file; while it is open, no other takes its inode."""
        return os.path.samestat(os.fstat(self._fd), os.fstat(fd))

    def read(self, offset: int, size: int) -> memoryview:
        data = read_at(self._fd, size, offset)
        while len(data) < size:
            more = read_at(self._fd, size - len(data), offset + len(data))
            if not more:
                raise BecameShorterError(errno.EIO, "the file became shorter while it was read")
            data += more
        return memoryview(data)
