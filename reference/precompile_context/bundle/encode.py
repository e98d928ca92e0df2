"""Manifests to the wire: equal ones to equal bytes."""

from precompile.v1 import artifact_pb2, bundle_pb2
from precompile_context.bundle.manifest import Manifest
from precompile_context.bundle.stored import FieldValue, OpaqueValue
from precompile_context.bundle.table import ArtifactTable


def encode_manifest(manifest: Manifest) -> bytes:
    """The payload of the segment's envelope."""
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
    if manifest.artifacts.types:
        _fill(message.artifacts, manifest.artifacts)
    for removed in manifest.removed:
        # [PCB-CURR-005]
        message.removed.add(type=removed.type, key=removed.key)
    return message.SerializeToString(deterministic=True)


def _fill(message: artifact_pb2.ArtifactTable, table: ArtifactTable) -> None:
    for type_ in table.types:
        message.types.add(name=type_.name, kind=type_.kind)
    message.type.extend(table.type)
    message.key.extend(table.key)
    message.content_digest = table.content_digest
    message.content_size.extend(table.content_size)
    message.block.extend(table.block)
    message.offset.extend(table.offset)
    for row, detail in table.details.items():
        added = message.details.add(artifact=row)
        for backend in detail.backends:
            added.backends.add(
                type=backend.type, key=backend.key, content_digest=backend.content_digest
            )
        for name, value in detail.fields:
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
