"""Files that are replaced as a whole: readers see the old one or the new one."""

import errno
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from precompile_context.files.private_directory import check_private

Chunk = bytes | memoryview


class Directory:
    """A flat directory of files that are replaced as a whole."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """The directory is made where there is none.

        Raises:
            PermissionError: other users could change what is in it.
            OSError: it cannot be made.
        """
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        check_private(self.path)

    def read(self, name: str) -> bytes | None:
        """The file's bytes, all of one version, or None where there is none."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None

    def replace(self, name: str, chunks: Iterable[Chunk]) -> None:
        """Make the chunks the file's bytes, at once for every reader."""
        replace(self.path / name, chunks)


def replace(path: Path, chunks: Iterable[Chunk], *, mode: int | None = None) -> None:
    """Write a file beside `path`, sync it and put it in its place; readers see old or new.

    A symbolic link stays, its target is replaced. Without `mode`, the umask decides.

    Raises:
        OSError: something else than a regular file is there, or it cannot be written.
    """
    path = Path(os.path.realpath(path)) if path.is_symlink() else path
    if path.exists() and not path.is_file():  # a device or a pipe must not give way to a file
        raise OSError(errno.EINVAL, "no regular file", str(path))
    temporary = path.with_name(f".{path.name[:64]}.{secrets.token_hex(8)}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(fd, "wb") as file:
            file.writelines(chunks)
            file.flush()
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        # [PCB-APPD-009]
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make a new name last through a power cut."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
