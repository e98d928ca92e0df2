"""The table of artifacts: what its columns must be, and one artifact of it as one value."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from precompile.v1 import artifact_pb2

DIGEST_SIZE = 32
CACHE, BACKEND = 1, 2


@dataclass(frozen=True)
class Row:
    """One artifact. `backends` are none where the kind has none, whatever stands there."""

    type: str
    kind: int
    key: str
    content_digest: bytes
    content_size: int
    block: int
    offset: int
    backends: tuple[artifact_pb2.ArtifactId, ...]
    attributes: tuple[artifact_pb2.Attribute, ...]

    @property
    def name(self) -> tuple[str, str]:
        """Type and key."""
        return self.type, self.key


def rows(table: artifact_pb2.ArtifactTable) -> list[Row]:
    """The artifacts of a table without fault, in order."""
    details = {detail.artifact: detail for detail in table.details}
    none = artifact_pb2.ArtifactDetail()
    made = []
    for index, key in enumerate(table.key):
        type_ = table.types[table.type[index]]
        detail = details.get(index, none)
        backends = () if type_.kind in (CACHE, BACKEND) else tuple(detail.backends)
        digest = table.content_digest[DIGEST_SIZE * index : DIGEST_SIZE * (index + 1)]
        made.append(
            Row(
                type_.name, int(type_.kind), key, digest, table.content_size[index],
                table.block[index], table.offset[index], backends, tuple(detail.attributes),
            )
        )  # fmt: skip
    return made


def faults(table: artifact_pb2.ArtifactTable) -> Iterator[str]:
    """What of it can never be right, the plainest first; what follows rests on what came before."""
    count = len(table.key)
    columns = (table.type, table.content_size, table.block, table.offset)
    if any(len(column) != count for column in columns):
        yield "columns of different lengths"
    if len(table.content_digest) != DIGEST_SIZE * count:
        yield "content_digest is not 32 bytes an artifact"
    if any(index >= len(table.types) for index in table.type):
        yield "a type past the end of types"
    if any(not type_.kind for type_ in table.types):
        yield "a type without kind"
    pairs = [(type_.name, type_.kind) for type_ in table.types]
    if len(set(pairs)) < len(pairs):
        yield "a type twice"
    places = [detail.artifact for detail in table.details]
    if any(one >= other for one, other in pairwise(places)):
        yield "details that do not ascend"
    if any(place >= count for place in places):
        yield "a detail past the end of the table"
    digests = (len(one.content_digest) for row in rows(table) for one in row.backends)
    if any(size not in (0, DIGEST_SIZE) for size in digests):
        yield "a backend's digest"
