"""Manifests to the wire: equal ones to equal bytes."""

from collections.abc import Iterable, Sequence

from precompile.v1 import artifact_pb2, bundle_pb2
from precompile_context.artifact import ArtifactId, ArtifactKind
from precompile_context.bundle.manifest import Extent, FieldValue, Manifest, OpaqueValue

# Type, key, kind, digest, size, extents, backends, fields; a plain tuple, because there are very
# many.
Record = tuple[
    str,
    str,
    ArtifactKind | int,
    bytes,
    int,
    Sequence[Extent],
    tuple[ArtifactId, ...],
    tuple[tuple[str, FieldValue], ...],
]


def encode_stored_manifest(manifest: Manifest) -> bytes:
    """The payload of a manifest that was read, and all of its artifacts."""
    return encode_manifest(manifest, (artifact[:8] for artifact in manifest.artifacts))


def encode_manifest(manifest: Manifest, artifacts: Iterable[Record]) -> bytes:
    """The payload of the segment's envelope; `artifacts` are in place of those of `manifest`."""
    # [PCB-DET-003] [PCB-WIRE-009] [PCB-EXT-002] [PCB-EXT-006]
    message = bundle_pb2.Manifest(
        previous_manifest_digest=manifest.previous_manifest_digest,
        producer=bundle_pb2.Producer(
            name=manifest.producer.name, version=manifest.producer.version
        ),
    )
    for requirement in manifest.requirements:
        message.requirements.add(
            name=requirement.name,
            match=requirement.match,
            values=requirement.values,
        )
    for block in manifest.blocks:
        message.blocks.add(
            digest=block.digest,
            size=block.size,
            compression=block.compression,
            content_size=block.content_size,
        )
    for artifact in artifacts:
        _add_artifact(message, artifact)
    for removed in manifest.removed:
        # [PCB-CURR-005]
        message.removed.add(type=removed.type, key=removed.key)
    return message.SerializeToString(deterministic=True)


def _add_artifact(message: bundle_pb2.Manifest, artifact: Record) -> None:
    type, key, kind, digest, size, extents, backends, fields = artifact
    added = message.artifacts.add()  # and field by field: faster than by keywords
    added.type = type
    added.key = key
    added.kind = kind  # type: ignore[assignment]  # of a kind added later, the stub knows nothing
    added.content_digest = digest
    added.content_size = size
    for block, offset, length in extents:
        extent = added.extents.add()
        extent.block = block
        extent.offset = offset
        extent.size = length
    for backend in backends:
        added.backends.add(
            type=backend.type, key=backend.key, content_digest=backend.content_digest
        )
    for name, value in fields:
        _set(added.attributes.add(name=name), value)


def _set(message: artifact_pb2.Attribute, value: FieldValue) -> None:
    match value:
        case OpaqueValue():
            message.MergeFromString(value.message)
        # [PCB-ART-006]
        case bool():  # before int: to Python a bool is one
            message.bool_value = value
        case int():
            message.int_value = value
        case float():
            message.double_value = value
        case str():
            message.string_value = value
        case bytes():
            message.bytes_value = value
