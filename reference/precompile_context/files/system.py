"""What Windows lacks: the flags below, reading and writing at an offset, and owners of files."""

import errno
import os
import threading

# A file's own bytes, in a descriptor that no program started from here inherits.
RAW: int = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
# A pipe is told from a file rather than waited for.
WITHOUT_WAITING: int = getattr(os, "O_NONBLOCK", 0)
DIRECTORY: int = getattr(os, "O_DIRECTORY", 0)

# Copies of a descriptor share its position.
_positions = threading.Lock()


def read_at(fd: int, size: int, offset: int) -> bytes:
    """As much of `size` bytes from `offset` on as one call reads."""
    if hasattr(os, "pread"):
        return os.pread(fd, size, offset)
    with _positions:
        os.lseek(fd, offset, os.SEEK_SET)
        return os.read(fd, size)


def write_at(fd: int, data: memoryview, offset: int) -> int:
    """Write as much of `data` to `offset` as one call takes; how many bytes that was."""
    if hasattr(os, "pwrite"):
        return os.pwrite(fd, data, offset)
    with _positions:
        os.lseek(fd, offset, os.SEEK_SET)
        return os.write(fd, data)


def this_user(path: str | os.PathLike[str]) -> int:
    """The number that files of this user have as their owner's.

    Raises:
        PermissionError: owner and mode of the file `path` do not say who may read or
            write it here.
    """
    if hasattr(os, "geteuid"):
        return os.geteuid()
    text = "only a POSIX system says who else may read or write here"
    raise PermissionError(errno.EPERM, text, os.fspath(path))
