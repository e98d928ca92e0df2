"""One segment out of artifacts: packed into blocks, compressed, indexed."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from precompile.v1 import bundle_pb2
from precompile_context.artifact import ArtifactId, ArtifactKind
from precompile_context.bundle import framing
from precompile_context.bundle.chain import Chain
from precompile_context.bundle.codec import encode_manifest
from precompile_context.bundle.manifest import (
    PAYLOAD_TYPE,
    PRODUCER,
    BlockEntry,
    Extent,
    FieldValue,
    Manifest,
    Producer,
    StoredArtifact,
)
from precompile_context.bundle.packing import Packer, StoredBlock
from precompile_context.environment import Requirement
from precompile_context.trust import Signer, dsse

# A writer stays within the manifest that every reader must accept; more artifacts than fit
# into it go to a further segment.
# [PCB-LIM-006]
MANIFEST_TARGET = 8 << 20


@dataclass(frozen=True, slots=True)
class NewArtifact:
    """An artifact to be written; `digest` is the SHA-256 of `content`, known to be so."""

    type: str
    key: str
    kind: ArtifactKind | int
    digest: bytes
    content: bytes | memoryview
    backends: tuple[ArtifactId, ...] = ()
    fields: tuple[tuple[str, FieldValue], ...] = ()


class SegmentWriter:
    """Writes one segment that follows `chain`, and then makes it part of the chain."""

    def __init__(
        self,
        chain: Chain,
        *,
        requirements: tuple[Requirement, ...] = (),
        producer: Producer = PRODUCER,
        signer: Signer | None = None,
    ) -> None:
        """Without `signer`, the segment is unsigned."""
        self._chain = chain
        self._requirements = requirements
        self._producer = producer
        self._signer = signer
        self._entries: list[BlockEntry] = []
        self._external: dict[BlockEntry, int] = {}

    def chunks(
        self, artifacts: Iterable[NewArtifact], removed: Iterable[ArtifactId] = ()
    ) -> Iterator[bytes | memoryview]:
        """The segment's bytes in order; the last item, and it alone, is the footer.

        Whoever stores them makes sure that all others are stored first: the
        footer commits. The chain is extended after the footer was taken.
        """
        artifacts = list(artifacts)
        # [PCB-FRAME-002]
        yield framing.HEADER
        manifest_offset = framing.HEADER_SIZE
        placed: dict[bytes, tuple[Extent, ...]] = {}
        # [PCB-DET-001]
        # All of the chain's blocks are entered before the first own one: how far the packer
        # takes contents ahead depends on its threads, and the bytes must not.
        contents = self._new_contents(artifacts, placed)
        for block in Packer().pack(contents):
            prefix = framing.block_prefix(len(block.data))
            size = len(prefix) + len(block.data)
            self._add_own(block, size, placed)
            yield prefix
            yield block.data
            manifest_offset += size
        manifest = Manifest(
            # [PCB-CHAIN-001]
            previous_manifest_digest=self._chain.previous_digest,
            producer=self._producer,
            requirements=self._requirements,
            blocks=tuple(self._entries),
            # [PCB-DET-004]
            artifacts=tuple(_stored(artifact, placed) for artifact in artifacts),
            removed=tuple(removed),
        )
        payload = encode_manifest(manifest)
        # [PCB-ENV-003]
        digest = hashlib.sha256(payload).digest()
        envelope = bundle_pb2.Envelope(
            # [PCB-ENV-001]
            payload=payload,
            payload_type=PAYLOAD_TYPE,
            payload_digest=digest,
        )
        if self._signer is not None:
            dsse.sign(envelope, self._signer)
        data = envelope.SerializeToString(deterministic=True)
        prefix = framing.manifest_prefix(len(data))
        yield prefix
        yield data
        size = manifest_offset + len(prefix) + len(data) + framing.FOOTER_SIZE
        yield framing.footer(manifest_offset, size)
        self._chain.extend(manifest, digest)

    def _new_contents(
        self, artifacts: list[NewArtifact], placed: dict[bytes, tuple[Extent, ...]]
    ) -> list[tuple[bytes, bytes | memoryview]]:
        """(digest, content) of what is not stored yet; what the chain holds is placed there."""
        new: dict[bytes, bytes | memoryview] = {}
        for artifact in artifacts:
            if artifact.digest in placed or artifact.digest in new:
                continue
            if not len(artifact.content):
                placed[artifact.digest] = ()
            # [PCB-EXTENT-006]
            elif ranges := self._chain.find(artifact.digest):
                placed[artifact.digest] = tuple(
                    Extent(self._external_index(entry), offset, size)
                    for entry, offset, size in ranges
                )
            else:
                new[artifact.digest] = artifact.content
        return list(new.items())

    def _external_index(self, entry: BlockEntry) -> int:
        if entry not in self._external:
            self._external[entry] = len(self._entries)
            self._entries.append(BlockEntry(entry.digest, 0, entry.compression, entry.content_size))
        return self._external[entry]

    def _add_own(
        self, block: StoredBlock, size: int, placed: dict[bytes, tuple[Extent, ...]]
    ) -> None:
        index = len(self._entries)
        # [PCB-BLOCK-001] [PCB-BLOCK-002]
        self._entries.append(BlockEntry(block.digest, size, block.compression, block.content_size))
        for digest, offset, length in block.contents:
            placed[digest] = (*placed.get(digest, ()), Extent(index, offset, length))


def _stored(artifact: NewArtifact, placed: dict[bytes, tuple[Extent, ...]]) -> StoredArtifact:
    return StoredArtifact(
        type=artifact.type,
        key=artifact.key,
        kind=artifact.kind,
        # [PCB-EXTENT-005]
        content_digest=artifact.digest,
        content_size=len(artifact.content),
        extents=placed[artifact.digest],
        backends=artifact.backends,
        fields=artifact.fields,
    )


Run = tuple[list[NewArtifact], list[ArtifactId]]


def split(artifacts: Iterable[NewArtifact], removed: Iterable[ArtifactId]) -> Iterator[Run]:
    """Artifacts and removals in runs whose manifests stay near MANIFEST_TARGET; at least one run.

    Removals come first: they must not take away what is added here.
    """
    run: Run = [], []
    size = 0
    items: Iterator[ArtifactId | NewArtifact] = chain(removed, artifacts)
    for item in items:
        item_size = index_size(item)
        if size and size + item_size > MANIFEST_TARGET:
            yield run
            run, size = ([], []), 0
        if isinstance(item, NewArtifact):
            run[0].append(item)
        else:
            run[1].append(item)
        size += item_size
    yield run


def index_size(artifact: NewArtifact | ArtifactId) -> int:
    """About how many bytes the artifact, or its removal, takes in a manifest, from above."""
    if isinstance(artifact, ArtifactId):
        return 16 + len(artifact.type) + len(artifact.key.encode())
    # Digest, sizes, kind and tags; one extent, and a block entry and an extent per 8 MiB.
    size = 160 + 96 * (len(artifact.content) >> 23)
    size += len(artifact.type) + len(artifact.key.encode())
    size += sum(60 + len(b.type) + len(b.key.encode()) for b in artifact.backends)
    for name, value in artifact.fields:
        size += 24 + len(name) + (4 * len(value) if isinstance(value, (str, bytes)) else 0)
    return size
