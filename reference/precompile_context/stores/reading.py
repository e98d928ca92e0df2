"""What a store holds as one bundle: its pieces one behind another, read lazily by ranges."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from precompile_context.bundle import (
    DEFAULT_LIMITS,
    Bundle,
    ByteSource,
    JoinedSource,
    Limits,
    StoredArtifact,
)
from precompile_context.errors import PrecompileError
from precompile_context.stores.level import Level
from precompile_context.stores.ranges import RangeSource, Traffic
from precompile_context.stores.store import MissingPieceError, Piece, Store, StoreError
from precompile_context.stores.waiting import Patience
from precompile_context.trust import TrustPolicy

# Up to here a piece is asked for as a whole: its index would be most of it, or another request.
WHOLE_BYTES = 1 << 20
# What is read of the end of a larger one: the footer and nearly all manifests.
TAIL_BYTES = 128 << 10
# What is read of its beginning: the header.
HEAD_BYTES = 64
# Ranges with no more than so much between them are asked for as one.
GAP_BYTES = 64 << 10
# Requests at one time. Stores take more; a program's other work needs some, too.
REQUESTS = 16
_DIGEST = re.compile(r"[0-9a-f]{64}")


def is_digest(name: str) -> bool:
    """Whether a piece's name is a bundle digest; else it is an object that somebody named."""
    return _DIGEST.fullmatch(name) is not None


@dataclass(frozen=True)
class LeftOut:
    """A piece that is not part of what was read, and why, in a sentence."""

    piece: str
    reason: str


@dataclass
class Reading:
    """A store as it was read.

    Attributes:
        bundle: the union of all pieces that could be read and are trusted; None without one.
        pieces: those, in the order of the norm.
        left_out: the others.
        fault: why the store itself did not answer; None where it did.
        traffic: grows while content is read.
    """

    bundle: Bundle | None
    pieces: tuple[Piece, ...]
    left_out: tuple[LeftOut, ...]
    fault: str | None
    traffic: Traffic
    _sources: tuple[tuple[int, ByteSource], ...]
    _patience: Patience

    def prefetch(self, artifacts: Iterable[StoredArtifact]) -> None:
        """Have their content here, in few requests, side by side.

        Raises:
            StoreError: not all of it came; what did is here.
        """
        runs = [run for run in self._runs(artifacts) if any(run[0].gaps(run[1], run[2]))]
        if runs:
            works = [partial(source.fetch, start, end) for source, start, end in runs]
            self._patience.wait(_all(works))

    def needs(self, artifacts: Iterable[StoredArtifact]) -> int:
        """How many bytes `prefetch` would move: those that neither memory nor the level has."""
        return sum(
            end - start
            for source, first, last in self._runs(artifacts)
            for start, end in source.missing(first, last)
        )

    def forget(self, artifact: StoredArtifact) -> None:
        """Its content is damaged: the nearer level is not to have it for the next process."""
        for source, start, end in self._places([artifact]):
            source.forget(start, end)

    def _places(self, artifacts: Iterable[StoredArtifact]) -> set[tuple[RangeSource, int, int]]:
        assert self.bundle is not None
        places = set()
        for artifact in artifacts:
            segment = self.bundle.segments[artifact.segment]
            for index in self.bundle.blocks(artifact):
                offset, size = segment.blocks[index].offset, segment.blocks[index].size
                base, source = max(
                    (part for part in self._sources if part[0] <= offset), key=lambda part: part[0]
                )
                if isinstance(source, RangeSource):
                    places.add((source, offset - base, offset - base + size))
        return places

    def _runs(self, artifacts: Iterable[StoredArtifact]) -> list[tuple[RangeSource, int, int]]:
        """The ranges of their blocks, those that lie close together as one."""
        runs: list[tuple[RangeSource, int, int]] = []
        for source, start, end in sorted(
            self._places(artifacts), key=lambda place: (id(place[0]), place[1])
        ):
            if runs and runs[-1][0] is source and start - runs[-1][2] <= GAP_BYTES:
                runs[-1] = source, runs[-1][1], max(end, runs[-1][2])
            else:
                runs.append((source, start, end))
        return runs


