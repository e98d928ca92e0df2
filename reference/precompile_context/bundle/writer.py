"""One segment out of artifacts: packed into blocks, compressed, indexed."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain as chained
from itertools import islice, repeat
from typing import Any

from precompile.v1 import bundle_pb2
from precompile_context.artifact import ArtifactId
from precompile_context.bundle import framing
from precompile_context.bundle.batch import (
    HASHED_TOGETHER,
    Batch,
    NewArtifact,
    Writable,
    hashed_ahead,
)
from precompile_context.bundle.chain import Chain, Place
from precompile_context.bundle.encode import encode_manifest
from precompile_context.bundle.limits import CONTENT_PER_BYTE, DEFAULT_LIMITS
from precompile_context.bundle.manifest import PAYLOAD_TYPE, PRODUCER, Manifest, Producer
from precompile_context.bundle.packing import Content, Packer, StoredBlock
from precompile_context.bundle.reader import Bundle
from precompile_context.bundle.stored import BlockEntry
from precompile_context.bundle.stored_content import StoredContent
from precompile_context.bundle.table import ArtifactTable, types_of
from precompile_context.environment import Requirement
from precompile_context.errors import ErrorCode, PrecompileError
from precompile_context.trust import Envelope, Signer, dsse

__all__ = ["NewArtifact", "SegmentWriter", "Written"]

# Where a content lies in this segment's blocks is one number: the index of the first block times
# what a block can hold, and the offset there. Very many of them are cheaper than as many pairs.
_BLOCK = framing.MAX_BLOCK_CONTENT
# Header and footer, and the least that an artifact takes in a manifest beside its key.
_LEAST_SEGMENT, _LEAST_ROW = framing.HEADER_SIZE + framing.FOOTER_SIZE, 36


@dataclass(frozen=True, slots=True)
class Written:
    """A segment as it was written: what a reader would decode of it is known already."""

    manifest: Manifest
    envelope: Envelope
    manifest_offset: int  # in bytes from the segment's start
    size: int


class SegmentWriter:
    """Writes one segment that follows `chain`, and then makes it part of the chain.

    Attributes:
        written: the segment, after its footer was taken.
    """

    def __init__(
        self,
        chain: Chain,
        *,
        requirements: tuple[Requirement, ...] = (),
        producer: Producer = PRODUCER,
        signer: Signer | None = None,
        workers: int | None = None,
        apart: bool = False,
    ) -> None:
        """Without `signer`, the segment is unsigned.

        `workers` compress side by side; each holds about 50 MiB. With `apart`, contents that
        lay in different blocks do so again: whoever fetches what belongs together fetches no more.
        """
        self.written: Written | None = None
        self._chain = chain
        self._packer = Packer(workers)
        self._apart = apart
        self._came_of: dict[bytes, object] = {}
        self._requirements = requirements
        self._producer = producer
        self._signer = signer
        self._entries: list[BlockEntry] = []
        self._size = framing.HEADER_SIZE  # bytes of the segment up to here
        self._placed: dict[bytes, int] = {}  # by content digest
        self._elsewhere: dict[bytes, Place] = {}  # in earlier segments of the chain
        self._reading: Bundle | None = None  # the one whose blocks are kept for the next read

    def chunks(
        self, artifacts: Batch | Iterable[Writable], removed: Iterable[ArtifactId] = ()
    ) -> Iterator[Content]:
        """The segment's bytes in order; the last item, and it alone, is the footer.

        Whoever stores them makes sure that all others are stored first: the
        footer commits. The chain is extended after the footer was taken.

        Raises:
            PrecompileError: LIMIT_EXCEEDED, a manifest that no reader would take.
        """
        batch = artifacts if isinstance(artifacts, Batch) else Batch.of(artifacts)
        # [PCB-FRAME-002]
        yield framing.HEADER
        digests: list[bytes] = []
        for block in self._blocks(batch, digests):
            yield from self._own(block)
        # [PCB-DET-001]
        # After all own blocks: how far the packer takes contents ahead depends on its threads,
        # and the bytes must not.
        again: dict[int, int] = {}
        yield from self._stored_again(batch, digests, again)
        places = list(map(self._placed.get, digests, repeat(0)))  # of empty content, 0
        for row, place in chained(again.items(), self._external(digests, again)):
            places[row] = place
        # [PCB-TABLE-005]
        types, type_ = types_of([name for name, _ in batch.names], batch.kinds)
        # [PCB-PLACE-004]
        table = ArtifactTable(
            types,
            type_,
            [key for _, key in batch.names],
            b"".join(digests),
            list(map(len, batch.contents)),
            [place // _BLOCK for place in places],
            [place % _BLOCK for place in places],
            batch.details,
        )
        manifest = Manifest(
            # [PCB-CHAIN-001]
            previous_manifest_digest=self._chain.previous_digest,
            producer=self._producer,
            requirements=self._requirements,
            blocks=tuple(self._entries),
            artifacts=table,
            removed=tuple(removed),
        )
        envelope = self._enveloped(encode_manifest(manifest))
        data = envelope.SerializeToString(deterministic=True)
        prefix = framing.manifest_prefix(len(data))
        # What was loaded may fill a record by itself: beside other requirements it would make
        # one that nobody reads, nor the file with it.
        if (size := len(prefix) + len(data)) > DEFAULT_LIMITS.manifest_bytes:
            detail = f"a manifest of {size} bytes; no reader takes more than 16 MiB"
            raise PrecompileError(ErrorCode.LIMIT_EXCEEDED, detail)
        yield prefix
        yield data
        manifest_offset, size = self._size, self._size + size + framing.FOOTER_SIZE
        yield framing.footer(manifest_offset, size)
        self.written = Written(manifest, envelope, manifest_offset, size)
        self._chain.extend(envelope.payload_digest, size, manifest)

    def _enveloped(self, payload: bytes) -> Envelope:
        # [PCB-ENV-001] [PCB-ENV-003]
        envelope = bundle_pb2.Envelope(
            payload=payload,
            payload_type=PAYLOAD_TYPE,
            payload_digest=hashlib.sha256(payload).digest(),
        )
        if self._signer is not None:
            dsse.sign(envelope, self._signer)
        return envelope

    def _blocks(self, batch: Batch, digests: list[bytes]) -> Iterator[StoredBlock]:
        """What is stored in blocks of its own already, as it is; the rest packed anew.

        To `digests` is added that of each row.
        """
        new: set[bytes] = set()
        if batch.has_stored:
            yield from self._taken_over(batch, new)
        yield from self._packer.pack(self._new_contents(batch, digests, new), self._came_of)

    def _taken_over(self, batch: Batch, new: set[bytes]) -> Iterator[StoredBlock]:
        for row, content in enumerate(batch.contents):
            if isinstance(content, StoredContent) and content.has_own_blocks:
                digest = batch.owners[row].digest
                if digest not in new and self._chain.find(digest) is None:
                    new.add(digest)
                    yield from content.own_blocks()

    def _new_contents(
        self, batch: Batch, digests: list[bytes], new: set[bytes]
    ) -> Iterator[tuple[bytes, Content]]:
        """(digest, content) of what is stored nowhere yet, in order, each once.

        One bundle's blocks are kept at a time. `new` are those written by now.
        """
        hashed, is_small = hashed_ahead(batch), batch.is_small
        step = HASHED_TOGETHER if is_small else 1
        for start in range(0, len(batch), step):
            contents: list[Any] = batch.contents[start : start + step]
            run = list(islice(hashed, len(contents)))
            digests += run
            fresh = set(run)
            if (
                is_small
                and not self._chain.content
                and all(contents)
                and len(fresh) == len(run)
                and fresh.isdisjoint(new)
            ):
                new |= fresh  # all of it is to be stored
                yield from zip(run, contents, strict=True)
            else:
                yield from self._each_new(run, contents, new)
        if self._reading is not None:
            self._reading.release()

    def _each_new(
        self, digests: list[bytes], contents: list[Content | StoredContent], new: set[bytes]
    ) -> Iterator[tuple[bytes, Content]]:
        for digest, content in zip(digests, contents, strict=True):
            if digest in new:
                continue
            new.add(digest)
            if not content:
                continue
            # [PCB-EXTENT-006]
            if place := self._chain.find(digest):
                self._elsewhere[digest] = place
            elif isinstance(content, StoredContent):
                if self._reading is not None and self._reading is not content.bundle:
                    self._reading.release()
                self._reading = content.bundle
                if self._apart:
                    self._came_of[digest] = content.place
                yield digest, content.read()
            else:
                yield digest, content

    def _own(self, block: StoredBlock) -> Iterator[Content]:
        """The record of a further block of this segment, after which its contents have a place."""
        prefix = framing.block_prefix(len(block.data))
        size = len(prefix) + len(block.data)
        index = len(self._entries)
        # [PCB-BLOCK-001] [PCB-BLOCK-002]
        self._entries.append(BlockEntry(block.digest, size, block.compression, block.content_size))
        places = map((index * _BLOCK).__add__, block.offsets)
        self._placed.update(zip(block.begins, places, strict=False))
        yield prefix
        yield block.data
        self._size += size

    def _stored_again(
        self, batch: Batch, digests: list[bytes], again: dict[int, int]
    ) -> Iterator[Content]:
        """Where the bundle would claim too much content for its size, what repeats is stored anew.

        To `again` is added where, by row. The most that one block can hold is half of what its
        bytes may claim, so that at the latest all contents stored for themselves are within.
        """
        # [PCB-LIM-011]
        content = self._chain.content + batch.content
        size = self._chain.size + _LEAST_SEGMENT + _LEAST_ROW * len(batch)
        if content <= CONTENT_PER_BYTE * (size + self._size):
            return
        seen: set[bytes] = set()
        for row, digest in enumerate(digests):
            if content <= CONTENT_PER_BYTE * (size + self._size):
                return
            repeats = digest in seen or digest in self._elsewhere
            seen.add(digest)
            unread = batch.contents[row]
            if repeats and unread:
                data = unread.read() if isinstance(unread, StoredContent) else unread
                again[row] = len(self._entries) * _BLOCK
                for block in self._packer.pack([(digest, data)]):
                    yield from self._own(replace(block, begins=()))

    def _external(
        self, digests: list[bytes], again: Mapping[int, int]
    ) -> Iterator[tuple[int, int]]:
        """List the blocks of earlier segments, those of one content together; and by row, where."""
        if not self._elsewhere:
            return
        indexes: dict[tuple[BlockEntry, ...], int] = {}
        for row, digest in enumerate(digests):
            place = self._elsewhere.get(digest)
            if place is None or row in again:
                continue
            if place.blocks not in indexes:
                indexes[place.blocks] = len(self._entries)
                self._entries += [entry._replace(size=0) for entry in place.blocks]
            yield row, indexes[place.blocks] * _BLOCK + place.offset
