"""What a context knows: the current artifacts, and which of them are saved where."""

from dataclasses import dataclass, field

from precompile_context.artifact import ArtifactId
from precompile_context.bundle import Bundle, Chain, JoinedSource, Segment
from precompile_context.bundle.manifest import Identity
from precompile_context.bundle.source import ByteSource
from precompile_context.held import ArtifactName, Held

# By name: the very object that was current, and the same with its backends bound.
Snapshot = dict[ArtifactName, tuple[Held, Held]]


@dataclass(slots=True)
class Pending:
    """Names changed and names removed since the last save to one destination.

    `holds` are the names that were ever saved there: no other's removal is written.
    """

    changed: set[ArtifactName] = field(default_factory=set)
    removed: dict[ArtifactName, None] = field(default_factory=dict)
    holds: set[ArtifactName] = field(default_factory=set)


class State:
    """The state of a PrecompileContext; its methods expect that the context's lock is held.

    Attributes:
        held: current artifacts in first-recorded order.
        segments: what is serialized so far, as ranges of sources.
        saved: what those segments hold for this environment.
        memory, file: what is not in those segments, and not in the last file saved to.
    """

    def __init__(self) -> None:
        self.held: dict[ArtifactName, Held] = {}
        self.saved: dict[ArtifactName, Identity] = {}
        self.memory = Pending()
        self.file = Pending()
        self.segments: list[tuple[ByteSource, int, int]] = []
        self.digests: list[bytes] = []
        self.chain = Chain()
        self.serialized: bytes | None = None
        # Backend name to the entries that name it, or once did.
        self._named_by: dict[ArtifactName, set[ArtifactName]] = {}

    def need_save(self) -> bool:
        """Whether anything is saved nowhere."""
        # [PCB-CTX-012]
        if not self.memory.changed.isdisjoint(self.file.changed):
            return True
        pairs = (self.memory, self.file), (self.file, self.memory)
        return any(
            name in other.removed or name not in other.holds
            for pending, other in pairs
            for name in pending.removed
        )

    def resolve(self, held: Held) -> Held:
        """`held` with each backend that it names without a digest bound to the current one.

        A loaded entry is as it was saved: a backend that was not there then stays missing.
        """
        # [PCB-CTX-023] [PCB-ART-001]
        if held.is_loaded or all(backend.content_digest for backend in held.backends):
            return held
        return held.bound(tuple(self._resolve(backend) for backend in held.backends))

    def _resolve(self, backend: ArtifactId) -> ArtifactId:
        current = self.held.get((backend.type, backend.key))
        if backend.content_digest or current is None:
            return backend
        return current.id

    def put(self, held: Held) -> None:
        """Make `held` current, unless an equal artifact is."""
        current = self.held.get(held.name)
        # [PCB-CTX-006]
        if current and self.resolve(current).identity == self.resolve(held).identity:
            if held.backends:
                # Recorded again, an entry goes with the backends that are current at the next
                # save, as one does that was never saved.
                self.held[held.name] = held
            return
        # [PCB-CTX-007]
        self._set(held)
        self._backend_changed(held.name)

    def _backend_changed(self, name: ArtifactName) -> None:
        """Entries that name it without a digest mean its new content."""
        # [PCB-CTX-024]
        for entry in self._entries_naming(ArtifactId(*name)):
            self._changed(entry)

    def edit(self, held: Held) -> None:
        """Make `held` current in place of a backend; the entries that named that follow."""
        before = self.held[held.name].id
        if held.id == before:
            return
        self.put(held)
        unbound = ArtifactId(held.type, held.key)
        # The latter too become new objects: a save at work would bind them to what was there.
        for entry in (*self._entries_naming(before), *self._entries_naming(unbound)):
            # [PCB-CTX-011]
            backends = tuple(held.id if id_ == before else id_ for id_ in entry.backends)
            self._set(entry.bound(backends))

    def _set(self, held: Held) -> None:
        self.held[held.name] = held
        for backend in held.backends:
            self._named_by.setdefault((backend.type, backend.key), set()).add(held.name)
        self._changed(held)

    def _changed(self, held: Held) -> None:
        self.file.changed.add(held.name)
        if self.saved.get(held.name) == self.resolve(held).identity:
            self.memory.changed.discard(held.name)  # back to what was serialized
        else:
            self.memory.changed.add(held.name)

    def _entries_naming(self, backend: ArtifactId) -> list[Held]:
        """The current entries that name a backend by exactly this digest."""
        names = self._named_by.get((backend.type, backend.key), ())
        entries = (self.held.get(name) for name in names)
        return [entry for entry in entries if entry and backend in entry.backends]

    def remove(self, name: ArtifactName) -> bool:
        """Take an artifact away; whether it was there."""
        if self.held.pop(name, None) is None:
            return False
        for pending in (self.memory, self.file):
            pending.changed.discard(name)
            # [PCB-CTX-009]
            if name in pending.holds:
                # [PCB-DET-005]
                pending.removed[name] = None
        self._backend_changed(name)
        return True

    def unserialized(self, snapshot: Snapshot) -> list[Held]:
        """What the next segment holds, in recorded order."""
        names = self.memory.changed | self.memory.removed.keys()
        if not names:
            return []
        return [resolved for name, (_, resolved) in snapshot.items() if name in names]

    def snapshot(self) -> Snapshot:
        """What is current now, as it is and with its backends bound."""
        return {name: (held, self.resolve(held)) for name, held in self.held.items()}

    def mark_saved(self, snapshot: Snapshot, pending: Pending) -> None:
        """What was current at the snapshot is saved, bound to the backends of then."""
        for name, (held, resolved) in snapshot.items():
            pending.holds.add(name)
            # [PCB-CTX-022]
            if name not in self.held:
                pending.removed[name] = None  # removed while it was being written
            elif self.held[name] is held:
                self.held[name] = resolved
                if self.resolve(resolved).identity == resolved.identity:
                    pending.changed.discard(name)

    def adopt(self, bundle: Bundle, matching: tuple[Segment, ...]) -> None:
        """A loaded bundle's segments come after those so far, its artifacts become current."""
        # [PCB-CTX-027] [PCB-CTX-029]
        self._adopt_segments(bundle)
        for segment in matching:
            for removed in segment.manifest.removed:
                self.held.pop((removed.type, removed.key), None)
                self.saved.pop((removed.type, removed.key), None)
            for stored in segment.manifest.artifacts:
                held = Held.loaded(bundle, stored)
                self._set(held)
                self._backend_changed(held.name)
                self.saved[held.name] = held.identity
                for pending in (self.memory, self.file):
                    pending.holds.add(held.name)
                    pending.changed.discard(held.name)
                    pending.removed.pop(held.name, None)

    def _adopt_segments(self, bundle: Bundle) -> None:
        digests = [segment.payload_digest for segment in bundle.segments]
        # [PCB-CTX-028]
        if self.digests[len(self.digests) - len(digests) :] == digests:
            return  # loaded before: those very segments are the last ones already
        if digests[: len(self.digests)] == self.digests:
            self.segments, self.digests = [], []  # the same bundle, grown
        self.segments.append((bundle.source, 0, bundle.size))
        self.digests += digests
        self.chain = Chain.of(bundle)
        self.serialized = None

    def joined(self) -> bytes:
        """All segments so far as one bundle; the same object until there is a new one."""
        if self.serialized is None:
            source = JoinedSource(self.segments)
            self.serialized = bytes(source.read(0, source.size))
        return self.serialized
