"""The nearer level: a bounded directory of this user with what was read of stores, and what waits.

What was read lies there by ranges, with its own digest; what was recorded and not yet
pushed lies beside it, in files that nothing but a push removes.
"""

import contextlib
import hashlib
import json
import os
import secrets
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from precompile_context.files import Directory, check_private
from precompile_context.stores.store import Piece

# What all stores together may take on this machine's disk.
MOST_BYTES = 4 << 30
# A process that has appended nothing for so long, and lives, loses nothing if its file is pushed.
_IDLE_SECONDS = 3600.0
_SUFFIX = ".precompile"


def default_root() -> Path:
    """Where the level is unless a caller says otherwise: in the user's cache directory."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "precompile" / "stores"


class Level:
    """What one store has on this machine. A disk that is full or refuses makes it hold less."""

    def __init__(self, store: str, root: Path | None = None, most_bytes: int = MOST_BYTES) -> None:
        """`store` is the store's name, without secrets. Nothing is made before `make`."""
        self._root = root or default_root()
        self._store = hashlib.sha256(store.encode()).hexdigest()
        self._most_bytes = most_bytes
        self._read: Directory | None = None
        self._unsent = self._root / "unsent" / self._store[:32]

    def make(self) -> None:
        """Make its directories where they are not there.

        Raises:
            OSError: they cannot be made, or others could change what is in them.
        """
        self._unsent.mkdir(parents=True, exist_ok=True, mode=0o700)
        check_private(self._unsent)
        self._read = Directory(self._root / "read", max_bytes=self._most_bytes)

    def get(self, piece: Piece, offset: int, size: int) -> bytes | None:
        """These bytes of the piece, where they were put before and are whole."""
        data = self._get(self._file_name(piece, offset, size))
        return data if data is not None and len(data) == size else None

    def put(self, piece: Piece, offset: int, data: bytes) -> None:
        """Keep these bytes of the piece, if there is room."""
        self._put(self._file_name(piece, offset, len(data)), data)

    def forget(self, piece: Piece, offset: int, size: int) -> None:
        """Keep this range of the piece no longer: it was found to be damaged."""
        if self._read is not None:
            with contextlib.suppress(OSError):
                (self._read.path / self._file_name(piece, offset, size)).unlink()

    def listed(self) -> list[Piece] | None:
        """What the store listed the last time that it answered; None where that is not known."""
        data = self._get(self._file_name(Piece("listing", 0), 0, 0))
        try:
            return None if data is None else [Piece(str(n), int(s)) for n, s in json.loads(data)]
        except (ValueError, TypeError):
            return None

    def note(self, pieces: Sequence[Piece]) -> None:
        """Keep what the store listed."""
        data = json.dumps([(piece.name, piece.size) for piece in pieces]).encode()
        self._put(self._file_name(Piece("listing", 0), 0, 0), data)

    def new_file(self) -> Path:
        """The name of a file for what one process records, until it is pushed."""
        return self._unsent / f"{secrets.token_hex(16)}{_SUFFIX}"

    def give_up(self, file: Path) -> None:
        """Leave the file to whoever pushes next."""
        with contextlib.suppress(FileNotFoundError):
            file.rename(file.with_name(f"left-{file.name}"))

    def left(self) -> Iterator[Path]:
        """Files that other processes left here: could not push, or died before they could."""
        with contextlib.suppress(OSError):
            for file in sorted(self._unsent.glob(f"*{_SUFFIX}")):
                with contextlib.suppress(OSError):
                    idle = time.time() - file.stat().st_mtime
                    if file.name.startswith("left-") or idle > _IDLE_SECONDS:
                        yield file

    def _file_name(self, piece: Piece, offset: int, size: int) -> str:
        key = "\0".join((self._store, piece.name, str(piece.size), str(offset), str(size)))
        return hashlib.sha256(key.encode()).hexdigest() + _SUFFIX

    def _get(self, name: str) -> bytes | None:
        try:
            found = None if self._read is None else self._read.read(name)
        except OSError:
            return None
        if found is None or hashlib.sha256(found[32:]).digest() != found[:32]:
            return None
        return found[32:]

    def _put(self, name: str, data: bytes) -> None:
        if self._read is None:
            return
        with contextlib.suppress(OSError):
            self._read.replace(name, [hashlib.sha256(data).digest(), data])
