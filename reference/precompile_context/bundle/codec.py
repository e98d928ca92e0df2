"""Envelopes and manifests from the wire. Nothing raw of protobuf's leaves here."""

import hashlib
from collections.abc import Iterable, Iterator

from google.protobuf.message import Message

from precompile.v1 import artifact_pb2, bundle_pb2
from precompile_context.artifact import ArtifactId, ArtifactKind
from precompile_context.bundle.density import is_too_dense
from precompile_context.bundle.manifest import (
    DIGEST_SIZE,
    PAYLOAD_TYPE,
    BlockEntry,
    FieldValue,
    Manifest,
    OpaqueValue,
    Producer,
    StoredArtifact,
)
from precompile_context.environment import Match, Requirement
from precompile_context.errors import ErrorCode, PrecompileError

# What a manifest may require of a reader; version 1.0 defines nothing.
KNOWN_FEATURES: frozenset[str] = frozenset()


def parse(message: Message, data: memoryview | bytes, code: ErrorCode, offset: int) -> None:
    """Fill `message` from `data`; a PrecompileError of `code` where that cannot be done."""
    try:
        message.ParseFromString(bytes(data))
    except Exception as error:  # the runtimes raise DecodeError, ValueError, RuntimeError, ...
        name = type(message).__name__
        raise PrecompileError(code, f"not a serialized {name}: {error}", offset) from None


def decode_envelope(
    data: memoryview | bytes, offset: int, most_signatures: int
) -> bundle_pb2.Envelope:
    """The envelope of the manifest record at `offset`.

    Raises:
        PrecompileError: MALFORMED_FRAME, LIMIT_EXCEEDED, at `offset`.
    """
    envelope = bundle_pb2.Envelope()
    # [PCB-ENV-005] [PCB-ENV-007]
    parse(envelope, data, ErrorCode.MALFORMED_FRAME, offset)
    # [PCB-ENV-002]
    if envelope.payload_type != PAYLOAD_TYPE:
        detail = f"the payload's type is {envelope.payload_type!r}, not {PAYLOAD_TYPE}"
        raise PrecompileError(ErrorCode.MALFORMED_FRAME, detail, offset)
    # [PCB-ENV-004]
    if envelope.payload_digest != hashlib.sha256(envelope.payload).digest():
        detail = "the manifest's bytes are not those of the envelope's digest"
        raise PrecompileError(ErrorCode.MALFORMED_FRAME, detail, offset)
    # [PCB-LIM-003]
    if len(envelope.signatures) > most_signatures:
        detail = f"{len(envelope.signatures)} signatures; the limit is {most_signatures}"
        raise PrecompileError(ErrorCode.LIMIT_EXCEEDED, detail, offset)
    return envelope


def _count_items(message: bundle_pb2.Manifest) -> int:
    """Elements of all lists in the manifest: what it costs to hold it, whatever its bytes."""
    return (
        len(message.blocks)
        + len(message.removed)
        + len(message.requirements)
        + sum(len(r.values) for r in message.requirements)
        + sum(1 + len(a.extents) + len(a.backends) + len(a.attributes) for a in message.artifacts)
    )


