"""A store in memory that a test bends: slow, throttled, stalled, lossy, altered."""

import asyncio
import enum
import random
import threading
from collections.abc import Callable, Sequence

from precompile_context.stores import DeniedError, MissingPieceError, Piece, StoreError


class Fault(enum.Enum):
    """What a request meets in place of an answer, or in it."""

    DENIED = "the store refuses the caller"
    MISSING = "what was asked for is not there"
    THROTTLED = "the store asks for fewer requests"
    BROKEN = "the connection ends before the answer"
    STALLED = "the answer never comes, and the request can be cancelled"
    STUCK = "the answer does not come for seconds, and the request cannot be cancelled"
    TRUNCATED = "the answer ends too early"
    ALTERED = "a byte of the answer is another"
    LOST = "the request is done, and the answer is lost"
    LISTING_LOSES = "the listing lacks a piece"


class SimulatedStore:
    """A `Store`. Everything that it does is counted.

    Attributes:
        data: the pieces by name; a test may change them.
        latency: seconds that each request takes.
        bandwidth: bytes a second of one request's answer; None for no bound.
        late: how many listings a new piece is lacking in.
        stuck: seconds that a request which is STUCK takes, at most.
        unstuck: set, such requests go on.
        fault: asked before each request, with its kind ("list", "read", "put", "delete")
            and its number from 0 on; what the request meets, None for nothing.
        requests: how many there were, by kind.
        received, sent: bytes of pieces.
    """

    name = "simulated://store"
    writable = True

    def __init__(
        self,
        *,
        latency: float = 0.0,
        bandwidth: float | None = None,
        late: int = 0,
        stuck: float = 3.0,
        fault: Callable[[str, int], Fault | None] = lambda kind, number: None,
        seed: int = 0,
    ) -> None:
        self.data: dict[str, bytes] = {}
        self.latency = latency
        self.bandwidth = bandwidth
        self.late = late
        self.stuck = stuck
        self.unstuck = threading.Event()
        self.fault = fault
        self.requests: dict[str, int] = {"list": 0, "read": 0, "put": 0, "delete": 0}
        self.received = self.sent = 0
        self._hidden: dict[str, int] = {}
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    async def pieces(self) -> Sequence[Piece]:
        """Those that the listing does not lack."""
        fault = await self._begin("list")
        with self._lock:
            listed = []
            for name, data in self.data.items():
                if self._hidden.get(name, 0) > 0:
                    self._hidden[name] -= 1
                else:
                    listed.append(Piece(name, len(data)))
            if fault is Fault.LISTING_LOSES and listed:
                listed.pop(self._random.randrange(len(listed)))
            self._random.shuffle(listed)
        return listed

    async def read(self, piece: Piece, offset: int, size: int) -> bytes:
        """The bytes, as far as the fault lets them through."""
        fault = await self._begin("read", size)
        with self._lock:
            if piece.name not in self.data:
                raise MissingPieceError(f"piece {piece.name} is not there")
            data = self.data[piece.name][offset : offset + size]
            if fault is Fault.TRUNCATED:
                data = data[: len(data) // 2]
            if fault is Fault.ALTERED and data:
                at = self._random.randrange(len(data))
                data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
            self.received += len(data)
        return data

    async def put(self, name: str, data: bytes) -> bool:
        """Put it, where it is not there; lost answers come after."""
        fault = await self._begin("put", len(data))
        with self._lock:
            is_new = name not in self.data
            if is_new:
                self.data[name] = bytes(data)
                self._hidden[name] = self.late
            self.sent += len(data)
        if fault is Fault.LOST:
            raise StoreError("the connection ended before the answer")
        return is_new

    async def delete(self, name: str) -> None:
        """Take it away."""
        fault = await self._begin("delete")
        with self._lock:
            self.data.pop(name, None)
        if fault is Fault.LOST:
            raise StoreError("the connection ended before the answer")

    async def _begin(self, kind: str, size: int = 0) -> Fault | None:
        with self._lock:
            number = sum(self.requests.values())
            self.requests[kind] += 1
            fault = self.fault(kind, number)
        await asyncio.sleep(self.latency + (size / self.bandwidth if self.bandwidth else 0.0))
        if fault is Fault.STALLED:
            await asyncio.Event().wait()
        if fault is Fault.STUCK:
            self.unstuck.wait(self.stuck)
        if fault is Fault.DENIED:
            raise DeniedError("the store refuses the caller")
        if fault is Fault.MISSING:
            raise MissingPieceError("what was asked for is not there")
        if fault in (Fault.THROTTLED, Fault.BROKEN):
            raise StoreError(fault.value)
        return fault
