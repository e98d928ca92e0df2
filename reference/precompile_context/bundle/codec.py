"""Envelopes and manifests from the wire. Nothing raw of protobuf's leaves here."""

import hashlib
from array import array
from collections.abc import Iterable, Iterator

from google.protobuf.message import Message

from precompile.v1 import artifact_pb2, bundle_pb2
from precompile_context.artifact import ArtifactId, ArtifactKind
from precompile_context.bundle.density import is_too_dense
from precompile_context.bundle.manifest import PAYLOAD_TYPE, Manifest, Producer
from precompile_context.bundle.stored import DIGEST_SIZE, BlockEntry, FieldValue, OpaqueValue
from precompile_context.bundle.table import ArtifactTable, ArtifactType, Detail
from precompile_context.bundle.wire import MalformedError, fields
from precompile_context.environment import Match, Requirement
from precompile_context.errors import ErrorCode, PrecompileError

# What a manifest may require of a reader; version 1.0 defines nothing.
KNOWN_FEATURES: frozenset[str] = frozenset()
_SIGNATURES = 3


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
        PrecompileError: MALFORMED_FRAME, LIMIT_EXCEEDED, UNSUPPORTED_FEATURE, at `offset`.
    """
    data = bytes(data)
    # [PCB-ENV-008] [PCB-LIM-003]
    if (signatures := _count_signatures(data, offset)) > most_signatures:
        detail = f"{signatures} signatures; the limit is {most_signatures}"
        raise PrecompileError(ErrorCode.LIMIT_EXCEEDED, detail, offset)
    envelope = bundle_pb2.Envelope()
    # [PCB-ENV-005] [PCB-ENV-007]
    parse(envelope, data, ErrorCode.MALFORMED_FRAME, offset)
    # [PCB-ENV-004]
    if envelope.payload_digest != hashlib.sha256(envelope.payload).digest():
        detail = "the manifest's bytes are not those of the envelope's digest"
        raise PrecompileError(ErrorCode.MALFORMED_FRAME, detail, offset)
    # [PCB-ENV-002]
    if envelope.payload_type != PAYLOAD_TYPE:
        detail = f"the payload's type is {envelope.payload_type[:80]!r}, not {PAYLOAD_TYPE}"
        raise PrecompileError(ErrorCode.UNSUPPORTED_FEATURE, detail, offset)
    return envelope


def _count_signatures(data: bytes, offset: int) -> int:
    """How many there are, told before memory is taken for any."""
    try:
        return sum(number == _SIGNATURES for number, _, _ in fields(data, 0, len(data)))
    except MalformedError:
        detail = "the envelope is no sequence of fields"
        raise PrecompileError(ErrorCode.MALFORMED_FRAME, detail, offset) from None


def decode_manifest(
    payload: bytes, segment: int, offset: int, items_left: int
) -> tuple[Manifest, int]:
    """The manifest that `payload` holds, well formed but not yet valid, and its count of items.

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
    items = _count_items(message)
    # [PCB-LIM-003]
    if items > items_left:
        detail = "the manifests list more artifacts, blocks and the like than this reader takes"
        raise PrecompileError(ErrorCode.LIMIT_EXCEEDED, detail, offset)
    if fault := _malformed(message) or _malformed_table(message.artifacts):
        raise PrecompileError(ErrorCode.MALFORMED_MANIFEST, fault, offset)
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
        artifacts=_table(message.artifacts, segment),
        removed=_ids(message.removed),
    )
    return manifest, items


def _count_items(message: bundle_pb2.Manifest) -> int:
    """Elements of all lists in the manifest: what it costs to hold it, whatever its bytes."""
    table = message.artifacts
    return (
        len(table.key)
        + len(table.types)
        + len(table.details)
        + sum(len(d.backends) + len(d.attributes) for d in table.details)
        + len(message.blocks)
        + len(message.removed)
        + len(message.requirements)
        + sum(len(r.values) for r in message.requirements)
    )


def _malformed(message: bundle_pb2.Manifest) -> str | None:
    """What in the manifest, but for its artifacts, can never be right, whatever else it holds."""
    # [PCB-WIRE-005] [PCB-WIRE-006]
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


def _malformed_table(table: artifact_pb2.ArtifactTable) -> str | None:
    """What makes the columns no table. Nothing is taken out of them before they are one."""
    count = len(table.key)
    numbers = table.type, table.content_size, table.block, table.offset
    # [PCB-TABLE-001]
    if any(len(column) != count for column in numbers) or (
        len(table.content_digest) != DIGEST_SIZE * count
    ):
        return "the artifacts' columns are not of one length"
    # [PCB-TABLE-002]
    if count and max(table.type) >= len(table.types):
        return "an artifact's type is not one of those listed"
    types = [(type_.name, type_.kind) for type_ in table.types]
    # [PCB-TABLE-003]
    if len(set(types)) < len(types):
        return "a type stands twice"
    # [PCB-WIRE-005]
    if any(kind == 0 for _, kind in types):
        return "a type has no kind"
    return _malformed_details(table) if len(table.details) else None


def _malformed_details(table: artifact_pb2.ArtifactTable) -> str | None:
    before, count = -1, len(table.key)
    for detail in table.details:
        # [PCB-TABLE-004]
        if not before < detail.artifact < count:
            return "details are not of artifacts, or not in their order"
        before = detail.artifact
        if table.types[table.type[before]].kind in _WITHOUT_BACKENDS:
            continue
        # [PCB-WIRE-006]
        if any(len(b.content_digest) not in (0, DIGEST_SIZE) for b in detail.backends):
            return f"artifact {table.key[before]!r} names a backend by a digest of another size"
    return None


_MATCHES: dict[int, Match | int] = {int(match): match for match in Match}


def _ids(messages: Iterable[artifact_pb2.ArtifactId]) -> tuple[ArtifactId, ...]:
    return tuple(ArtifactId(m.type, m.key, m.content_digest) for m in messages)


def _table(table: artifact_pb2.ArtifactTable, segment: int) -> ArtifactTable:
    # [PCB-EXT-003]
    types = tuple(ArtifactType(t.name, _KINDS.get(t.kind, t.kind)) for t in table.types)
    return ArtifactTable(
        types,
        array("I", table.type),
        list(table.key),
        table.content_digest,
        array("Q", table.content_size),
        array("I", table.block),
        array("Q", table.offset),
        dict(_details(table)),
        segment,
    )


def _details(table: artifact_pb2.ArtifactTable) -> Iterator[tuple[int, Detail]]:
    for detail in table.details:
        # [PCB-ART-002]
        # Another kind's are ignored; those of a kind added later are carried.
        ignored = table.types[table.type[detail.artifact]].kind in _WITHOUT_BACKENDS
        backends = () if ignored else _ids(detail.backends)
        yield detail.artifact, Detail(backends, tuple(map(_attribute, detail.attributes)))


_KINDS: dict[int, ArtifactKind | int] = {int(kind): kind for kind in ArtifactKind}
_WITHOUT_BACKENDS = (artifact_pb2.ARTIFACT_KIND_CACHE, artifact_pb2.ARTIFACT_KIND_BACKEND)


def _attribute(message: artifact_pb2.Attribute) -> tuple[str, FieldValue]:
    which = message.WhichOneof("value")
    if which is None:
        # [PCB-EXT-007]
        return message.name, OpaqueValue(message.SerializeToString())
    return message.name, getattr(message, which)
