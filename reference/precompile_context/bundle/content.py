"""Content out of blocks: verified against both digests, within the limits."""

import hashlib
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator

from precompile_context.bundle import blocks
from precompile_context.bundle.limits import Limits
from precompile_context.bundle.manifest import NONE, BlockEntry, Extent, StoredArtifact
from precompile_context.bundle.packing import PROBE_SIZE
from precompile_context.bundle.segment import Segment
from precompile_context.bundle.source import ByteSource
from precompile_context.bundle.validate import BlockPlace
from precompile_context.errors import ErrorCode, PrecompileError
from precompile_context.locks import WorkLock

# Artifacts that share a block are read one after another: the last blocks are kept.
_KEPT_BLOCKS = 4
_KEPT_BYTES = 32 << 20


class ContentReader:
    """Hands out the content of a bundle's artifacts. Safe for threads."""

    def __init__(self, source: ByteSource, segments: tuple[Segment, ...], limits: Limits) -> None:
        self._source = source
        self._segments = segments
        self._limits = limits
        self._decompressed = 0
        self._kept: OrderedDict[int, memoryview] = OrderedDict()
        self._last = (-1, memoryview(b""))  # offset and content of one of the kept blocks
        self._lock = WorkLock()

    def read(self, artifact: StoredArtifact) -> bytes:
        """The whole content. What is checked is the copy that is handed out."""
        self._check_size(artifact, self._limits.artifact_content)
        piece = self._in_last_block(artifact)
        if piece is not None:
            content = bytes(piece)
        elif self._is_whole_raw_block(artifact):
            content = bytes(self._raw(artifact, artifact.extents[0]))
        else:
            content = b"".join(self._piece(artifact, extent) for extent in artifact.extents)
        # [PCB-CONT-001]
        if hashlib.sha256(content).digest() != artifact.content_digest:
            raise self._mismatch(artifact)
        return content

    def _in_last_block(self, artifact: StoredArtifact) -> memoryview | None:
        """The content where it lies in the block that was read last: most often it does."""
        if len(artifact.extents) != 1:
            return None
        index, offset, size = artifact.extents[0]
        at, content = self._last
        if self._segments[artifact.segment].blocks[index].offset != at:
            return None
        return content[offset : offset + size]

    def view(self, artifact: StoredArtifact) -> memoryview:
        """The content without a copy where it is one uncompressed range of the source."""
        if not self._is_whole_raw_block(artifact):
            return memoryview(self.read(artifact))
        # [PCB-CONT-006]
        content = self._raw(artifact, artifact.extents[0])
        if hashlib.sha256(content).digest() != artifact.content_digest:
            raise self._mismatch(artifact)
        return content

    def stream(self, artifact: StoredArtifact) -> Iterator[memoryview]:
        """The content piece by piece; the digest is checked after the last one."""
        self._check_size(artifact, self._limits.total_decompressed)
        digest = hashlib.sha256()
        for extent in artifact.extents:
            piece = self._piece(artifact, extent)
            digest.update(piece)
            yield piece
        if digest.digest() != artifact.content_digest:
            raise self._mismatch(artifact)

    def has_own_blocks(self, artifact: StoredArtifact) -> bool:
        """Whether the content is large, and split or uncompressed, and alone in its blocks."""
        if artifact.content_size < PROBE_SIZE:
            return False
        entries = self._segments[artifact.segment].manifest.blocks
        return all(size == entries[block].content_size for block, _, size in artifact.extents) and (
            len(artifact.extents) > 1 or entries[artifact.extents[0][0]].compression == NONE
        )

    def own_blocks(self, artifact: StoredArtifact) -> Iterator[tuple[BlockEntry, memoryview]]:
        """Each block's entry and stored data; the content's digest is checked after the last."""
        self._check_size(artifact, self._limits.total_decompressed)
        segment = self._segments[artifact.segment]
        digest = hashlib.sha256()
        for block, _, _ in artifact.extents:
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
            self._last = -1, memoryview(b"")

    def verify(self, segment: Segment, progress: Callable[[int], None]) -> None:
        """Read every own block of the segment and every artifact's content."""
        # [PCB-CONT-007]
        due = defaultdict(list)
        for artifact in segment.manifest.artifacts:
            due[max((block for block, _, _ in artifact.extents), default=-1)].append(artifact)
        for index in range(-1, len(segment.manifest.blocks)):
            if index >= 0 and segment.manifest.blocks[index].size:
                self._block(segment, index)
                progress(segment.manifest.blocks[index].size)
            for artifact in due[index]:
                # A raw block that is one content was checked as a block just now.
                if not self._is_whole_raw_block(artifact):
                    for _ in self.stream(artifact):
                        pass

    def _check_size(self, artifact: StoredArtifact, limit: int) -> None:
        """Refuse content that names one small block over and over to become large."""
        # [PCB-LIM-003]
        if artifact.content_size > limit or artifact.content_size > self._limits.total_decompressed:
            detail = f"{artifact.type} {artifact.key!r} claims {artifact.content_size} bytes"
            offset = self._segments[artifact.segment].manifest_offset
            raise PrecompileError(ErrorCode.LIMIT_EXCEEDED, detail, offset)

    def _is_whole_raw_block(self, artifact: StoredArtifact) -> bool:
        """Whether block and content are the same bytes, with one digest for both."""
        if len(artifact.extents) != 1:
            return False
        block, _, size = artifact.extents[0]
        entry = self._segments[artifact.segment].manifest.blocks[block]
        return (
            entry.compression == NONE
            and size == entry.content_size
            and entry.digest == artifact.content_digest
        )

    def _raw(self, artifact: StoredArtifact, extent: Extent) -> memoryview:
        """The data of an uncompressed block, its digest left to the caller."""
        segment, (block, _, _) = self._segments[artifact.segment], extent
        entry, place = segment.manifest.blocks[block], segment.blocks[block]
        self._spend(entry.content_size, place.offset)
        data = blocks.stored_data(self._source, place, entry)
        return blocks.content_of(data, entry, place.offset)

    def _piece(self, artifact: StoredArtifact, extent: Extent) -> memoryview:
        block, offset, size = extent
        content = self._block(self._segments[artifact.segment], block)
        return content[offset : offset + size]

    def _mismatch(self, artifact: StoredArtifact) -> PrecompileError:
        segment = self._segments[artifact.segment]
        offset = segment.manifest_offset
        if artifact.extents:
            offset = segment.blocks[artifact.extents[0][0]].offset
        detail = f"the content of {artifact.type} {artifact.key!r} is not that of its digest"
        return PrecompileError(ErrorCode.DIGEST_MISMATCH, detail, offset)

    def _block(self, segment: Segment, index: int) -> memoryview:
        entry, place = segment.manifest.blocks[index], segment.blocks[index]
        with self._lock:
            kept = self._kept.get(place.offset)
            if kept is not None:
                self._kept.move_to_end(place.offset)
                return kept
        _, content = self._stored(entry, place)
        self._keep(place.offset, content)
        return content

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
            fits = size <= min(
                self._limits.block_content, self._limits.total_decompressed - self._decompressed
            )
            self._decompressed += size if fits else 0
        # [PCB-LIM-003]
        if not fits:
            detail = f"a block of {size} bytes goes past a limit of this reader"
            raise PrecompileError(ErrorCode.LIMIT_EXCEEDED, detail, offset)

    def _keep(self, offset: int, content: memoryview) -> None:
        with self._lock:
            self._kept[offset] = content
            self._last = offset, content
            while len(self._kept) > _KEPT_BLOCKS or (
                len(self._kept) > 1 and sum(map(len, self._kept.values())) > _KEPT_BYTES
            ):
                self._kept.popitem(last=False)
