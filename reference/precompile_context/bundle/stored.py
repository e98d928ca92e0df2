"""A block and an artifact as a manifest describes them."""

import struct
from dataclasses import dataclass
from typing import NamedTuple

from precompile_context.artifact import ArtifactId, ArtifactKind, AttributeValue

DIGEST_SIZE = 32


class BlockEntry(NamedTuple):
    """One block; `size` is its record's length, 0 for an external one."""

    digest: bytes
    size: int
    compression: int
    content_size: int


@dataclass(frozen=True, slots=True)
class OpaqueValue:
    """An attribute's value of a type added later: carried as its message, handed to nobody."""

    message: bytes


FieldValue = AttributeValue | OpaqueValue
Fields = tuple[tuple[str, FieldValue], ...]


class StoredArtifact(NamedTuple):
    """An artifact as a manifest describes it; `segment` is that manifest's index in its bundle.

    Its content begins at byte `offset` of the content of the manifest's block `block`.
    `fields` are its attributes in wire order.
    """

    type: str
    key: str
    kind: ArtifactKind | int
    content_digest: bytes
    content_size: int
    block: int
    offset: int
    backends: tuple[ArtifactId, ...] = ()
    fields: Fields = ()
    segment: int = 0

    @property
    def attributes(self) -> dict[str, AttributeValue | None]:
        """The attributes by name; one of a type added later is None."""
        return {n: None if isinstance(v, OpaqueValue) else v for n, v in self.fields}

    @property
    def identity(self) -> "Identity":
        """What makes another artifact of the same (type, key) the same artifact."""
        return identity(self.kind, self.content_digest, self.backends, self.fields)


Identity = tuple[int, bytes, tuple[ArtifactId, ...], tuple[tuple[str, str, bytes], ...]]


def identity(
    kind: int, digest: bytes, backends: tuple[ArtifactId, ...], fields: Fields
) -> Identity:
    """A hashable value, equal for equal artifacts; doubles compare bit by bit, 1 is not True."""
    if not fields:
        return int(kind), digest, backends, ()
    values = tuple((name, type(value).__name__, _bits(value)) for name, value in fields)
    return int(kind), digest, backends, values


def _bits(value: FieldValue) -> bytes:
    if isinstance(value, OpaqueValue):
        return value.message
    if isinstance(value, float):
        return struct.pack("<d", value)
    return value if isinstance(value, bytes) else str(value).encode()
