"""A flat directory of files that are replaced as a whole, bounded in bytes and in age."""

import contextlib
import errno
import math
import os
import re
import time
from collections.abc import Iterable

from precompile_context.files.access import (
    Chunk,
    check_regular,
    checked_path,
    without_waiting,
)
from precompile_context.files.atomic import remove_stale, replace
from precompile_context.files.private_directory import check_private

# The names that a `DirectoryPrecompileCache` gives: what is not of this shape is not a cache's.
_FILE_NAME = r"[0-9a-f]{64}\.precompile"
# What is between two looks at the whole directory, as a part of the bound. So each process
# may be wrong by this much about what others wrote.
_STEP = 16


class Directory:
    """A flat directory of files that are replaced as a whole.

    With a bound, what was not read or written for longest goes first. A reader
    at work has read all of its file or has it open: eviction is a miss to the next.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        max_bytes: int | None = None,
        max_age: float | None = None,
    ) -> None:
        """Args:
        max_bytes: of all entries together. Other processes that write at the same
            time may each go past it by a sixteenth.
        max_age: seconds since an entry was last read or written; an older one is
            not there any more.

        Raises:
            MisuseError: no directory has such a name.
            PermissionError: other users could change what is in it.
            OSError: it cannot be made.
        """
        self.path = checked_path(path, "a directory")
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        check_private(self.path)
        self._max_bytes = math.inf if max_bytes is None else max_bytes
        self._max_age = math.inf if max_age is None else max_age
        self._room = -math.inf  # bytes until the next look; the first write looks
        self._look_at = math.inf

    def read(self, name: str) -> bytes | None:
        """The file's bytes, all of one version, or None where there is none.

        Raises:
            OSError: it cannot be read, is no regular file, or has more bytes than the
                directory or the memory may hold.
        """
        try:
            return self._read(name)
        except FileNotFoundError:
            return None

    def _read(self, name: str) -> bytes | None:
        path = self.path / name
        with open(path, "rb", opener=without_waiting) as file:
            check_regular(file.fileno(), path)
            found = os.fstat(file.fileno())
            if time.time() - found.st_mtime > self._max_age:
                return None
            if found.st_size > self._max_bytes:
                raise self._too_large(found.st_size, name)
            try:
                data = file.read()
            except MemoryError:
                text = f"{found.st_size} bytes do not fit into memory"
                raise OSError(errno.ENOMEM, text, str(path)) from None
            if self._is_bounded():
                with contextlib.suppress(OSError):  # of a directory that may only be read
                    os.utime(file.fileno())
            return data

    def replace(self, name: str, chunks: Iterable[Chunk]) -> None:
        """Make the chunks the file's bytes, at once for every reader.

        Raises:
            OSError: they cannot be written, or are more than the directory may hold.
        """
        if self._is_bounded():
            chunks = list(chunks)
            self._make_room(sum(map(len, chunks)), name)
        elif self._room < 0:
            remove_stale(self.path)
            self._room = math.inf
        replace(self.path / name, chunks)

    def _is_bounded(self) -> bool:
        return min(self._max_bytes, self._max_age) < math.inf

    def _make_room(self, size: int, name: str) -> None:
        if size > self._max_bytes:
            raise self._too_large(size, name)
        self._room -= size
        if self._room < 0 or time.time() > self._look_at:
            self._evict(size)

    def _too_large(self, size: int, name: str) -> OSError:
        text = f"{size} bytes; the cache may hold {self._max_bytes}"
        return OSError(errno.EFBIG, text, str(self.path / name))

    def _evict(self, size: int) -> None:
        """Remove what is too old, and the least recently used until `size` bytes more fit in."""
        now = time.time()
        remove_stale(self.path)
        entries = sorted(self._entries())
        total = size + sum(length for _, length, _ in entries)
        # Where room must be made, a little more: the next writes need not look.
        step = self._max_bytes / _STEP
        most = self._max_bytes - (step if total > self._max_bytes else 0)
        for used, length, path in entries:
            if total <= most and now - used <= self._max_age:
                break
            with contextlib.suppress(OSError):  # another process was first, or it is not ours
                os.unlink(path)
                total -= length
        self._room = min(step, self._max_bytes - total)
        self._look_at = now + self._max_age / _STEP

    def _entries(self) -> Iterable[tuple[float, int, str]]:
        """(last used, bytes, path) of every entry. Whatever else lies here is not ours."""
        with os.scandir(self.path) as found:
            for entry in found:
                if re.fullmatch(_FILE_NAME, entry.name):
                    with contextlib.suppress(FileNotFoundError):
                        status = entry.stat(follow_symlinks=False)
                        yield status.st_mtime, status.st_size, entry.path
