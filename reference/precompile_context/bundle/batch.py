"""Artifacts that are to be written, a column for each property."""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

from precompile_context.artifact import ArtifactId, ArtifactKind
from precompile_context.bundle.packing import PROBE_SIZE, WORKERS, Content
from precompile_context.bundle.side_by_side import submit
from precompile_context.bundle.stored import Fields
from precompile_context.bundle.stored_content import StoredContent
from precompile_context.bundle.table import ArtifactName, Detail

_sha256 = hashlib.sha256
# Small contents are hashed so many at a time: a packer's threads are at work meanwhile.
HASHED_TOGETHER = 1024


class Writable(Protocol):
    """What can be written. `digest` is the SHA-256 of its content, known to be so or checked by
    whoever reads it, where that is stored.
    """

    @property
    def type(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def kind(self) -> ArtifactKind | int: ...
    @property
    def digest(self) -> bytes: ...
    @property
    def content(self) -> Content | StoredContent: ...
    @property
    def backends(self) -> tuple[ArtifactId, ...]: ...
    @property
    def fields(self) -> Fields: ...


@dataclass(frozen=True, slots=True)
class NewArtifact:
    """An artifact to be written, in memory or still in another bundle.

    A stored content is read, and checked, when it is written.
    """

    type: str
    key: str
    kind: ArtifactKind | int
    digest: bytes
    content: Content | StoredContent
    backends: tuple[ArtifactId, ...] = ()
    fields: Fields = ()


@dataclass(slots=True)
class Batch:
    """Rows of what is to be written.

    Attributes:
        digests: of each content; None of a row in memory that is not hashed yet.
        owners: by row, those whose digest, when it is asked for, is computed and kept there.
        details: by row, of those that have any.
    """

    names: list[ArtifactName] = field(default_factory=list)
    kinds: list[ArtifactKind | int] = field(default_factory=list)
    contents: list[Content | StoredContent] = field(default_factory=list)
    digests: list[bytes | None] = field(default_factory=list)
    owners: dict[int, Writable] = field(default_factory=dict)
    details: dict[int, Detail] = field(default_factory=dict)

    @classmethod
    def of(cls, artifacts: Iterable[Writable]) -> "Batch":
        """Of artifacts one by one."""
        batch = cls()
        for artifact in artifacts:
            batch.add(artifact)
        return batch

    @classmethod
    def plain(cls, names: list[ArtifactName], contents: Sequence[bytes]) -> "Batch":
        """Of kind CACHE, all of them, with nothing but contents."""
        kinds: list[ArtifactKind | int] = [ArtifactKind.CACHE] * len(names)
        return cls(names, kinds, list(contents), [None] * len(names))

    def add(self, artifact: Writable) -> None:
        """A further row."""
        row = len(self.names)
        self.names.append((artifact.type, artifact.key))
        self.kinds.append(artifact.kind)
        self.contents.append(artifact.content)
        self.digests.append(None)
        self.owners[row] = artifact
        if artifact.backends or artifact.fields:
            self.details[row] = Detail(artifact.backends, artifact.fields)

    def add_plain(self, name: ArtifactName, content: bytes) -> None:
        """A further row, of kind CACHE, with nothing but a content."""
        self.names.append(name)
        self.kinds.append(ArtifactKind.CACHE)
        self.contents.append(content)
        self.digests.append(None)

    def __len__(self) -> int:
        return len(self.names)

    def part(self, start: int, stop: int) -> "Batch":
        """The rows from `start` to `stop`."""
        rows = range(start, min(stop, len(self)))
        return Batch(
            self.names[start:stop],
            self.kinds[start:stop],
            self.contents[start:stop],
            self.digests[start:stop],
            {row - start: self.owners[row] for row in rows if row in self.owners},
            {row - start: self.details[row] for row in rows if row in self.details},
        )

    @property
    def has_stored(self) -> bool:
        """Whether a content lies in a bundle and is read when its turn comes."""
        return StoredContent in set(map(type, self.contents))

    @property
    def is_small(self) -> bool:
        """Whether all contents are in memory, and none so large that it is hashed by itself."""
        return max(map(len, self.contents), default=0) < PROBE_SIZE and not self.has_stored

    @property
    def content(self) -> int:
        """Bytes of all contents together."""
        return sum(map(len, self.contents))

    @property
    def items(self) -> int:
        """How many things a manifest lists for them, or a few more."""
        listed = sum(1 + len(d.backends) + len(d.fields) for d in self.details.values())
        return 2 * len(self) + listed  # a key, and a block entry at most


def hashed_ahead(batch: Batch) -> Iterator[bytes]:
    """The digest of each row in order, kept in the batch.

    Those of large contents are computed ahead, side by side.
    """
    large = [row for row, content in enumerate(batch.contents) if len(content) >= PROBE_SIZE]
    if large or batch.owners:
        yield from _hashed_one_by_one(batch, iter(large))
        return
    contents: list[Any] = batch.contents  # in memory, since nobody owns their digests
    for start in range(0, len(batch), HASHED_TOGETHER):
        rows = slice(start, start + HASHED_TOGETHER)
        batch.digests[rows] = [_sha256(content).digest() for content in contents[rows]]
        yield from batch.digests[rows]  # type: ignore[misc]  # none of them is None now


def _hashed_one_by_one(batch: Batch, large: Iterator[int]) -> Iterator[bytes]:
    ahead: deque[tuple[int, Future[bytes]]] = deque()
    with ThreadPoolExecutor(WORKERS) as pool:

        def look_ahead(count: int) -> None:
            for row in islice(large, count):
                ahead.append((row, submit(pool, _digest, batch, row)))

        look_ahead(2 * WORKERS)
        for row in range(len(batch)):
            if ahead and ahead[0][0] == row:
                digest = ahead.popleft()[1].result()
                look_ahead(1)
            else:
                digest = _digest(batch, row)
            batch.digests[row] = digest
            yield digest


def _digest(batch: Batch, row: int) -> bytes:
    owner = batch.owners.get(row)
    if owner is not None:
        return owner.digest
    content = batch.contents[row]
    assert not isinstance(content, StoredContent)  # it has an owner
    return _sha256(content).digest()
