"""What a context knows: the current artifacts, and which of them are saved where."""

from dataclasses import dataclass, field

from precompile_context.artifact import ArtifactId, ArtifactKind
from precompile_context.bundle import Bundle, Chain, JoinedSource, Segment
from precompile_context.bundle.source import ByteSource
from precompile_context.destination import Destination
from precompile_context.held import ArtifactName, Held


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was current at one moment: the very objects, and the same with their backends bound."""

    current: dict[ArtifactName, Held]
    resolved: dict[ArtifactName, Held]
    removals: int  # how many there had been


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
        destination: what that file held.
    """

    def __init__(self) -> None:
        self.held: dict[ArtifactName, Held] = {}
        self.saved: dict[ArtifactName, Held] = {}
        self.memory = Pending()
        self.file = Pending()
        self.destination = Destination()
        self.segments: list[tuple[ByteSource, int, int]] = []
        self.digests: list[bytes] = []
        self._chain: Chain | Bundle = Chain()
        self.serialized: bytes | None = None
        # Backend name to the entries that name it, or once did.
        self._named_by: dict[ArtifactName, set[ArtifactName]] = {}
        self._removals = 0

    @property
    def chain(self) -> Chain:
        """What the next segment continues; that of a loaded bundle is made when it is asked for."""
        if isinstance(self._chain, Bundle):
            self._chain = Chain.of(self._chain)
        return self._chain

    @chain.setter
    def chain(self, chain: Chain) -> None:
        self._chain = chain

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
        if not held.backends or held.is_loaded or all(b.content_digest for b in held.backends):
            return held
        return held.bound(tuple(self._resolve(backend) for backend in held.backends))

    def _resolve(self, backend: ArtifactId) -> ArtifactId:
        current = self.held.get((backend.type, backend.key))
        if backend.content_digest or current is None or current.kind != ArtifactKind.BACKEND:
            return backend
        return current.id

    def put(self, held: Held) -> None:
        """Make `held` current, unless an equal artifact is."""
        name = held.type, held.key
        current = self.held.get(name)
        # [PCB-CTX-006]
        if (
            current
            and current.size == held.size  # else their digests need not be computed
            and self.resolve(current).identity == self.resolve(held).identity
        ):
            if held.backends:
                # Recorded again, an entry goes with the backends that are current at the next
                # save, as one does that was never saved.
                self.held[name] = held
            return
        # [PCB-CTX-007]
        self._set(name, held)
        if name in self._named_by:
            self._backend_changed(name)

    def _backend_changed(self, name: ArtifactName) -> None:
        """Entries that name it without a digest mean its new content."""
        # [PCB-CTX-024]
        for entry in self._entries_naming(ArtifactId(*name)):
            self._changed(entry.name, entry)

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
            self._set(entry.name, entry.bound(backends))

    def _set(self, name: ArtifactName, held: Held) -> None:
        self.held[name] = held
        if held.backends:
            self._name_backends(name, held)
        self._changed(name, held)

    def _name_backends(self, name: ArtifactName, entry: Held) -> None:
        for backend in entry.backends:
            self._named_by.setdefault((backend.type, backend.key), set()).add(name)

    def _changed(self, name: ArtifactName, held: Held) -> None:
        self.file.changed.add(name)
        saved = self.saved.get(name)
        if saved is not None and saved.identity == self.resolve(held).identity:
            self.memory.changed.discard(name)  # back to what was serialized
        else:
            self.memory.changed.add(name)

    def _entries_naming(self, backend: ArtifactId) -> list[Held]:
        """The current entries that name a backend by exactly this digest."""
        names = self._named_by.get((backend.type, backend.key), ())
        entries = (self.held.get(name) for name in names)
        return [entry for entry in entries if entry and backend in entry.backends]

    def remove(self, name: ArtifactName) -> bool:
        """Take an artifact away; whether it was there."""
        if self.held.pop(name, None) is None:
            return False
        self._removals += 1
        for pending in (self.memory, self.file):
            pending.changed.discard(name)
            # [PCB-CTX-009]
            if name in pending.holds:
                # [PCB-DET-005]
                pending.removed[name] = None
        self._backend_changed(name)
        return True

    def unserialized(self, snapshot: Snapshot) -> dict[ArtifactName, Held]:
        """What the next segment holds, in recorded order."""
        changed, removed = self.memory.changed, self.memory.removed
        if not changed and not removed:
            return {}
        resolved = snapshot.resolved.items()
        return {name: held for name, held in resolved if name in changed or name in removed}

    def snapshot(self) -> Snapshot:
        """What is current now, as it is and with its backends bound."""
        current = dict(self.held)
        if not self._named_by:
            return Snapshot(current, current, self._removals)
        resolved = {name: self.resolve(held) for name, held in current.items()}
        return Snapshot(current, resolved, self._removals)

    def mark_saved(self, snapshot: Snapshot, pending: Pending) -> None:
        """What was current at the snapshot is saved, bound to the backends of then."""
        # Whatever else was current is in `holds` since an earlier save or a load.
        pending.holds |= pending.changed & snapshot.current.keys()
        # [PCB-CTX-022]
        if self._removals != snapshot.removals:
            for name in snapshot.current:
                if name not in self.held:
                    pending.holds.add(name)
                    pending.removed[name] = None  # removed while it was being written
        if snapshot.resolved is not snapshot.current:
            for name, held in snapshot.current.items():
                if self.held.get(name) is held:
                    self.held[name] = snapshot.resolved[name]
        if snapshot.resolved is snapshot.current == self.held:  # nothing happened meanwhile
            pending.changed = set()
            return
        now, saved = self.held.get, snapshot.resolved.get
        pending.changed = {
            name
            for name in pending.changed
            if (current := now(name)) is None
            or current is not saved(name)
            or (current.backends and self.resolve(current).identity != current.identity)
        }

    def adopt(self, bundle: Bundle, matching: tuple[Segment, ...]) -> tuple[ArtifactName, ...]:
        """A loaded bundle's segments come after those so far, its artifacts become current.

        Gives the names of the latter.
        """
        self.destination.unsettled = None
        # [PCB-CTX-027] [PCB-CTX-029]
        self._adopt_segments(bundle)
        before = {name: self.held.get(name) for name in self._named_by}
        current: dict[ArtifactName, Held] = {}
        for segment in matching:
            for removed in segment.manifest.removed:
                self._take_away((removed.type, removed.key))
                current.pop((removed.type, removed.key), None)
            stored = segment.manifest.artifacts
            loaded = {(s.type, s.key): Held.loaded(bundle, s) for s in stored}
            self._put_loaded(loaded)
            current |= loaded
        for name, backend in before.items():
            if not _is_same_content(backend, self.held.get(name)):
                self._backend_changed(name)
        return tuple(current)

    def _take_away(self, name: ArtifactName) -> None:
        self.held.pop(name, None)
        self.saved.pop(name, None)
        for pending in (self.memory, self.file):
            pending.changed.discard(name)

    def _put_loaded(self, loaded: dict[ArtifactName, Held]) -> None:
        self.held |= loaded
        self.saved |= loaded
        for name, held in loaded.items():
            if held.backends:
                self._name_backends(name, held)
        for pending in (self.memory, self.file):
            pending.holds |= loaded.keys()
            pending.changed -= loaded.keys()
            pending.removed = {n: None for n in pending.removed if n not in loaded}

    def _adopt_segments(self, bundle: Bundle) -> None:
        digests = [segment.payload_digest for segment in bundle.segments]
        # [PCB-CTX-028]
        if self.digests[len(self.digests) - len(digests) :] == digests:
            return  # loaded before: those very segments are the last ones already
        if digests[: len(self.digests)] == self.digests:
            self.segments, self.digests = [], []  # the same bundle, grown
        self.segments.append((bundle.source, 0, bundle.size))
        self.digests += digests
        self._chain = bundle
        self.serialized = None

    def joined(self) -> bytes:
        """All segments so far as one bundle; the same object until there is a new one."""
        if self.serialized is None:
            source = JoinedSource(self.segments)
            self.serialized = bytes(source.read(0, source.size))
        return self.serialized


def _is_same_content(one: Held | None, other: Held | None) -> bool:
    if one is None or other is None:
        return one is other
    return one is other or (one.size == other.size and one.digest == other.digest)
