"""A manifest's artifacts: a column for each property, and an object for the one asked for."""

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import repeat
from operator import itemgetter
from typing import NamedTuple, overload

from precompile_context.artifact import ArtifactId, ArtifactKind
from precompile_context.bundle.stored import DIGEST_SIZE, Fields, StoredArtifact

ArtifactName = tuple[str, str]


class ArtifactType(NamedTuple):
    """A type of artifacts and what is done with them; a plain int is a kind added later."""

    name: str
    kind: ArtifactKind | int


class Detail(NamedTuple):
    """What few artifacts have."""

    backends: tuple[ArtifactId, ...] = ()
    fields: Fields = ()


_NONE = Detail()
# `StoredArtifact._make` without the call of a function for each.
_STORED: Callable[[Iterable[object]], StoredArtifact] = partial(tuple.__new__, StoredArtifact)


@dataclass(frozen=True, slots=True)
class ArtifactTable(Sequence[StoredArtifact]):
    """The artifacts of one manifest in its order, rows of columns that have one length.

    100,000 of them are a few buffers; what is iterated over or indexed is made then.

    Attributes:
        types: those in use; `type` holds an index into them for each row.
        content_digest: 32 bytes a row, one behind another.
        block, offset: where each content begins; both 0 where it is empty.
        details: by row, of those that have any.
        segment: the manifest's index in its bundle.
    """

    types: tuple[ArtifactType, ...] = ()
    type: Sequence[int] = ()
    key: Sequence[str] = ()
    content_digest: bytes = b""
    content_size: Sequence[int] = ()
    block: Sequence[int] = ()
    offset: Sequence[int] = ()
    details: Mapping[int, Detail] = field(default_factory=dict)
    segment: int = 0

    def __len__(self) -> int:
        return len(self.key)

    @overload
    def __getitem__(self, index: int) -> StoredArtifact: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[StoredArtifact, ...]: ...
    def __getitem__(self, index: int | slice) -> StoredArtifact | tuple[StoredArtifact, ...]:
        rows = range(len(self.key))[index]
        if isinstance(rows, range):
            return tuple(map(self.artifact, rows))
        return self.artifact(rows)

    def __iter__(self) -> Iterator[StoredArtifact]:
        names, kinds = self._names_and_kinds()
        details = [self.details.get(row, _NONE) for row in range(len(self))] if self.details else ()
        columns = zip(
            map(names.__getitem__, self.type),
            self.key,
            map(kinds.__getitem__, self.type),
            self.digests(),
            self.content_size,
            self.block,
            self.offset,
            map(itemgetter(0), details) if details else repeat(()),
            map(itemgetter(1), details) if details else repeat(()),
            repeat(self.segment),
            strict=False,
        )
        return map(_STORED, columns)

    def artifact(self, row: int) -> StoredArtifact:
        """The artifact of one row."""
        type_name, kind = self.types[self.type[row]]
        backends, fields = self.details.get(row, _NONE)
        at = DIGEST_SIZE * row
        return StoredArtifact(
            type_name,
            self.key[row],
            kind,
            self.content_digest[at : at + DIGEST_SIZE],
            self.content_size[row],
            self.block[row],
            self.offset[row],
            backends,
            fields,
            self.segment,
        )

    def _names_and_kinds(self) -> tuple[list[str], list[ArtifactKind | int]]:
        return [type_.name for type_ in self.types], [type_.kind for type_ in self.types]

    def digest(self, row: int) -> bytes:
        """SHA-256 of one content."""
        at = DIGEST_SIZE * row
        return self.content_digest[at : at + DIGEST_SIZE]

    def digests(self) -> Iterator[bytes]:
        """SHA-256 of each content in order."""
        return map(itemgetter(0), struct.iter_unpack(f"{DIGEST_SIZE}s", self.content_digest))

    def name(self, row: int) -> ArtifactName:
        """(type, key) of one row."""
        return self.types[self.type[row]].name, self.key[row]

    def names(self) -> Iterator[ArtifactName]:
        """(type, key) of each row in order."""
        names = [type_.name for type_ in self.types]
        return zip(map(names.__getitem__, self.type), self.key, strict=True)

    def kind(self, row: int) -> ArtifactKind | int:
        """What is done with the artifact."""
        return self.types[self.type[row]].kind

    @property
    def content(self) -> int:
        """Bytes of all contents together."""
        return sum(self.content_size)

    @property
    def items(self) -> int:
        """How many things it lists, as a reader's limit `items` counts them."""
        listed = sum(len(d.backends) + len(d.fields) for d in self.details.values())
        return len(self.key) + len(self.types) + len(self.details) + listed


def types_of(
    names: Sequence[str], kinds: Sequence[ArtifactKind | int]
) -> tuple[tuple[ArtifactType, ...], Sequence[int]]:
    """The types in the order of their first artifacts, and the column of indexes into them."""
    # [PCB-DET-004]
    index: dict[tuple[str, ArtifactKind | int], int] = {}
    if len(set(names)) == 1 and len(set(kinds)) == 1:  # as most often
        index[names[0], kinds[0]] = 0
        return (ArtifactType(names[0], kinds[0]),), bytes(len(names))
    pairs = list(zip(names, kinds, strict=True))
    for pair in pairs:
        index.setdefault(pair, len(index))
    return tuple(map(ArtifactType._make, index)), list(map(index.__getitem__, pairs))
