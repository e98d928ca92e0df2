"""An artifact as a context holds it: content in memory, or still in the bundle it came with."""

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Union

from precompile_context.artifact import ArtifactId, ArtifactKind
from precompile_context.bundle import (
    ArtifactName,
    ArtifactTable,
    Bundle,
    StoredArtifact,
    StoredContent,
)
from precompile_context.bundle.rows import Rows
from precompile_context.bundle.stored import Fields, Identity, identity

# Where very many are held, each is the least that says all:
#   bytes: the small content of a CACHE artifact that was recorded and has no further fields.
#   int: its row in what was loaded (see `Loaded`).
#   Held: anything else.
Value = Union[bytes, int, "Held"]
# The digest of a content of this size or more is kept with it: it takes longer to compute than
# to hold.
LARGE = 16 << 10


def digest_of(content: bytes) -> bytes:
    """SHA-256, the identity of content."""
    return hashlib.sha256(content).digest()


@dataclass(slots=True, eq=False)  # not frozen: a frozen one takes thrice the time to make
class Held:
    """One current artifact. Nothing of it changes once it is made.

    A backend is named by the digest that it had when this entry was last saved;
    before that, by an empty digest, which stands for the backend current then.
    """

    type: str
    key: str
    kind: ArtifactKind | int
    content: bytes | StoredContent
    backends: tuple[ArtifactId, ...] = ()
    fields: Fields = ()
    _digest: bytes | None = None

    @classmethod
    def loaded(cls, bundle: Bundle, stored: StoredArtifact) -> "Held":
        """An artifact of a loaded bundle; its content is read when it is asked for."""
        return cls(
            stored.type,
            stored.key,
            # [PCB-CTX-016] [PCB-EXT-008]
            stored.kind,
            StoredContent(bundle, stored),
            stored.backends,
            stored.fields,
            stored.content_digest,
        )

    @property
    def digest(self) -> bytes:
        """SHA-256 of the content, computed when first asked for: a save does it side by side."""
        if self._digest is None:
            assert isinstance(self.content, bytes)  # what is loaded came with its digest
            self._digest = digest_of(self.content)
        return self._digest

    @property
    def size(self) -> int:
        """Bytes of its content."""
        return len(self.content)

    @property
    def is_loaded(self) -> bool:
        """Whether the artifact came with a bundle, and its content is still there."""
        return isinstance(self.content, StoredContent)

    @property
    def name(self) -> ArtifactName:
        """(type, key)."""
        return self.type, self.key

    @property
    def id(self) -> ArtifactId:
        """Its name with its digest."""
        return ArtifactId(self.type, self.key, self.digest)

    @property
    def identity(self) -> Identity:
        """What makes another artifact of this name the same one."""
        return identity(self.kind, self.digest, self.backends, self.fields)

    def read(self) -> bytes:
        """The content.

        Raises:
            PrecompileError: a CONTENT code, where the bundle it came with is damaged.
        """
        # [PCB-CTX-030] [PCB-POP-009]
        return self.content if isinstance(self.content, bytes) else self.content.read()

    def bound(self, backends: tuple[ArtifactId, ...]) -> "Held":
        """The same artifact, naming its backends by these digests."""
        return dataclasses.replace(self, backends=backends)


class _Part(NamedTuple):
    """The artifacts of one segment of a loaded bundle."""

    bundle: Bundle
    segment: int
    table: ArtifactTable

    def __len__(self) -> int:
        return len(self.table)


class Loaded:
    """The bundles that were loaded; a number stands for an artifact of one of them.

    Numbers are given once: what was let go of takes none along.

    Attributes:
        holds_only_caches: whether none of them lists a type of another kind than CACHE.
    """

    def __init__(self, first: int = 0) -> None:
        """`first` is the number of the first artifact."""
        self.holds_only_caches = True
        self._rows: Rows[_Part] = Rows(first)

    @property
    def end(self) -> int:
        """The first number that stands for nothing."""
        return self._rows.end

    def add(self, bundle: Bundle) -> int:
        """Take a bundle; what is to be added to a row of it, to make its number here."""
        first = self._rows.end
        for segment in bundle.segments:
            table = segment.manifest.artifacts
            self._rows.add(_Part(bundle, segment.index, table))
            if any(type_.kind != ArtifactKind.CACHE for type_ in table.types):
                self.holds_only_caches = False
        return first

    def kind(self, number: int) -> ArtifactKind | int:
        """What is done with the artifact."""
        part, row = self._rows.find(number)
        return part.table.kind(row)

    def held(self, name: ArtifactName, value: Value) -> Held:
        """The artifact of this name, whatever it is held as."""
        if isinstance(value, bytes):
            return Held(*name, ArtifactKind.CACHE, value)
        if isinstance(value, int):
            return Held.loaded(*self.stored(value))
        return value

    def stored(self, number: int) -> tuple[Bundle, StoredArtifact]:
        """The artifact as its bundle has it."""
        part, row = self._rows.find(number)
        return part.bundle, part.table.artifact(row)

    def read(self, number: int) -> tuple[bytes, Fields]:
        """Content and further fields.

        Raises:
            PrecompileError: a CONTENT code.
        """
        (bundle, segment, table), row = self._rows.find(number)
        content = bundle.read_row(segment, row)
        return content, (table.details[row].fields if row in table.details else ())


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was current at one moment, in first-recorded order.

    Attributes:
        current: the very values.
        resolved: the same with their backends bound; the same dict where there are none.
        loaded: what the numbers among them stand for.
        version: of the state that it is of.
    """

    current: dict[ArtifactName, Value]
    resolved: dict[ArtifactName, Value]
    loaded: Loaded
    version: int = 0

    @classmethod
    def of(cls, current: Mapping[ArtifactName, Held]) -> "Snapshot":
        """Of artifacts that are in no context."""
        values: dict[ArtifactName, Value] = dict(current)
        return cls(values, values, Loaded())

    def held(self, name: ArtifactName) -> Held:
        """The artifact of this name, which is current, its backends bound."""
        return self.loaded.held(name, self.resolved[name])

    def read(self, name: ArtifactName) -> tuple[bytes, Fields]:
        """Content and further fields of the artifact of this name, which is current.

        Raises:
            PrecompileError: a CONTENT code, where the bundle it came with is damaged.
        """
        value = self.resolved[name]
        if isinstance(value, int):
            return self.loaded.read(value)
        return (value, ()) if isinstance(value, bytes) else (value.read(), value.fields)

    def by_kind(
        self,
    ) -> tuple[list[ArtifactName], list[tuple[ArtifactName, ArtifactKind | int]]]:
        """The names of kind CACHE, and all others with their kinds."""
        only_caches = self.loaded.holds_only_caches
        if set(map(type, self.resolved.values())) <= ({bytes, int} if only_caches else {bytes}):
            return list(self.resolved), []  # as most often, where there are very many
        caches: list[ArtifactName] = []
        others: list[tuple[ArtifactName, ArtifactKind | int]] = []
        for name, value in self.resolved.items():
            if isinstance(value, bytes) or (only_caches and isinstance(value, int)):
                caches.append(name)
                continue
            kind = self.loaded.kind(value) if isinstance(value, int) else value.kind
            if kind == ArtifactKind.CACHE:
                caches.append(name)
            else:
                others.append((name, kind))
        return caches, others
