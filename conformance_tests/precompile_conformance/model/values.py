"""What the model's state is made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from precompile.conformance.v1 import reading_pb2
from precompile.v1 import artifact_pb2, environment_pb2
from precompile_conformance.reader import Refused
from precompile_conformance.wire import sha256

CACHE, BACKEND, ENTRY = 1, 2, 3
Name = tuple[str, str]
Backend = tuple[str, str, bytes]  # type, key, digest or empty


@dataclass(frozen=True)
class Item:
    """An artifact. `content` is a refusal where what was loaded is damaged.

    `fields` are serialized Attribute messages, sorted by name.
    """

    type: str
    key: str
    kind: int
    digest: bytes
    content: bytes | Refused = field(compare=False)
    size: int
    backends: tuple[Backend, ...] = ()
    fields: tuple[bytes, ...] = ()
    is_loaded: bool = field(default=False, compare=False)

    @property
    def name(self) -> Name:
        """Type and key."""
        return self.type, self.key

    def id(self) -> artifact_pb2.ArtifactId:
        """As a snapshot lists it."""
        return artifact_pb2.ArtifactId(type=self.type, key=self.key, content_digest=self.digest)

    def dump(self) -> reading_pb2.ArtifactDump:
        """As a reader finds it."""
        message = reading_pb2.ArtifactDump(
            type=self.type,
            key=self.key,
            kind=self.kind,  # type: ignore[arg-type]
            content_digest=self.digest,
            content_size=self.size,
        )
        for type_name, key, digest in self.backends:
            message.backends.add(type=type_name, key=key, content_digest=digest)
        for data in self.fields:
            known = artifact_pb2.Attribute.FromString(data)
            added = message.attributes.add(name=known.name)
            if which := known.WhichOneof("value"):
                setattr(added, which, getattr(known, which))
        if isinstance(self.content, Refused):
            message.content_fault.code = self.content.message().code  # it lies elsewhere by now
        return message


def item(type_name: str, key: str, kind: int, content: bytes, **others: object) -> Item:
    """An artifact of known content."""
    digest, size = sha256(content), len(content)
    return replace(Item(type_name, key, kind, digest, content, size), **others)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Segment:
    """A segment; equal ones have equal bytes.

    `origin` names one that came in a file, and `fault` is the first that verifying it meets.
    """

    requirements: tuple[tuple[str, int, tuple[str, ...]], ...]
    items: tuple[Item, ...]
    removed: tuple[Name, ...]
    previous: "Segment | None"
    origin: bytes = b""
    fault: Refused | None = field(default=None, compare=False)

    def messages(self) -> list[environment_pb2.Requirement]:
        """Its requirements."""
        return [
            environment_pb2.Requirement(name=name, match=match, values=values)  # type: ignore[arg-type]
            for name, match, values in self.requirements
        ]

    def dump(self) -> reading_pb2.SegmentDump:
        """As a reader finds it, places apart."""
        message = reading_pb2.SegmentDump(begins_chain=self.previous is None, matches=True)
        message.requirements.extend(self.messages())
        for type_name, key in self.removed:
            message.removed.add(type=type_name, key=key)
        message.artifacts.extend(one.dump() for one in self.items)
        return message


def current(
    segments: Sequence[Segment], counts: Callable[[Segment], bool] = lambda segment: True
) -> dict[Name, Item]:
    """What is current in segments, of which those count that match: the union of their chains."""
    merged: dict[Name, Item] = {}
    chain: dict[Name, Item] = {}
    for segment in segments:
        if segment.previous is None:
            merged |= chain
            chain = {}
        if counts(segment):
            for name in segment.removed:
                chain.pop(name, None)
            chain |= {one.name: one for one in segment.items}
    return merged | chain


def bundle_dump(segments: list[Segment]) -> reading_pb2.BundleDump:
    """What a reader without a host finds in a bundle, places apart."""
    dump = reading_pb2.BundleDump()
    dump.segments.extend(segment.dump() for segment in segments)
    dump.current.extend(one.id() for one in current(segments).values())
    for segment in segments:
        if segment.fault:
            dump.content_fault.code = segment.fault.message().code  # it lies elsewhere by now
            break
    return dump


@dataclass
class Book:
    """What one way of saving knows: the norm's books, but what is changed (see State)."""

    removed: dict[Name, None] = field(default_factory=dict)  # since the last such save
    held: set[Name] = field(default_factory=set)

    def written(self, current: dict[Name, Item]) -> None:
        """All of it is saved."""
        self.removed.clear()
        self.held |= current.keys()


@dataclass
class State:
    """The norm's abstract state: `saved` is what `segments` hold for this host.

    What is changed for serialize is what `saved` does not hold; `changed` is what is for files.
    """

    current: dict[Name, Item] = field(default_factory=dict)
    segments: list[Segment] = field(default_factory=list)
    saved: dict[Name, Item] = field(default_factory=dict)
    memory: Book = field(default_factory=Book)
    files: Book = field(default_factory=Book)
    changed: set[Name] = field(default_factory=set)

    def bound(self, one: Item) -> Item:
        """The item with each backend that it names without a digest bound to the current one."""
        if one.is_loaded:
            return one
        backends = tuple((t, k, digest or self._digest_of((t, k))) for t, k, digest in one.backends)
        return replace(one, backends=backends)

    def _digest_of(self, name: Name) -> bytes:
        there = self.current.get(name)
        return there.digest if there and there.kind == BACKEND else b""

    def all_bound(self) -> dict[Name, Item]:
        """What is current, as a save would write it now."""
        return {name: self.bound(one) for name, one in self.current.items()}

    def unsaved(self, saved: Mapping[Name, Item], book: Book) -> tuple[list[Item], list[Name]]:
        """The new artifacts and removals of a save to where `saved` is, in order."""
        removed = [name for name in book.removed if name in saved]
        new = [
            one
            for name, one in self.all_bound().items()
            if saved.get(name) != one or name in removed
        ]
        return new, removed

    def needs_save(self) -> bool:
        """Whether an artifact or a removal is recorded that no save has written."""
        changed = {name for name, one in self.all_bound().items() if self.saved.get(name) != one}
        if not changed.isdisjoint(self.changed):
            return True
        return any(
            name in other.removed or name not in other.held
            for book, other in ((self.memory, self.files), (self.files, self.memory))
            for name in book.removed
        )