def read_store(
    store: Store,
    *,
    policy: TrustPolicy,
    patience: Patience,
    level: Level | None = None,
    local: Sequence[ByteSource] = (),
    limits: Limits = DEFAULT_LIMITS,
) -> Reading:
    """Open all pieces of a store; reads indexes alone, and small pieces whole.

    A piece that is gone, damaged, of a stranger or does not come is left out, and said.
    `local` are bundles that are not pushed yet; they stand behind the pieces. A store that
    does not answer is read as far as the nearer level has it.

    Raises:
        PrecompileError: the pieces together go past the limits.
    """
    traffic = Traffic()
    opener = _Opener(store, level, patience, traffic)
    fault = None
    try:
        patience.wait(opener.list_and_fetch())
    except StoreError as error:
        fault = str(error)
        opener.settle_for_level()
    opened: list[tuple[Piece, ByteSource, Bundle]] = []
    left_out = []
    # [STORE-002]
    for piece, source in sorted(opener.sources.items()):
        try:
            if reason := opener.faults.get(piece):
                raise StoreError(reason)
            bundle = Bundle.open(source, policy=policy, limits=limits)
            # [STORE-003]
            if is_digest(piece.name) and bundle.digest.hex() != piece.name:
                raise StoreError(f"its bundle digest is {bundle.digest.hex()}: it was altered")
        except (PrecompileError, StoreError) as error:
            left_out.append(LeftOut(piece.name, str(error)))
        else:
            opened.append((piece, source, bundle))
    for one in local:
        try:
            bundle = Bundle.open(one, policy=policy, limits=limits, recover=True)
        except PrecompileError as error:
            left_out.append(LeftOut("what was not pushed yet", str(error)))
        else:
            opened.append((Piece("", bundle.size), one, bundle))
    union = _union(opened, policy, limits)
    bases: list[tuple[int, ByteSource]] = []
    base = 0
    for piece, there, _ in opened:
        bases.append((base, there))
        base += piece.size
        if isinstance(there, RangeSource):
            there.keeps = False
    return Reading(
        union,
        tuple(piece for piece, _, _ in opened if piece.name),
        tuple(left_out),
        fault,
        traffic,
        tuple(bases),
        patience,
    )


def _union(
    opened: list[tuple[Piece, ByteSource, Bundle]], policy: TrustPolicy, limits: Limits
) -> Bundle | None:
    # [STORE-004]
    if not opened:
        return None
    if len(opened) == 1:
        return opened[0][2]
    joined = JoinedSource([(source, 0, piece.size) for piece, source, _ in opened])
    return Bundle.open(joined, policy=policy, limits=limits)


class _Opener:
    """Lists a store and fetches what its pieces are opened with."""

    def __init__(
        self, store: Store, level: Level | None, patience: Patience, traffic: Traffic
    ) -> None:
        self.sources: dict[Piece, RangeSource] = {}
        self.faults: dict[Piece, str] = {}
        self._store = store
        self._level = level
        self._patience = patience
        self._traffic = traffic

    async def list_and_fetch(self) -> None:
        """List, then fetch; once more where a piece is gone: it was replaced meanwhile."""
        # [STORE-005]
        await self._list()
        if await self._fetch_all():
            self.sources = {p: s for p, s in self.sources.items() if p not in self.faults}
            self.faults = {}
            await self._list()
            await self._fetch_all()

    def settle_for_level(self) -> None:
        """The store did not answer in time: what has come counts, and what the level has."""
        if not self.sources and self._level is not None:
            for piece in self._level.listed() or ():
                self._add(piece)
        for piece, source in self.sources.items():
            if not all(source.take_nearer(start, end) for start, end in _first_ranges(piece)):
                self.faults.setdefault(piece, "the store did not answer in time")

    async def _list(self) -> None:
        self._traffic.requests += 1
        pieces = sorted(set(await self._store.pieces()))
        if self._level is not None:
            self._level.note(pieces)
        for piece in pieces:
            if piece not in self.sources:
                self._add(piece)

    def _add(self, piece: Piece) -> None:
        # What a person named may be replaced; what is named by its digest may not.
        level = self._level if is_digest(piece.name) else None
        self.sources[piece] = RangeSource(
            self._store, piece, level=level, patience=self._patience, traffic=self._traffic
        )

    async def _fetch_all(self) -> bool:
        """Fetch what each piece is opened with; whether one was gone."""
        gone = False

        async def fetch(piece: Piece, source: RangeSource) -> None:
            nonlocal gone
            try:
                for start, end in _first_ranges(piece):
                    await source.fetch(start, end)
            except MissingPieceError as error:
                gone = True
                self.faults[piece] = str(error)
            except StoreError as error:
                self.faults[piece] = str(error)

        await _all(partial(fetch, piece, source) for piece, source in self.sources.items())
        return gone


def _first_ranges(piece: Piece) -> list[tuple[int, int]]:
    if piece.size <= WHOLE_BYTES:
        return [(0, piece.size)]
    return [(piece.size - TAIL_BYTES, piece.size), (0, HEAD_BYTES)]


async def _all(works: Iterable[Callable[[], Awaitable[None]]]) -> None:
    """Do all, some side by side; the first that fails is raised when the others have ended."""
    places = asyncio.Semaphore(REQUESTS)

    async def one(work: Callable[[], Awaitable[None]]) -> None:
        async with places:
            await work()

    for result in await asyncio.gather(*map(one, works), return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
