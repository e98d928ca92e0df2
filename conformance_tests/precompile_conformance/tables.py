"""Tables of artifacts by hand, each field as it is told or as the schema writes it."""

from precompile.v1 import artifact_pb2, bundle_pb2
from precompile_conformance.wire import record, varint

FIELDS = ("types", "type", "key", "content_digest", "content_size", "block", "offset", "details")
TYPES, TYPE, KEY, CONTENT_DIGEST, CONTENT_SIZE, BLOCK, OFFSET, DETAILS = (
    number << 3 | 2 for number in range(1, 9)
)
# Fields of a Manifest.
REQUIREMENTS, BLOCKS, ARTIFACTS, REMOVED = 0x22, 0x2A, 0x32, 0x3A
# Of a detail, and of an attribute.
BACKENDS, ATTRIBUTES = 0x12, 0x1A
NUMBERS = {"type": TYPE, "content_size": CONTENT_SIZE, "block": BLOCK, "offset": OFFSET}


def table_of(manifest: bundle_pb2.Manifest, **replaced: bytes) -> bytes:
    """The manifest's table in the order of its fields, some of them replaced by these bytes."""
    fields = []
    for name in FIELDS:
        alone = artifact_pb2.ArtifactTable()
        alone.CopyFrom(manifest.artifacts)
        for other in FIELDS:
            if other != name:
                alone.ClearField(other)
        fields.append(replaced.get(name, alone.SerializeToString(deterministic=True)))
    return b"".join(fields)


def manifest_of(manifest: bundle_pb2.Manifest, *tables: bytes) -> bytes:
    """A payload of the manifest's blocks, and tables one behind another in place of its own."""
    blocks = [record(BLOCKS, entry.SerializeToString()) for entry in manifest.blocks]
    return b"".join([*blocks, *(record(ARTIFACTS, table) for table in tables)])


def packed(tag: int, *numbers: bytes) -> bytes:
    """A column of these varints in one field."""
    return record(tag, b"".join(numbers))


def unpacked(tag: int, *numbers: bytes) -> bytes:
    """A column of these varints, each in a field of its own."""
    return b"".join(bytes([tag & ~7]) + number for number in numbers)


def column_of(manifest: bundle_pb2.Manifest, name: str) -> list[bytes]:
    """The elements of a column of numbers, as varints."""
    return [varint(number) for number in getattr(manifest.artifacts, name)]


def type_of(manifest: bundle_pb2.Manifest, *more: bytes) -> bytes:
    """The field of the table's first type, with bytes behind its own."""
    first = manifest.artifacts.types[0].SerializeToString()
    return record(TYPES, b"".join([first, *more]))


def detail(artifact: int, *fields: bytes) -> bytes:
    """The field of a detail."""
    return record(DETAILS, b"\x08" + varint(artifact) + b"".join(fields))


def attribute(*fields: bytes) -> bytes:
    """The field of an attribute within a detail."""
    return record(ATTRIBUTES, b"".join(fields))
