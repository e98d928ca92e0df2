"""A piece read by ranges: from memory, from the nearer level, or from the store."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

from precompile_context.stores.level import Level
from precompile_context.stores.store import Piece, Store, StoreError
from precompile_context.stores.waiting import Patience


@dataclass
class Traffic:
    """What was moved between a store and this process; requests that failed count, too.

    Attributes:
        requests: listings among them.
        received: bytes of pieces that came.
        sent: bytes of pieces that went.
    """

    requests: int = 0
    received: int = 0
    sent: int = 0


class RangeSource:
    """A ByteSource over one piece. Safe for threads.

    Attributes:
        size: bytes of the piece.
        keeps: whether what is read stays in memory: indexes, which are read again.
    """

    def __init__(
        self,
        store: Store,
        piece: Piece,
        *,
        level: Level | None,
        patience: Patience,
        traffic: Traffic,
    ) -> None:
        self.size = piece.size
        self.keeps = True
        self._store = store
        self._piece = piece
        self._level = level
        self._patience = patience
        self._traffic = traffic
        self._parts: list[tuple[int, bytes]] = []  # sorted, none overlaps another
        self._in_level: set[tuple[int, int]] = set()
        self._lock = threading.Lock()

    def read(self, offset: int, size: int) -> memoryview:
        """The bytes; what is not here is fetched, as far as the program's patience goes.

        Raises:
            StoreError: it did not come.
        """
        parts = self._parts
        for start, data in parts:  # most often all lies in one
            if start <= offset and offset + size <= start + len(data):
                return memoryview(data)[offset - start : offset - start + size]
        fetched = []
        for start, end in self.gaps(offset, offset + size):
            near = self._nearer(start, end)
            if near is None:
                near = self._patience.wait(self._farther(start, end))
            fetched.append((start, near))
            if self.keeps:
                self._add(start, near)
        return memoryview(_joined([*parts, *fetched], offset, offset + size))

    def gaps(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """What is not in memory of these bytes, as ranges in order."""
        for first, data in list(self._parts):
            if first + len(data) <= start:
                continue
            if first >= end:
                break
            if start < first:
                yield start, first
            start = max(start, first + len(data))
        if start < end:
            yield start, end

    def missing(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """What neither memory nor the nearer level has of these bytes."""
        for gap in self.gaps(start, end):
            if self._nearer(*gap) is None:
                yield gap

    def take_nearer(self, start: int, end: int) -> bool:
        """Have these bytes in memory, as far as the nearer level has them; whether all are."""
        for gap in list(self.gaps(start, end)):
            data = self._nearer(*gap)
            if data is None:
                return False
            self._add(gap[0], data)
        return True

    async def fetch(self, start: int, end: int) -> None:
        """Have these bytes in memory.

        Raises:
            StoreError: they did not come.
        """
        for gap in list(self.gaps(start, end)):
            data = self._nearer(*gap)
            self._add(gap[0], await self._farther(*gap) if data is None else data)

    def forget(self, start: int, end: int) -> None:
        """These bytes were found to be damaged: the next process is not to find them nearer."""
        for first, last in list(self._in_level):
            if self._level is not None and first < end and start < last:
                self._level.forget(self._piece, first, last - first)

    def _nearer(self, start: int, end: int) -> bytes | None:
        data = None if self._level is None else self._level.get(self._piece, start, end - start)
        if data is not None:
            self._in_level.add((start, end))
        return data

    async def _farther(self, start: int, end: int) -> bytes:
        self._traffic.requests += 1
        data = await self._store.read(self._piece, start, end - start)
        self._traffic.received += len(data)
        if len(data) != end - start:
            raise StoreError(f"the store gave {len(data)} bytes of the {end - start} asked for")
        if self._level is not None:
            self._level.put(self._piece, start, data)
            self._in_level.add((start, end))
        return data

    def _add(self, start: int, data: bytes) -> None:
        with self._lock:
            if list(self.gaps(start, start + len(data))) == [(start, start + len(data))]:
                self._parts = sorted([*self._parts, (start, data)], key=lambda part: part[0])


def _joined(parts: list[tuple[int, bytes]], start: int, end: int) -> bytes:
    """The bytes from `start` to `end`, all of which the parts have."""
    pieces = []
    for first, data in sorted(parts, key=lambda part: part[0]):
        if start < end and first <= start < first + len(data):
            pieces.append(data[start - first : end - first])
            start += len(pieces[-1])
    return b"".join(pieces)
