"""A disk that loses what was not synced: what a power cut at any moment may leave of a folder.

The disk writes sectors of 512 bytes whole, in any order. Between two syncs of a file
each sector may be as it was after any of the writes since, the file's length too; of
names, likewise, between two syncs of their directory. No journal makes it better.
"""

import os
import random
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SECTOR = 512
# All calls of os by which the package changes a folder.
CALLS = ("open", "pwrite", "ftruncate", "fsync", "fchmod", "replace", "unlink", "utime")


@dataclass(frozen=True)
class Moment:
    """A moment at which the power may fail, and what was acknowledged until then."""

    call: str
    names: tuple[dict[str, int], ...]  # versions since the directory's sync, as name to inode
    files: dict[int, tuple[bytes, ...]]  # versions since each file's sync
    acknowledged: Any

    def left(self, choose: random.Random) -> dict[str, bytes]:
        """Name and bytes of the files that the disk holds afterwards: one of all possibilities."""
        names = choose.choice(self.names)
        return {name: _mixed(self.files[inode], choose) for name, inode in names.items()}


def _mixed(versions: tuple[bytes, ...], choose: random.Random) -> bytes:
    # Nothing, all, or the last write alone are likelier than chance would have it.
    likely = choose.choice([None, None, None, versions[0], versions[-1]])
    size = len(choose.choice(versions))
    data = b""
    for at in range(0, size, SECTOR):
        version = likely if likely and choose.random() < 0.8 else choose.choice(versions)
        data += version[at : at + SECTOR].ljust(SECTOR, b"\0")
    return data[:size]


class Disk:
    """Records moments while the program works on the files of one flat folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: dict[int, int] = {}  # open descriptors, so that no inode is used again
        self._files: dict[int, tuple[bytes, ...]] = {}
        self._names: tuple[dict[str, int], ...] = ({},)
        self.acknowledged: Any = None
        self.moments: list[Moment] = []

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Record a moment after each call of os that changes the folder."""
        self._look()
        self._files = {inode: versions[-1:] for inode, versions in self._files.items()}
        self._names = self._names[-1:]
        for name in CALLS:
            monkeypatch.setattr(os, name, self._watched(name, getattr(os, name)))

    def _watched(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*arguments: Any, **options: Any) -> Any:
            result = call(*arguments, **options)
            self._look()
            if name == "fsync":
                self._sync(arguments[0])
            moment = Moment(name, self._names, dict(self._files), self.acknowledged)
            if not self.moments or moment != self.moments[-1]:
                self.moments.append(moment)
            return result

        return watched

    def _look(self) -> None:
        """Take what is new of each file's bytes, and of the names."""
        names = {}
        with os.scandir(self._folder) as entries:
            for entry in entries:
                inode = names[entry.name] = entry.inode()
                if inode not in self._kept:
                    self._kept[inode] = _open(entry.path, os.O_RDONLY)
                    self._files[inode] = (b"",)
        for inode, fd in self._kept.items():
            data = os.pread(fd, os.fstat(fd).st_size, 0)
            if data != self._files[inode][-1]:
                self._files[inode] += (data,)
        if names != self._names[-1]:
            self._names += (names,)

    def _sync(self, fd: int) -> None:
        status = os.fstat(fd)
        if stat.S_ISDIR(status.st_mode):
            self._names = self._names[-1:]
        else:
            self._files[status.st_ino] = self._files[status.st_ino][-1:]

    def close(self) -> None:
        """Let go of the files."""
        for fd in self._kept.values():
            os.close(fd)


_open = os.open
