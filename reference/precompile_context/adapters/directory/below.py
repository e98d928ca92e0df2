"""Files below one directory: no name and no link leads out of it.

Each step of a name is opened below the one before, and a link is not followed: what is put in
the way between a look and a write is refused by the system itself.
"""

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from precompile_context.files.private_directory import is_private
from precompile_context.files.system import this_user

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MOST_PART = 255  # bytes of a name, as file systems have it


class UnsafeNameError(ValueError):
    """A name from a bundle that is no file's below the directory."""


def parts_of(key: str) -> list[str]:
    """The parts of a relative path.

    Raises:
        UnsafeNameError: it is absolute, leads up, or holds what no name does.
    """
    # [PCB-SEC-002]
    parts = key.split("/")
    for part in parts:
        fits = len(os.fsencode(part)) <= _MOST_PART
        if part in ("", ".", "..") or "\\" in part or not part.isprintable() or not fits:
            raise UnsafeNameError(f"{key[:200]!r} is no file's name below a directory")
    return parts


def write(root: Path, key: str, content: bytes, *, mode: int, mtime_ns: int) -> bool:
    """Make the file, at once for every reader, unless one is there; whether it was made.

    Raises:
        UnsafeNameError: the name leads out of the directory.
        OSError: a link or a file is in the way, or it cannot be written.
    """
    *folders, name = parts_of(key)
    with _opened(root, folders, make=True) as folder:
        with contextlib.suppress(FileNotFoundError):
            os.stat(name, dir_fd=folder, follow_symlinks=False)
            return False
        temporary = f".{secrets.token_hex(8)}.tmp"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(temporary, flags, mode, dir_fd=folder)
        try:
            with open(fd, "wb") as file:
                file.write(content)
            os.utime(temporary, ns=(mtime_ns, mtime_ns), dir_fd=folder, follow_symlinks=False)
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary, dir_fd=folder)
            raise
    return True


def read(root: Path, key: str, most: int) -> tuple[bytes, os.stat_result]:
    """The file's bytes, and what the system says of it.

    Raises:
        OSError: it is no regular file, has more than `most` bytes, others can change it, or it
            changed meanwhile.
    """
    *folders, name = parts_of(key)
    with (
        _opened(root, folders, make=False) as folder,
        open(os.open(name, _FILE, dir_fd=folder), "rb") as file,
    ):
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_size > most:
            raise OSError(f"{key}: no regular file of at most {most} bytes")
        # What others put there would be recorded under our signature.
        if not is_private(found, this_user(root)):
            raise OSError(f"{key}: others can change it")
        content = file.read(most + 1)
        after = os.fstat(file.fileno())
    if len(content) != found.st_size or after.st_mtime_ns != found.st_mtime_ns:
        raise OSError(f"{key}: it was written meanwhile")
    return content, found


def remove(root: Path, key: str) -> None:
    """Remove the file.

    Raises:
        UnsafeNameError: the name leads out of the directory.
        OSError: it cannot be removed.
    """
    *folders, name = parts_of(key)
    with _opened(root, folders, make=False) as folder:
        os.unlink(name, dir_fd=folder)


def files(root: Path, unread: list[str]) -> Iterator[tuple[str, os.stat_result]]:
    """Every regular file below, by its name there; links are neither followed nor listed.

    To `unread` are added the folders that are there and cannot be read, "" for the root, or that
    others can change: what they put there would be recorded under our signature.
    """
    waiting, user = [""], this_user(root)
    while waiting:
        folder = waiting.pop()
        try:
            entries = sorted(os.scandir(root / folder), key=lambda entry: entry.name)
        except FileNotFoundError:  # removed meanwhile
            continue
        except OSError:
            unread.append(folder)
            continue
        for entry in entries:
            key = f"{folder}/{entry.name}" if folder else entry.name
            with contextlib.suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    ours = is_private(entry.stat(follow_symlinks=False), user)
                    (waiting if ours else unread).append(key)
                elif entry.is_file(follow_symlinks=False):
                    yield key, entry.stat(follow_symlinks=False)


@contextlib.contextmanager
def _opened(root: Path, folders: list[str], *, make: bool) -> Iterator[int]:
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for folder in folders:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(folder, 0o755, dir_fd=fd)
            below = os.open(folder, _DIRECTORY, dir_fd=fd)
            os.close(fd)
            fd = below
        yield fd
    finally:
        os.close(fd)
