"""Bundles from a short description, each derived byte of them open to exactly one lie.

What is described is built right: digests, sizes, offsets, chain, header and footer
follow from the content. A test or a vector then overrides one field, and nothing
else moves to make up for it. The messages come from the generated classes; the
framing is made by hand here, so that it can be made wrong.

    built = bundle(Segment(artifacts=(Artifact("k", b"content"),)))      # valid
    bundle(replace(segment, header=HEADER[:-1] + b"\\x02"))               # major 2
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from precompile.v1 import artifact_pb2, bundle_pb2
from precompile_conformance.wire import (
    FOOTER_SIZE,
    HEADER,
    MANIFEST_TAG,
    block_record,
    compress,
    footer,
    record,
    sha256,
)

PAYLOAD_TYPE = "application/vnd.precompile.manifest.v1+protobuf"
NONE, ZSTD = bundle_pb2.COMPRESSION_NONE, bundle_pb2.COMPRESSION_ZSTD

Value = bytes | str | int | float | bool
Edit = Callable[[bundle_pb2.Manifest], object]
Encode = Callable[[bundle_pb2.Manifest], bytes]


def plainly(manifest: bundle_pb2.Manifest) -> bytes:
    """A manifest as a writer encodes it."""
    return manifest.SerializeToString(deterministic=True)


@dataclass(frozen=True)
class Block:
    """One block. `stored` and `record` replace bytes; `entry` overrides what is said of them."""

    content: bytes
    compression: int = NONE
    stored: bytes | None = None  # default: the content, or one zstd frame of it
    record: bytes | None = None  # default: the exact framing of `stored`
    external: bool = False  # listed with size 0, not written
    entry: Mapping[str, int | bytes] = field(default_factory=dict)  # fields of BlockEntry

    def stored_bytes(self) -> bytes:
        """What the block's digest covers."""
        if self.stored is not None:
            return self.stored
        return self.content if self.compression != ZSTD else compress(self.content)

    def record_bytes(self) -> bytes:
        """What stands in the segment."""
        if self.external:
            return b""
        return block_record(self.stored_bytes()) if self.record is None else self.record

    def described(self) -> bundle_pb2.BlockEntry:
        """The manifest's entry."""
        stored = self.stored_bytes()
        values: dict[str, int | bytes] = {
            "digest": sha256(stored),
            "size": 0 if self.external else len(block_record(stored)),
            "compression": self.compression,
            "content_size": len(self.content),
        }
        return bundle_pb2.BlockEntry(**(values | dict(self.entry)))  # type: ignore[arg-type]  # any number


@dataclass(frozen=True)
class Artifact:
    """One artifact; without `place` its content is looked for in the segment's blocks."""

    key: str
    content: bytes = b""
    type: str = "test.blob"
    kind: int = artifact_pb2.ARTIFACT_KIND_CACHE
    place: tuple[int, int] | None = None  # (block, offset)
    backends: Sequence[tuple[str, str, bytes]] = ()  # (type, key, content digest)
    attributes: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Segment:
    """One segment. The last group of fields replaces bytes or numbers otherwise derived."""

    artifacts: Sequence[Artifact] = ()
    blocks: Sequence[Block] | None = None  # default: one for each artifact that has content
    compression: int = NONE  # of those default blocks
    requirements: Sequence[tuple[str, int, Sequence[str]]] = ()  # (name, match, values)
    removed: Sequence[tuple[str, str]] = ()
    chained: bool = True  # names the segment before it, where there is one
    edit: Edit | None = None  # changes the finished manifest message
    encode: Encode = plainly  # the message to the payload

    header: bytes = HEADER
    before_manifest: bytes = b""  # counted in manifest_offset, in no block's size
    payload: bytes | None = None
    payload_type: str = PAYLOAD_TYPE
    payload_digest: bytes | None = None
    envelope_tail: bytes = b""  # further bytes of the Envelope
    envelope: bytes | None = None
    manifest_record: bytes | None = None
    manifest_offset: int | None = None
    segment_size: int | None = None
    footer: bytes | None = None


@dataclass(frozen=True)
class Built:
    """A segment's bytes and where its parts lie, in bytes from the bundle's start."""

    data: bytes
    offset: int
    block_offsets: tuple[int, ...]
    manifest_offset: int
    envelope_offset: int
    footer_offset: int
    payload: bytes


@dataclass(frozen=True)
class BuiltBundle:
    """A bundle's bytes and its segments."""

    data: bytes
    segments: tuple[Built, ...]


