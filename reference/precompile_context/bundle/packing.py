"""Contents into blocks: many small ones share one, large ones have their own."""

import hashlib
import itertools
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from types import MappingProxyType

import zstandard

from precompile_context.bundle.manifest import NONE, ZSTD
from precompile_context.bundle.side_by_side import submit

# Content of a block that several contents share, or of a compressed one. The most that one zstd
# window covers, so that what artifacts have in common is stored once; reading one artifact
# decompresses this much at most.
BLOCK_CONTENT = 8 << 20
# Content of an uncompressed block, which a reader can hand out as a view.
# [PCB-LIM-006] [PCB-FRAME-014]
RAW_BLOCK_CONTENT = 64 << 20
# From this size on a content is looked at by itself, and stored as it is if it does not compress.
# Eight samples tell of random bytes, weights, text and libraries what larger ones tell.
PROBE_SIZE = 1 << 20
_SAMPLE, _SAMPLES = 8 << 10, 8
# From this size on, contents that come of one block may have one for themselves: what is smaller
# compresses worse by itself, and costs little where it is fetched in vain.
_APART = 256 << 10
# Content that waits for more of its kind.
_OPEN_AT_ONCE = 64 << 20
_WINDOW_LOG = 23
# Level 7 for a segment of one block, which takes about a tenth of a second at most. Level 3 where
# there are more: 128 MiB of what torch's caches record took 0.065 s in place of 0.31, which outruns
# a disk, and a twentieth more bytes.
_LEVEL_OF_ONE, _LEVEL_OF_MANY = 7, 3
# Threads that hash and compress; more than four outrun one writer.
WORKERS = min(4, os.cpu_count() or 1)

Content = bytes | memoryview


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """A block ready to be written.

    Attributes:
        begins: digests of the contents that begin in it.
        offsets: where, in its content.
    """

    data: Content
    digest: bytes
    compression: int
    content_size: int
    begins: Sequence[bytes]
    offsets: Sequence[int]


@dataclass(frozen=True, slots=True)
class _Draft:
    """A block to be: contents one behind another, or a part of one.

    `digests` are those of the contents that begin in it; `whole` where all of them end in it.
    """

    compress: bool
    whole: bool
    digests: list[bytes]
    pieces: list[Content]


class Packer:
    """Packs contents in their order; blocks come out in an order that depends on nothing else."""

    def __init__(self, workers: int | None = None) -> None:
        self._workers = workers or WORKERS

    def pack(
        self,
        contents: Iterable[tuple[bytes, Content]],
        came_of: Mapping[bytes, object] = MappingProxyType({}),
    ) -> Iterator[StoredBlock]:
        """The blocks that hold the given (digest, content) pairs, compressed side by side.

        `came_of` says of a digest which block it was stored in before: contents of different
        ones stay apart. It may grow while `contents` are taken.

        The blocks of a content that takes several come one behind another. At most two
        blocks for each worker are in memory beside the contents.
        """
        drafts = _drafts(contents, came_of)
        first = next(drafts, None)
        if first is None:
            return
        second = next(drafts, None)
        if second is None:  # the common small case needs no threads
            yield _store(first, _LEVEL_OF_ONE)
            return
        with ThreadPoolExecutor(self._workers) as pool:
            pending: deque[Future[StoredBlock]] = deque()
            for draft in itertools.chain((first, second), drafts):
                if len(pending) >= 2 * self._workers:
                    yield pending.popleft().result()
                pending.append(submit(pool, _store, draft, _LEVEL_OF_MANY))
            while pending:
                yield pending.popleft().result()


@dataclass(slots=True)
class _Open:
    """Contents that are to share a block."""

    digests: list[bytes] = field(default_factory=list)
    pieces: list[Content] = field(default_factory=list)
    size: int = 0

    def draft(self) -> _Draft:
        return _Draft(True, True, self.digests, self.pieces)


def _drafts(
    contents: Iterable[tuple[bytes, Content]], came_of: Mapping[bytes, object]
) -> Iterator[_Draft]:
    open_: dict[object, _Open] = {}  # by where their contents were stored before
    total = 0
    for digest, content in contents:
        size = len(content)
        if size >= PROBE_SIZE and not _compresses(content):
            yield from _own_blocks(digest, content, RAW_BLOCK_CONTENT, compress=False)
        elif size > BLOCK_CONTENT:
            yield from _own_blocks(digest, content, BLOCK_CONTENT, compress=True)
        else:
            place = came_of.get(digest)
            shared = open_.get(place)
            if shared is None:
                shared = open_[place] = _Open()
            elif shared.size + size > BLOCK_CONTENT:
                yield shared.draft()
                total -= shared.size
                shared = open_[place] = _Open()
            shared.digests.append(digest)
            shared.pieces.append(content)
            shared.size += size
            total += size
            if total > _OPEN_AT_ONCE:
                # The larger half of them, which is half of the bytes at least: not one by one,
                # since there may be very many.
                places = sorted(open_, key=lambda one: open_[one].size, reverse=True)
                closed = [open_.pop(place) for place in places[: (len(places) + 1) // 2]]
                total -= sum(one.size for one in closed)
                yield from _closed(closed)
    yield from _closed(open_.values())


def _closed(shared: Iterable[_Open]) -> Iterator[_Draft]:
    """Their blocks; several are one, where each would be too small by itself."""
    small = _Open()
    for one in shared:
        if one.size >= _APART:
            yield one.draft()
            continue
        small.digests += one.digests
        small.pieces += one.pieces
        small.size += one.size
        if small.size >= _APART:
            yield small.draft()
            small = _Open()
    if small.pieces:
        yield small.draft()


def _own_blocks(digest: bytes, content: Content, step: int, *, compress: bool) -> Iterator[_Draft]:
    view = memoryview(content)
    for start in range(0, len(view), step):
        piece = view[start : start + step]
        yield _Draft(compress, len(piece) == len(view), [] if start else [digest], [piece])


def _compresses(content: Content) -> bool:
    """Whether samples, evenly spread from start to end, shrink by a twentieth together."""
    view = memoryview(content)
    compressor = zstandard.ZstdCompressor(level=1)
    last = len(view) - _SAMPLE
    starts = [last * index // (_SAMPLES - 1) for index in range(_SAMPLES)]
    stored = sum(len(compressor.compress(view[start : start + _SAMPLE])) for start in starts)
    return stored < _SAMPLES * _SAMPLE * 19 // 20


def _store(draft: _Draft, level: int) -> StoredBlock:
    content = draft.pieces[0] if len(draft.pieces) == 1 else b"".join(draft.pieces)
    data, compression = content, NONE
    if draft.compress and (len(content) < PROBE_SIZE or _compresses(content)):
        compressed = _compressor(level, len(content)).compress(content)
        if len(compressed) < len(content):
            # [PCB-BLOCK-009]
            data, compression = compressed, ZSTD
    if compression == NONE and draft.whole and len(draft.digests) == 1:
        (digest,) = draft.digests  # the block is the content: one digest, computed once
    else:
        digest = hashlib.sha256(data).digest()
    offsets = list(itertools.accumulate(map(len, draft.pieces[:-1]), initial=0))
    return StoredBlock(data, digest, compression, len(content), draft.digests, offsets)


def _compressor(level: int, size: int) -> zstandard.ZstdCompressor:
    # [PCB-ZSTD-001]
    parameters = zstandard.ZstdCompressionParameters.from_level(
        level, source_size=size, window_log=_WINDOW_LOG
    )
    return zstandard.ZstdCompressor(compression_params=parameters)
