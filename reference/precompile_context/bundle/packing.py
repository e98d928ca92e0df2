"""Contents into blocks: many small ones share one, large ones have their own."""

import hashlib
import itertools
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import zstandard

from precompile_context.bundle.manifest import NONE, ZSTD

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

    def pack(self, contents: Iterable[tuple[bytes, Content]]) -> Iterator[StoredBlock]:
        """The blocks that hold the given (digest, content) pairs, compressed side by side.

        The blocks of a content that takes several come one behind another. At most two
        blocks for each worker are in memory beside the contents.
        """
        drafts = _drafts(contents)
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
                pending.append(pool.submit(_store, draft, _LEVEL_OF_MANY))
            while pending:
                yield pending.popleft().result()


def _drafts(contents: Iterable[tuple[bytes, Content]]) -> Iterator[_Draft]:
    digests: list[bytes] = []  # of what is to share a block
    pieces: list[Content] = []
    shared = 0
    for digest, content in contents:
        size = len(content)
        if size >= PROBE_SIZE and not _compresses(content):
            yield from _own_blocks(digest, content, RAW_BLOCK_CONTENT, compress=False)
        elif size > BLOCK_CONTENT:
            yield from _own_blocks(digest, content, BLOCK_CONTENT, compress=True)
        else:
            shared += size
            if shared > BLOCK_CONTENT:
                yield _Draft(True, True, digests, pieces)
                digests, pieces, shared = [], [], size
            digests.append(digest)
            pieces.append(content)
    if pieces:
        yield _Draft(True, True, digests, pieces)


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
