"""One segment out of artifacts: packed into blocks, compressed, indexed."""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from precompile.v1 import bundle_pb2
from precompile_context.artifact import ArtifactId, ArtifactKind
from precompile_context.bundle import framing
from precompile_context.bundle.chain import Chain, Places, Ranges
from precompile_context.bundle.encode import encode_manifest
from precompile_context.bundle.limits import DEFAULT_LIMITS
from precompile_context.bundle.manifest import (
    PAYLOAD_TYPE,
    PRODUCER,
    BlockEntry,
    FieldValue,
    Manifest,
    Producer,
)
from precompile_context.bundle.packing import PROBE_SIZE, WORKERS, Content, Packer, StoredBlock
from precompile_context.bundle.stored_content import StoredContent, read_in_turn
from precompile_context.environment import Requirement
from precompile_context.errors import ErrorCode, PrecompileError
from precompile_context.trust import Signer, dsse

# A writer stays within the manifest that every reader must accept; more artifacts than fit
# into it go to a further segment.
# [PCB-LIM-006]
MANIFEST_TARGET = 8 << 20


class Writable(Protocol):
    """What can be written: an artifact whose content is in memory, or is read when its turn comes.

    `digest` is the SHA-256 of the content, known to be so or checked by `read`.
    """

    @property
    def type(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def kind(self) -> ArtifactKind | int: ...
    @property
    def digest(self) -> bytes: ...
    @property
    def size(self) -> int: ...
    @property
    def backends(self) -> tuple[ArtifactId, ...]: ...
    @property
    def fields(self) -> tuple[tuple[str, FieldValue], ...]: ...
    def read(self) -> Content: ...


@dataclass(frozen=True, slots=True)
class NewArtifact:
    """An artifact to be written, in memory or still in another bundle.

    A stored content is read, and checked, when it is written.
    """

    type: str
    key: str
    kind: ArtifactKind | int
    digest: bytes
    content: Content | StoredContent
    backends: tuple[ArtifactId, ...] = ()
    fields: tuple[tuple[str, FieldValue], ...] = ()

    @property
    def size(self) -> int:
        """Bytes of its content."""
        return len(self.content)

    def read(self) -> Content:
        """The content.

        Raises:
            PrecompileError: a CONTENT code, where it is stored.
        """
        return self.content.read() if isinstance(self.content, StoredContent) else self.content


class SegmentWriter:
    """Writes one segment that follows `chain`, and then makes it part of the chain."""

    def __init__(
        self,
        chain: Chain,
        *,
        requirements: tuple[Requirement, ...] = (),
        producer: Producer = PRODUCER,
        signer: Signer | None = None,
        workers: int | None = None,
    ) -> None:
        """Without `signer`, the segment is unsigned.

        `workers` compress side by side; each holds about 50 MiB.
        """
        self._chain = chain
        self._workers = workers
        self._requirements = requirements
        self._producer = producer
        self._signer = signer
        self._entries: list[BlockEntry] = []
        # By content digest: where it lies in this segment's blocks.
        self._placed: dict[bytes, Places] = {}
        self._elsewhere: dict[bytes, Ranges] = {}  # in earlier segments of the chain

    def chunks(
        self, artifacts: Iterable[Writable], removed: Iterable[ArtifactId] = ()
    ) -> Iterator[Content]:
        """The segment's bytes in order; the last item, and it alone, is the footer.

        Whoever stores them makes sure that all others are stored first: the
        footer commits. The chain is extended after the footer was taken.

        Raises:
            PrecompileError: LIMIT_EXCEEDED, a manifest that no reader would take.
        """
        artifacts = list(artifacts)
        # [PCB-FRAME-002]
        yield framing.HEADER
        manifest_offset = framing.HEADER_SIZE
        digests: list[bytes] = []
        for block in self._blocks(artifacts, digests):
            prefix = framing.block_prefix(len(block.data))
            size = len(prefix) + len(block.data)
            self._place_own(block, size)
            yield prefix
            yield block.data
            manifest_offset += size
        # [PCB-DET-001]
        # After all own blocks: how far the packer takes contents ahead depends on its threads,
        # and the bytes must not.
        self._place_external()
        manifest = Manifest(
            # [PCB-CHAIN-001]
            previous_manifest_digest=self._chain.previous_digest,
            producer=self._producer,
            requirements=self._requirements,
            blocks=tuple(self._entries),
            artifacts=(),
            removed=tuple(removed),
        )
        placed = self._placed
        # [PCB-DET-004] [PCB-EXTENT-005]
        records = (
            (a.type, a.key, a.kind, digest, a.size, placed[digest], a.backends, a.fields)
            for a, digest in zip(artifacts, digests, strict=True)
        )
        payload = encode_manifest(manifest, records)
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
        # What was loaded may fill a record by itself: beside other requirements it would make
        # one that nobody reads, nor the file with it.
        if (size := len(prefix) + len(data)) > DEFAULT_LIMITS.manifest_bytes:
            detail = f"a manifest of {size} bytes; no reader takes more than 16 MiB"
            raise PrecompileError(ErrorCode.LIMIT_EXCEEDED, detail)
        yield prefix
        yield data
        size = manifest_offset + len(prefix) + len(data) + framing.FOOTER_SIZE
        yield framing.footer(manifest_offset, size)
        self._chain.extend(digest, manifest.blocks, self._placed)

    def _blocks(self, artifacts: list[Writable], digests: list[bytes]) -> Iterator[StoredBlock]:
        """What is stored in blocks of its own already, as it is; the rest packed anew."""
        new: set[bytes] = set()
        for artifact in artifacts:
            content = artifact.content if isinstance(artifact, NewArtifact) else None
            if isinstance(content, StoredContent) and content.has_own_blocks:
                digest = artifact.digest
                if digest not in new and self._chain.find(digest) is None:
                    new.add(digest)
                    yield from content.own_blocks()
        yield from Packer(self._workers).pack(
            read_in_turn(self._new_contents(artifacts, digests, new))
        )

    def _new_contents(
        self, artifacts: list[Writable], digests: list[bytes], new: set[bytes]
    ) -> Iterator[tuple[bytes, Content | StoredContent]]:
        """(digest, content) of what is stored nowhere yet, in order, each once.

        To `digests` is added that of each artifact; `new` are those written by now.
        """
        for artifact in hashed_ahead(artifacts):
            digest = artifact.digest
            digests.append(digest)
            if digest in new:
                continue
            new.add(digest)
            if not artifact.size:
                self._placed[digest] = ()
            # [PCB-EXTENT-006]
            elif ranges := self._chain.find(digest):
                self._elsewhere[digest] = ranges
            else:
                yield (
                    digest,
                    artifact.content if isinstance(artifact, NewArtifact) else artifact.read(),
                )

    def _place_own(self, block: StoredBlock, size: int) -> None:
        index = len(self._entries)
        # [PCB-BLOCK-001] [PCB-BLOCK-002]
        self._entries.append(BlockEntry(block.digest, size, block.compression, block.content_size))
        placed = self._placed
        for digest, offset, length in block.contents:
            extent = index, offset, length
            placed[digest] = (*placed[digest], extent) if digest in placed else (extent,)

    def _place_external(self) -> None:
        indexes: dict[BlockEntry, int] = {}
        for digest, ranges in self._elsewhere.items():
            for entry, _, _ in ranges:
                if entry not in indexes:
                    indexes[entry] = len(self._entries)
                    self._entries.append(entry._replace(size=0))
            self._placed[digest] = tuple((indexes[e], at, size) for e, at, size in ranges)


def hashed_ahead(artifacts: Iterable[Writable]) -> Iterator[Writable]:
    """The artifacts in their order; the digests of large ones are computed ahead, side by side."""
    with ThreadPoolExecutor(WORKERS) as pool:
        ahead: deque[tuple[Writable, Future[bytes] | None]] = deque()
        for artifact in artifacts:
            if artifact.size < PROBE_SIZE and not ahead:
                yield artifact
                continue
            large = artifact.size >= PROBE_SIZE
            ahead.append((artifact, pool.submit(_digest, artifact) if large else None))
            if len(ahead) > 2 * WORKERS:
                yield _hashed(*ahead.popleft())
        while ahead:
            yield _hashed(*ahead.popleft())


def _digest(artifact: Writable) -> bytes:
    return artifact.digest


def _hashed(artifact: Writable, digest: Future[bytes] | None) -> Writable:
    if digest is not None:
        digest.result()
    return artifact


Run = tuple[list[Writable], list[ArtifactId]]


def split(artifacts: Iterable[Writable], removed: Iterable[ArtifactId]) -> Iterator[Run]:
    """Artifacts and removals in runs whose manifests stay near MANIFEST_TARGET; at least one run.

    Removals come first: they must not take away what is added here.
    """
    run: Run = [], []
    size = 0
    for id_ in removed:
        size += (item := 16 + _text_size(id_.type) + _text_size(id_.key))
        if size > MANIFEST_TARGET and run[1]:
            yield run
            run, size = ([], []), item
        run[1].append(id_)
    for artifact in artifacts:
        size += (item := index_size(artifact))
        if size > MANIFEST_TARGET and size > item:
            yield run
            run, size = ([], []), item
        run[0].append(artifact)
    yield run


def index_size(artifact: Writable) -> int:
    """About how many bytes the artifact takes in a manifest, from above."""
    # Digest, sizes, kind and tags; one extent, and a block entry and an extent per 8 MiB.
    size = 160 + 96 * (artifact.size >> 23) + _text_size(artifact.type) + _text_size(artifact.key)
    for backend in artifact.backends:
        size += 60 + _text_size(backend.type) + _text_size(backend.key)
    for name, value in artifact.fields:
        size += 24 + len(name) + (4 * len(value) if isinstance(value, (str, bytes)) else 0)
    return size


def _text_size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
