"""Content out of blocks: verified against both digests, within the limits."""

import hashlib
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate

from precompile_context.bundle import blocks
from precompile_context.bundle.limits import Limits
from precompile_context.bundle.manifest import NONE
from precompile_context.bundle.packing import PROBE_SIZE
from precompile_context.bundle.segment import Segment
from precompile_context.bundle.source import ByteSource
from precompile_context.bundle.stored import BlockEntry, StoredArtifact
from precompile_context.bundle.table import ArtifactTable
from precompile_context.bundle.validate import BlockPlace
from precompile_context.errors import ErrorCode, PrecompileError
from precompile_context.locks import WorkLock

# Contents that share a block are read one after another, and what is stored once for many is come
# back to. So a block is kept until the next one is read, and longer where it was come back to: as
# many bytes of such as this, those with the fewest visits going first.
_KEPT_BYTES = 16 << 20
_sha256 = hashlib.sha256
_NOTHING = -1, -1, memoryview(b"")


class ContentReader:
    """Hands out the content of a bundle's artifacts. Safe for threads."""

    def __init__(self, source: ByteSource, segments: tuple[Segment, ...], limits: Limits) -> None:
        self._source = source
        self._segments = segments
        self._limits = limits
        self._most = min(limits.artifact_content, limits.total_decompressed)
        self._decompressed = 0
        self._kept: dict[int, memoryview] = {}
        self._visits: Counter[int] = Counter()  # to each block, by its offset
        # The block that was read last, by segment and index, and its content.
        self._last: tuple[int, int, memoryview] = _NOTHING
        self._lock = WorkLock()

    def read(self, artifact: StoredArtifact) -> bytes:
        """The whole content. What is checked is the copy that is handed out."""
        _, _, _, digest, size, block, offset, _, _, segment = artifact
        at, index, data = self._last
        end = offset + size
        # Most often it lies in the block that was read last.
        if index == block and at == segment and 0 < size <= self._most and end <= len(data):
            content = bytes(data[offset:end])
        else:
            content = self._read(artifact)
        # [PCB-CONT-001]
        if _sha256(content).digest() != digest:
            raise self._mismatch(artifact)
        return content

    def read_row(self, segment: int, row: int) -> bytes:
        """As `read` of the artifact in that row; none is made where it is like the one before."""
        table = self._segments[segment].manifest.artifacts
        at, index, data = self._last
        offset, size = table.offset[row], table.content_size[row]
        end = offset + size
        if (
            index == table.block[row]
            and at == segment
            and 0 < size <= self._most
            and end <= len(data)
        ):
            content = bytes(data[offset:end])
            if _sha256(content).digest() == table.digest(row):
                return content
        return self.read(table.artifact(row))

    def _read(self, artifact: StoredArtifact) -> bytes:
        """The content, its own digest left to the caller."""
        if artifact.content_size > self._most:
            raise self._too_large(artifact)
        if self._is_whole_raw_block(artifact):
            return bytes(self._raw(artifact))
        return b"".join(self._pieces(artifact))

    def view(self, artifact: StoredArtifact) -> memoryview:
        """The content without a copy where it is one uncompressed range of the source."""
        if not self._is_whole_raw_block(artifact):
            return memoryview(self.read(artifact))
        # [PCB-CONT-006]
        content = self._raw(artifact)
        if hashlib.sha256(content).digest() != artifact.content_digest:
            raise self._mismatch(artifact)
        return content

    def stream(self, artifact: StoredArtifact) -> Iterator[memoryview]:
        """The content piece by piece; the digest is checked after the last one."""
        self._check_size(artifact)
        digest = hashlib.sha256()
        for piece in self._pieces(artifact):
            digest.update(piece)
            yield piece
        if digest.digest() != artifact.content_digest:
            raise self._mismatch(artifact)

    def has_own_blocks(self, artifact: StoredArtifact) -> bool:
        """Whether the content is large, and split or uncompressed, and alone in its blocks."""
        if artifact.content_size < PROBE_SIZE or artifact.offset:
            return False
        first = self._segments[artifact.segment].manifest.blocks[artifact.block]
        return artifact.content_size > first.content_size or (
            artifact.content_size == first.content_size and first.compression == NONE
        )

    def own_blocks(self, artifact: StoredArtifact) -> Iterator[tuple[BlockEntry, memoryview]]:
        """Each block's entry and stored data; the content's digest is checked after the last."""
        self._check_size(artifact)
        segment = self._segments[artifact.segment]
        digest = hashlib.sha256()
        for block in self.blocks(artifact):
            entry, place = segment.manifest.blocks[block], segment.blocks[block]
            data, content = self._stored(entry, place)
            digest.update(content)
            yield entry, data
        if digest.digest() != artifact.content_digest:
            raise self._mismatch(artifact)

    def release(self) -> None:
        """Let go of the blocks that are kept for the next read."""
        with self._lock:
            self._kept.clear()
            self._last = _NOTHING

    def verify(self, segment: Segment, progress: Callable[[int], None]) -> None:
        """Read every own block of the segment and every artifact's content."""
        # [PCB-CONT-007]
        table, entries = segment.manifest.artifacts, segment.manifest.blocks
        due = _by_last_block(table, entries)
        for index in range(-1, len(entries)):
            if index >= 0 and entries[index].size:
                self._block(segment, index)
                progress(entries[index].size)
            digests: dict[tuple[int, int, int], bytes] = {}  # of what lies at each place
            for row in due.get(index, ()):
                artifact = table.artifact(row)
                self._check_size(artifact)
                # A raw block that is one content was checked as a block just now.
                if self._is_whole_raw_block(artifact):
                    continue
                place = artifact.block, artifact.offset, artifact.content_size
                # [PCB-CONT-008]
                if place not in digests:
                    digests[place] = self._digest(artifact)
                if digests[place] != artifact.content_digest:
                    raise self._mismatch(artifact)

    def _digest(self, artifact: StoredArtifact) -> bytes:
        digest = hashlib.sha256()
        for piece in self._pieces(artifact):
            digest.update(piece)
        return digest.digest()

    def _check_size(self, artifact: StoredArtifact) -> None:
        if artifact.content_size > self._limits.total_decompressed:
            raise self._too_large(artifact)

    def _too_large(self, artifact: StoredArtifact) -> PrecompileError:
        """Content that names one small block over and over to become large."""
        # [PCB-LIM-003]
        detail = f"{artifact.type} {artifact.key!r} claims {artifact.content_size} bytes"
        offset = self._segments[artifact.segment].manifest_offset
        return PrecompileError(ErrorCode.LIMIT_EXCEEDED, detail, offset)

    def _is_whole_raw_block(self, artifact: StoredArtifact) -> bool:
        """Whether block and content are the same bytes, with one digest for both."""
        if not artifact.content_size:
            return False
        entry = self._segments[artifact.segment].manifest.blocks[artifact.block]
        return (
            entry.compression == NONE
            and artifact.content_size == entry.content_size
            and artifact.content_digest == entry.digest
        )

    def _raw(self, artifact: StoredArtifact) -> memoryview:
        """The data of an uncompressed block, its digest left to the caller."""
        segment = self._segments[artifact.segment]
        entry, place = segment.manifest.blocks[artifact.block], segment.blocks[artifact.block]
        self._spend(entry.content_size, place.offset)
        data = blocks.stored_data(self._source, place, entry)
        return blocks.content_of(data, entry, place.offset)

    def blocks(self, artifact: StoredArtifact) -> Iterator[int]:
        """The indexes of the blocks that the content lies in, in order."""
        entries = self._segments[artifact.segment].manifest.blocks
        block, left = artifact.block, artifact.offset + artifact.content_size
        while left > 0:
            yield block
            left -= entries[block].content_size
            block += 1

    def _pieces(self, artifact: StoredArtifact) -> Iterator[memoryview]:
        if not artifact.content_size:
            return
        segment, offset = self._segments[artifact.segment], artifact.offset
        end = offset + artifact.content_size
        for index in self.blocks(artifact):  # if there are several, each is whole
            yield self._block(segment, index)[offset:end]

    def _mismatch(self, artifact: StoredArtifact) -> PrecompileError:
        segment = self._segments[artifact.segment]
        offset = segment.manifest_offset
        if artifact.content_size:
            offset = segment.blocks[artifact.block].offset
        detail = f"the content of {artifact.type} {artifact.key!r} is not that of its digest"
        return PrecompileError(ErrorCode.DIGEST_MISMATCH, detail, offset)

    def _block(self, segment: Segment, index: int) -> memoryview:
        entry, place = segment.manifest.blocks[index], segment.blocks[index]
        with self._lock:
            if self._last[:2] != (segment.index, index):
                self._visits[place.offset] += 1
            content = self._kept.get(place.offset)
            if content is None:
                self._make_room(entry.content_size)
        if content is None:
            _, content = self._stored(entry, place)
        with self._lock:
            if place.offset not in self._kept:  # another thread may have read it meanwhile
                self._make_room(len(content))
                self._kept[place.offset] = content
            self._last = segment.index, index, content
        return content

    def _make_room(self, size: int) -> None:
        """Let go of blocks, so that with one of `size` bytes no more are kept than may be."""
        left = sum(map(len, self._kept.values()))
        for offset in sorted(self._kept, key=self._visits.__getitem__):
            if self._visits[offset] == 1 or left + size > _KEPT_BYTES:
                left -= len(self._kept.pop(offset))
                self._last = _NOTHING  # it may have been this one

    def _stored(self, entry: BlockEntry, place: BlockPlace) -> tuple[memoryview, memoryview]:
        """A block's data as it is stored, and its content, both verified."""
        # [PCB-CONT-005]
        self._spend(entry.content_size, place.offset)
        data = blocks.stored_data(self._source, place, entry)
        blocks.check_digest(data, entry, place.offset)
        return data, blocks.content_of(data, entry, place.offset)

    def _spend(self, size: int, offset: int) -> None:
        # What is refused does not count, or one lie would take all other artifacts along.
        with self._lock:
            fits = size <= self._limits.total_decompressed - self._decompressed
            self._decompressed += size if fits else 0
        # [PCB-LIM-003]
        if not fits:
            detail = f"a block of {size} bytes goes past a limit of this reader"
            raise PrecompileError(ErrorCode.LIMIT_EXCEEDED, detail, offset)


def _by_last_block(
    table: ArtifactTable, entries: Sequence[BlockEntry]
) -> Mapping[int, Sequence[int]]:
    """The rows by the highest index of a block that they lie in, -1 for none; each in order."""
    ends = list(accumulate((entry.content_size for entry in entries), initial=0))
    rows: dict[int, list[int]] = defaultdict(list)
    for row, size in enumerate(table.content_size):
        block = table.block[row]
        end = table.offset[row] + size
        if not size:
            rows[-1].append(row)
        elif end <= entries[block].content_size:
            rows[block].append(row)
        else:
            rows[bisect_left(ends, ends[block] + end) - 1].append(row)
    return rows