def decode_manifest(
    payload: bytes, segment: int, offset: int, items_left: int | None
) -> tuple[Manifest, int]:
    """The manifest that `payload` holds, well formed but not yet valid, and its count of items.

    They are not counted (0) where `items_left` is None.

    Raises:
        PrecompileError: MALFORMED_MANIFEST, UNSUPPORTED_FEATURE, LIMIT_EXCEEDED
            where it lists more than `items_left` things, at `offset`.
    """
    # [PCB-WIRE-008]
    if is_too_dense(payload):
        detail = "the manifest lists more elements than its bytes can describe"
        raise PrecompileError(ErrorCode.MALFORMED_MANIFEST, detail, offset)
    # [PCB-WIRE-001] [PCB-WIRE-002] [PCB-WIRE-003] [PCB-WIRE-004] [PCB-WIRE-007]
    # [PCB-ENV-006] [PCB-LIM-009]
    message = bundle_pb2.Manifest()
    parse(message, payload, ErrorCode.MALFORMED_MANIFEST, offset)
    # [PCB-EXT-001]
    for feature in message.required_features:
        if feature not in KNOWN_FEATURES:
            detail = f"the segment requires the feature {feature!r}, which this reader lacks"
            raise PrecompileError(ErrorCode.UNSUPPORTED_FEATURE, detail, offset)
    items = 0 if items_left is None else _count_items(message)
    # [PCB-LIM-003]
    if items_left is not None and items > items_left:
        detail = "the manifests list more artifacts, blocks and the like than this reader takes"
        raise PrecompileError(ErrorCode.LIMIT_EXCEEDED, detail, offset)
    # [PCB-WIRE-005] [PCB-WIRE-006]
    if fault := _malformed(message):
        raise PrecompileError(ErrorCode.MALFORMED_MANIFEST, fault, offset)
    artifacts = []
    # One by one: of millions that can never be right, the first is the last that takes memory.
    for artifact in _artifacts(message, segment):
        if fault := _malformed_artifact(artifact):
            raise PrecompileError(ErrorCode.MALFORMED_MANIFEST, fault, offset)
        artifacts.append(artifact)
    manifest = Manifest(
        previous_manifest_digest=message.previous_manifest_digest,
        producer=Producer(message.producer.name, message.producer.version),
        requirements=tuple(
            # [PCB-EXT-005] A plain number where it was added later.
            Requirement(r.name, _MATCHES.get(r.match, r.match), tuple(r.values))
            for r in message.requirements
        ),
        blocks=tuple(
            BlockEntry(b.digest, b.size, b.compression, b.content_size) for b in message.blocks
        ),
        artifacts=tuple(artifacts),
        removed=_ids(message.removed),
    )
    return manifest, items


def _malformed(message: bundle_pb2.Manifest) -> str | None:
    """What in the manifest, but for its artifacts, can never be right, whatever else it holds."""
    if len(message.previous_manifest_digest) not in (0, DIGEST_SIZE):
        return "previous_manifest_digest is neither empty nor 32 bytes"
    for requirement in message.requirements:
        if requirement.match == 0:
            return f"requirement {requirement.name!r} has no match"
    for block in message.blocks:
        if block.compression == 0:
            return "a block has no compression"
        if len(block.digest) != DIGEST_SIZE:
            return "a block's digest is not 32 bytes"
    return None


def _malformed_artifact(artifact: StoredArtifact) -> str | None:
    if artifact.kind == 0:
        return f"artifact {artifact.key!r} has no kind"
    if len(artifact.content_digest) != DIGEST_SIZE:
        return f"artifact {artifact.key!r} has a content digest that is not 32 bytes"
    for backend in artifact.backends:
        if len(backend.content_digest) not in (0, DIGEST_SIZE):
            return f"artifact {artifact.key!r} names a backend by a digest of another size"
    return None


_MATCHES: dict[int, Match | int] = {int(match): match for match in Match}


def _ids(messages: Iterable[artifact_pb2.ArtifactId]) -> tuple[ArtifactId, ...]:
    return tuple(ArtifactId(m.type, m.key, m.content_digest) for m in messages)


def _artifacts(message: bundle_pb2.Manifest, segment: int) -> Iterator[StoredArtifact]:
    for artifact in message.artifacts:
        kind = artifact.kind
        attributes = artifact.attributes
        yield StoredArtifact(
            artifact.type,
            artifact.key,
            # [PCB-EXT-003]
            _KINDS.get(kind, kind),
            artifact.content_digest,
            artifact.content_size,
            tuple([(e.block, e.offset, e.size) for e in artifact.extents]),
            # [PCB-ART-002]
            # Another kind's are ignored; those of a kind added later are carried.
            () if kind in _WITHOUT_BACKENDS else _ids(artifact.backends),
            tuple(map(_attribute, attributes)) if attributes else (),
            segment,
        )


_KINDS: dict[int, ArtifactKind | int] = {int(kind): kind for kind in ArtifactKind}
_WITHOUT_BACKENDS = (artifact_pb2.ARTIFACT_KIND_CACHE, artifact_pb2.ARTIFACT_KIND_BACKEND)


def _attribute(message: artifact_pb2.Attribute) -> tuple[str, FieldValue]:
    which = message.WhichOneof("value")
    if which is None:
        # [PCB-EXT-007]
        return message.name, OpaqueValue(message.SerializeToString())
    return message.name, getattr(message, which)
