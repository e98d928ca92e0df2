"""Files that are replaced as a whole: readers see the old one or the new one."""

import contextlib
import errno
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from precompile_context.files.access import Chunk, write_all
from precompile_context.files.system import DIRECTORY, RAW

# Nobody writes for an hour and pauses between two chunks for another: its process died.
_STALE_SECONDS = 3600.0
# As many characters of a file's name as fit into a name with 18 more bytes.
_NAME_PART = 48


def replace(
    path: Path, chunks: Iterable[Chunk], *, mode: int | None = None, sync: bool = True
) -> None:
    """Write a file beside `path`, sync it and put it in its place; readers see old or new.

    A symbolic link stays, its target is replaced. Without `mode`, the umask decides. Without
    `sync`, a machine that loses power may lose both: for what nobody needs then.

    Raises:
        OSError: something else than a regular file is there, or it cannot be written.
    """
    path = Path(os.path.realpath(path)) if path.is_symlink() else path
    if path.exists() and not path.is_file():  # a device or a pipe must not give way to a file
        raise OSError(errno.EINVAL, "no regular file", str(path))
    temporary = path.with_name(f".{path.name[:_NAME_PART]}.{secrets.token_hex(8)}")
    with naming(path):
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | RAW, 0o666)
    try:
        try:
            if mode is not None:  # before the first byte is there to be read
                os.fchmod(fd, mode)
            at = 0
            for chunk in chunks:  # which may fail to be read: that is not this file's error
                with naming(path):
                    at += write_all(fd, chunk, at)
            if sync:
                with naming(path):
                    os.fsync(fd)
        finally:
            os.close(fd)
        # [PCB-APPD-009]
        with naming(path):
            os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if sync:
        sync_directory(path.parent)


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an error name the file that is wanted: not a temporary one, and not none."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # a text alone, which would be lost; no call of the system's
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def is_temporary(name: str, of: str | None = None) -> bool:
    """Whether `replace` gives such names to what it has not finished, of the file `of` or any."""
    part = re.escape(of[:_NAME_PART]) if of else rf".{{1,{_NAME_PART}}}"
    return re.fullmatch(rf"\.{part}\.[0-9a-f]{{16}}", name, re.DOTALL) is not None


def is_stale(temporary: os.DirEntry[str]) -> bool:
    """Whether the process that wrote the temporary file has died, as far as one can tell."""
    return time.time() - temporary.stat(follow_symlinks=False).st_mtime > _STALE_SECONDS


def remove_stale(directory: Path, of: str | None = None) -> None:
    """Remove what killed processes left of their `replace` of the file `of`, or of any here."""
    with contextlib.suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            if is_temporary(entry.name, of) and is_stale(entry):
                os.unlink(entry)


# What file systems answer that cannot sync a directory, and where it may not be read.
_NO_DIRECTORY_SYNC = (errno.EINVAL, errno.EOPNOTSUPP, errno.EACCES, errno.EBADF)


def sync_directory(path: Path) -> None:
    """Make a new name last through a power cut, where the file system can."""
    try:
        fd = os.open(path, os.O_RDONLY | DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        if error.errno not in _NO_DIRECTORY_SYNC:
            raise