def bundle(*segments: Segment) -> BuiltBundle:
    """The segments one behind another, each chained to the one before unless it says otherwise."""
    built: list[Built] = []
    data = b""
    for segment in segments:
        previous = sha256(built[-1].payload) if built and segment.chained else b""
        built.append(build_segment(segment, len(data), previous))
        data += built[-1].data
    return BuiltBundle(data, tuple(built))


def build_segment(segment: Segment, offset: int = 0, previous: bytes = b"") -> Built:
    """One segment that begins at `offset`, behind a segment with the payload digest `previous`."""
    blocks = default_blocks(segment) if segment.blocks is None else tuple(segment.blocks)
    payload = segment.payload
    if payload is None:
        payload = segment.encode(manifest(segment, blocks, previous))
    body, block_offsets = segment.header, []
    for block in blocks:
        block_offsets.append(offset + len(body))
        body += block.record_bytes()
    body += segment.before_manifest
    manifest_offset = len(body)
    envelope = segment.envelope
    if envelope is None:
        digest = segment.payload_digest
        message = bundle_pb2.Envelope(
            payload=payload,
            payload_type=segment.payload_type,
            payload_digest=sha256(payload) if digest is None else digest,
        )
        envelope = message.SerializeToString(deterministic=True) + segment.envelope_tail
    record_bytes = segment.manifest_record
    if record_bytes is None:
        record_bytes = record(MANIFEST_TAG, envelope)
    body += record_bytes
    footer_offset = len(body)
    if segment.footer is not None:
        body += segment.footer
    else:
        start, size = segment.manifest_offset, segment.segment_size
        start = manifest_offset if start is None else start
        body += footer(start, footer_offset + FOOTER_SIZE if size is None else size)
    envelope_offset = offset + footer_offset - len(envelope)
    return Built(
        body, offset, tuple(block_offsets), offset + manifest_offset, envelope_offset,
        offset + footer_offset, payload,
    )  # fmt: skip


def default_blocks(segment: Segment) -> tuple[Block, ...]:
    """A block for each artifact that has content."""
    return tuple(Block(a.content, segment.compression) for a in segment.artifacts if a.content)


def manifest(
    segment: Segment, blocks: Sequence[Block], previous: bytes = b""
) -> bundle_pb2.Manifest:
    """The segment's index, `segment.edit` applied."""
    message = bundle_pb2.Manifest(previous_manifest_digest=previous)
    for name, match, values in segment.requirements:
        message.requirements.add(name=name, match=match, values=values)
    message.blocks.extend(block.described() for block in blocks)
    if segment.artifacts:
        message.artifacts.CopyFrom(table(segment.artifacts, blocks))
    for type_name, key in segment.removed:
        message.removed.add(type=type_name, key=key)
    if segment.edit:
        segment.edit(message)
    return message


def table(artifacts: Sequence[Artifact], blocks: Sequence[Block]) -> artifact_pb2.ArtifactTable:
    """The artifacts in columns; types in the order in which they are first used."""
    made = artifact_pb2.ArtifactTable()
    types: dict[tuple[str, int], int] = {}
    for index, artifact in enumerate(artifacts):
        pair = artifact.type, artifact.kind
        if pair not in types:
            types[pair] = len(types)
            made.types.add(name=artifact.type, kind=artifact.kind)
        block, offset = artifact.place or _find(artifact.content, blocks)
        made.type.append(types[pair])
        made.key.append(artifact.key)
        made.content_size.append(len(artifact.content))
        made.block.append(block)
        made.offset.append(offset)
        if artifact.backends or artifact.attributes:
            _describe(artifact, made.details.add(artifact=index))
    made.content_digest = b"".join(sha256(artifact.content) for artifact in artifacts)
    return made


def _describe(artifact: Artifact, detail: artifact_pb2.ArtifactDetail) -> None:
    for type_name, key, digest in artifact.backends:
        detail.backends.add(type=type_name, key=key, content_digest=digest)
    for name, value in sorted(artifact.attributes.items()):
        kinds = {bytes: "bytes", str: "string", int: "int", float: "double", bool: "bool"}
        detail.attributes.add(name=name, **{f"{kinds[type(value)]}_value": value})


def _find(content: bytes, blocks: Sequence[Block]) -> tuple[int, int]:
    """(block, offset) of content within one block, or over a run of whole ones."""
    if not content:
        return 0, 0
    for index, block in enumerate(blocks):
        if (at := block.content.find(content)) >= 0:
            return index, at
    for index in range(len(blocks)):
        run = b""
        for block in blocks[index:]:
            run += block.content
            if run == content:
                return index, 0
    raise ValueError("no block holds the artifact's content: name its place")
