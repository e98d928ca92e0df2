"""Manifests to the wire: equal ones to equal bytes."""

import functools
from collections.abc import Iterable

from precompile.v1 import artifact_pb2, bundle_pb2
from precompile_context.artifact import ArtifactId, ArtifactKind
from precompile_context.bundle.framing import varint
from precompile_context.bundle.manifest import (
    FieldValue,
    Manifest,
    OpaqueValue,
    StoredArtifact,
)


def encode_manifest(manifest: Manifest, artifacts: Iterable[bytes]) -> bytes:
    """The payload of the segment's envelope.

    `artifacts` are records as `encode_artifact` gives them, in place of those of `manifest`.
    """
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
    after = bundle_pb2.Manifest()
    for removed in manifest.removed:
        # [PCB-CURR-005]
        after.removed.add(type=removed.type, key=removed.key)
    # What is of one field after another may be serialized apart.
    before = message.SerializeToString(deterministic=True)
    return b"".join((before, *artifacts, after.SerializeToString(deterministic=True)))


def encode_stored_manifest(manifest: Manifest) -> bytes:
    """The payload of a manifest that was read, and all of its artifacts."""
    return encode_manifest(manifest, map(_encode_stored, manifest.artifacts))


def _encode_stored(artifact: StoredArtifact) -> bytes:
    return encode_artifact(
        artifact.type,
        artifact.key,
        artifact.kind,
        artifact.content_digest,
        artifact.content_size,
        artifact.extents,
        artifact.backends,
        artifact.fields,
    )


def encode_artifact(
    type: str,
    key: str,
    kind: ArtifactKind | int,
    digest: bytes,
    size: int,
    extents: Iterable[tuple[int, int, int]],
    backends: tuple[ArtifactId, ...],
    fields: tuple[tuple[str, FieldValue], ...],
) -> bytes:
    """One element of `Manifest.artifacts`, tag and length included.

    Written by hand: a message made by the library, field by field, takes thrice the time.
    """
    name = key.encode()
    body = _before_key(type, len(name)) + name + _before_digest(kind) + digest
    if size:
        body += b"\x28" + varint(size)
    for block, offset, length in extents:
        extent = b"\x18" + varint(length)
        if offset:
            extent = b"\x10" + varint(offset) + extent
        if block:
            extent = b"\x08" + varint(block) + extent
        body += b"\x32" + varint(len(extent)) + extent
    if backends or fields:
        body += _backends_and_attributes(backends, fields)
    return b"\x32" + varint(len(body)) + body


@functools.lru_cache(maxsize=4096)
def _before_key(type: str, key_size: int) -> bytes:
    data = type.encode()
    return b"\x0a" + varint(len(data)) + data + b"\x12" + varint(key_size)


@functools.lru_cache(maxsize=64)
def _before_digest(kind: int) -> bytes:
    return b"\x18" + varint(kind & (1 << 64) - 1) + b"\x22\x20"


def _backends_and_attributes(
    backends: tuple[ArtifactId, ...], fields: tuple[tuple[str, FieldValue], ...]
) -> bytes:
    """The last fields of an Artifact, so that they may be serialized apart."""
    message = artifact_pb2.Artifact()
    for backend in backends:
        message.backends.add(
            type=backend.type, key=backend.key, content_digest=backend.content_digest
        )
    for name, value in fields:
        _set(message.attributes.add(name=name), value)
    return message.SerializeToString(deterministic=True)


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
