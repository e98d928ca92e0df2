"""What a context knows: the current artifacts, and which of them are saved where.

An interrupt may come anywhere within a change. What is pending then is found anew, from what is
current and what is saved, before anything else is done.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain as chained

from precompile_context.artifact import ArtifactId, ArtifactKind
from precompile_context.bundle import ArtifactName, Bundle, Segment
from precompile_context.context.destination import Destination
from precompile_context.context.held import Held, Loaded, Snapshot, Value
from precompile_context.context.pending import Pending
from precompile_context.context.serialized import Serialized
from precompile_context.pausing import without_collection


class State:
    """The state of a PrecompileContext; its methods expect that the context's lock is held.

    Attributes:
        recent: what was recorded and not settled: small, or without further fields. Whoever
            records puts it here; whoever asks for anything else settles it first.
        held: current artifacts in first-recorded order, `recent` aside.
        loaded: what the numbers among them stand for.
        serialized: the segments that were serialized or loaded so far.
        saved: what those segments hold for this environment.
        memory, file: what is not in those segments, and not in the last file saved to.
        destination: what that file held.
    """

    def __init__(self) -> None:
        self.recent: dict[ArtifactName, Value] = {}
        self.held: dict[ArtifactName, Value] = {}
        self.loaded = Loaded()
        self.saved: dict[ArtifactName, Value] = {}
        self.memory = Pending()
        self.file = Pending()
        self.destination = Destination()
        self.serialized = Serialized()
        # Backend name to the entries that name it, or once did.
        self._named_by: dict[ArtifactName, set[ArtifactName]] = {}
        self._version = 0  # counts the changes of what is current
        self._is_amid = False  # a change was begun, and has not ended
        self._settling: dict[ArtifactName, Value] = {}  # until that is done

    def __len__(self) -> int:
        self.settle()
        return len(self.held)

    def settle(self) -> None:
        """Make current what was recorded since this was last done."""
        if self._is_amid or self._settling:
            self.held |= self._settling
            self._find_pending()
            self._settling, self._is_amid = {}, False
        if self.recent:
            # What a signal's handler records meanwhile is recent again, and no part of this.
            self._settling, self.recent = self.recent, {}
            with self._changing():
                self._settle(self._settling)
                self._settling = {}

    def _settle(self, recent: dict[ArtifactName, Value]) -> None:
        self._version += 1
        # All of it at once, but for names of which something is known.
        again = recent.keys() & self.held.keys()
        for name in again:
            self.put(name, recent[name])
        if again:
            recent = {name: value for name, value in recent.items() if name not in again}
        self.held |= recent
        self.memory.changed.update(recent)
        self.file.changed.update(recent)
        for name in recent.keys() & self.saved.keys():
            self._changed(name)
        for name in recent.keys() & self._named_by.keys():
            self._backend_changed(name)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Around each change: where it does not end, the next one begins with `_find_pending`."""
        was, self._is_amid = self._is_amid, True
        yield
        self._is_amid = was

    def _find_pending(self) -> None:
        """After a change that was cut off: how far it came is not known."""
        self._version += 1
        for name, value in self.held.items():
            if isinstance(value, Held) and value.backends:
                self._name_backends(name, value.backends)
        # What is found to be there already is not written again.
        self.destination.unsettled = None
        self.file.changed = set(self.held)
        self.memory.changed = {name for name in self.held if not self._is_saved(name)}

    def need_save(self) -> bool:
        """Whether anything is saved nowhere."""
        self.settle()
        return self.memory.is_unsaved_beside(self.file)

    def current(self) -> Iterable[Held]:
        """The current artifacts, in first-recorded order."""
        self.settle()
        return [self.loaded.held(name, value) for name, value in self.held.items()]

    def resolve(self, held: Held) -> Held:
        """`held` with each backend that it names without a digest bound to the current one.

        A loaded entry is as it was saved: a backend that was not there then stays missing.
        """
        # [PCB-CTX-023] [PCB-ART-001]
        if not held.backends or held.is_loaded or all(b.content_digest for b in held.backends):
            return held
        return held.bound(tuple(self._resolve(backend) for backend in held.backends))

    def _resolve(self, backend: ArtifactId) -> ArtifactId:
        current = self.get((backend.type, backend.key))
        if backend.content_digest or current is None or current.kind != ArtifactKind.BACKEND:
            return backend
        return current.id

    def get(self, name: ArtifactName) -> Held | None:
        """The current artifact of this name, of those that are settled."""
        value = self.held.get(name)
        return None if value is None else self.loaded.held(name, value)

    def is_still(self, held: Held) -> bool:
        """Whether what `get` gave is current still, or what was loaded with the same content."""
        self.settle()
        value = self.held.get(held.name)
        if isinstance(value, int):
            return self.loaded.held(held.name, value).identity == held.identity
        return value is held

    def put(self, name: ArtifactName, value: Value) -> None:
        """Make `value` current, unless an equal artifact is."""
        # [PCB-CTX-006]
        if self._is_current(name, value):
            if isinstance(value, Held) and value.backends:
                # Recorded again, an entry goes with the backends that are current at the next
                # save, as one does that was never saved.
                self.held[name] = value
                self._version += 1
            return
        # [PCB-CTX-007]
        with self._changing():
            self._set(name, value)
            if name in self._named_by:
                self._backend_changed(name)

    def _is_current(self, name: ArtifactName, value: Value) -> bool:
        current = self.held.get(name)
        if current is None:
            return False
        if isinstance(current, bytes) and isinstance(value, bytes):
            return current == value
        one, other = self.loaded.held(name, current), self.loaded.held(name, value)
        # Of other sizes, their digests need not be computed.
        return one.size == other.size and (
            self.resolve(one).identity == self.resolve(other).identity
        )

    def _is_saved(self, name: ArtifactName) -> bool:
        """Whether what is current is saved as it is."""
        current, saved = self.held[name], self.saved.get(name)
        if saved is None:
            return False
        if isinstance(current, bytes) and isinstance(saved, bytes):
            return current == saved
        one, other = self.loaded.held(name, current), self.loaded.held(name, saved)
        return one.size == other.size and self.resolve(one).identity == other.identity

    def _backend_changed(self, name: ArtifactName) -> None:
        """Entries that name it without a digest mean its new content."""
        # [PCB-CTX-024]
        for entry in self._entries_naming(ArtifactId(*name)):
            self._changed(entry.name)

    def edit(self, held: Held) -> None:
        """Make `held` current in place of a backend; the entries that named that follow."""
        current = self.get(held.name)
        assert current is not None
        before = current.id
        if held.id == before:
            return
        unbound = ArtifactId(held.type, held.key)
        # The latter too become new objects: a save at work would bind them to what was there.
        entries = (*self._entries_naming(before), *self._entries_naming(unbound))
        with self._changing():
            # The backend comes last: until it is another, an edit can be made again.
            for entry in entries:
                # [PCB-CTX-011]
                backends = tuple(held.id if id_ == before else id_ for id_ in entry.backends)
                self._set(entry.name, entry.bound(backends))
            self.put(held.name, held)

    def _set(self, name: ArtifactName, value: Value) -> None:
        self.held[name] = value
        self._version += 1
        if isinstance(value, Held) and value.backends:
            self._name_backends(name, value.backends)
        self._changed(name)

    def _name_backends(self, name: ArtifactName, backends: Iterable[ArtifactId]) -> None:
        for backend in backends:
            self._named_by.setdefault((backend.type, backend.key), set()).add(name)

    def _changed(self, name: ArtifactName) -> None:
        self.file.changed.add(name)
        if self._is_saved(name):
            self.memory.changed.discard(name)  # back to what was serialized
        else:
            self.memory.changed.add(name)

    def _entries_naming(self, backend: ArtifactId) -> list[Held]:
        """The current entries that name a backend by exactly this digest."""
        names = self._named_by.get((backend.type, backend.key), ())
        entries = (self.get(name) for name in names)
        return [entry for entry in entries if entry and backend in entry.backends]

    def remove(self, name: ArtifactName) -> bool:
        """Take an artifact away; whether it was there."""
        self.settle()
        if name not in self.held:
            return False
        self._remove(name)
        return True

    def _remove(self, name: ArtifactName) -> None:
        with self._changing():
            self._version += 1
            for pending in (self.memory, self.file):
                pending.forget(name)
            # Until here, it can be removed again.
            del self.held[name]
            self._backend_changed(name)

    def renew(self, name: ArtifactName) -> bool:
        """As if an artifact had been taken away and recorded again; whether it was there."""
        self.settle()
        value = self.held.get(name)
        if value is None:
            return False
        self.recent[name] = value  # before it is taken away: nothing is lost in between
        self._remove(name)
        self.settle()
        return True

    def unserialized(self, snapshot: Snapshot) -> Mapping[ArtifactName, Value]:
        """What the next segment holds, in recorded order."""
        changed, removed = self.memory.changed, self.memory.removed
        if not changed and not removed:
            return {}
        if len(changed) == len(snapshot.resolved):
            return snapshot.resolved  # what is changed is current
        resolved = snapshot.resolved.items()
        return {name: value for name, value in resolved if name in changed or name in removed}

    def snapshot(self) -> Snapshot:
        """What is current now, as it is and with its backends bound."""
        self.settle()
        current = resolved = dict(self.held)
        if self._named_by:
            resolved = dict(current)
            for name in set(chained.from_iterable(self._named_by.values())):
                value = current.get(name)
                if isinstance(value, Held):
                    resolved[name] = self.resolve(value)
        return Snapshot(current, resolved, self.loaded, self._version)

    def to_save(self, pending: Pending) -> Snapshot:
        """What is current now, to be saved: from here on it may be there, come what may."""
        snapshot = self.snapshot()
        # Whatever else is current is in `holds` since an earlier save or a load.
        pending.holds |= pending.changed & snapshot.current.keys()
        return snapshot

    def mark_saved(self, snapshot: Snapshot, pending: Pending) -> None:
        """What was current at the snapshot is saved, bound to the backends of then."""
        self.settle()
        if self._version == snapshot.version:  # nothing happened meanwhile
            self._bind(snapshot)
            pending.changed = set()
            return
        # [PCB-CTX-022]
        for name in snapshot.current:
            if name not in self.held:
                pending.removed[name] = None  # removed while it was being written
        self._bind(snapshot)
        now, saved = self.held.get, snapshot.resolved.get
        pending.changed = {
            name
            for name in pending.changed
            if (current := now(name)) is None
            or current is not saved(name)
            or (
                isinstance(current, Held)
                and current.backends
                and self.resolve(current).identity != current.identity
            )
        }

    def _bind(self, snapshot: Snapshot) -> None:
        """Entries that are still those of the snapshot name the digests of their save."""
        if snapshot.resolved is not snapshot.current:
            for name, value in snapshot.current.items():
                if self.held.get(name) is value:
                    self.held[name] = snapshot.resolved[name]

    @without_collection
    def adopt(self, bundle: Bundle, matching: tuple[Segment, ...]) -> tuple[ArtifactName, ...]:
        """A loaded bundle's segments come after those so far, its artifacts become current.

        Gives the names of the latter.
        """
        self.settle()
        self._version += 1
        self.destination.unsettled = None
        before = {name: self.get(name) for name in self._named_by}
        rows = bundle.current(matching).rows
        # [PCB-CTX-027] [PCB-CTX-029]
        serialized, continues = self.serialized.with_loaded(bundle)
        # Where it continues, whatever was loaded before is superseded.
        known = Loaded(self.loaded.end) if continues else self.loaded
        first = known.add(bundle)
        loaded = {name: first + row for name, row in rows.items()} if first else dict(rows)
        with self._changing():
            if continues:
                self._take_away(matching, rows)
            # These three at once: Python runs no handler where nothing is called.
            self.serialized, self.loaded = serialized, known
            self.held |= loaded
            self.saved |= loaded
            self._note_loaded(matching, loaded)
            for name, backend in before.items():
                if not _is_same_content(backend, self.get(name)):
                    self._backend_changed(name)
        return tuple(loaded)

    def _take_away(self, matching: tuple[Segment, ...], rows: Mapping[ArtifactName, int]) -> None:
        """What these segments once listed, and a continued bundle no longer holds, is gone."""
        gone = self.saved.keys() - rows.keys()
        if not gone:
            return
        for segment in matching:
            for name in gone.intersection(segment.manifest.artifacts.names()):
                gone.discard(name)
                if name in self.held and self._is_saved(name):
                    del self.held[name]
                    for pending in (self.memory, self.file):
                        pending.changed.discard(name)
                del self.saved[name]

    def _note_loaded(
        self, matching: tuple[Segment, ...], loaded: Mapping[ArtifactName, int]
    ) -> None:
        for segment in matching:
            table = segment.manifest.artifacts
            for row, detail in table.details.items():
                if detail.backends and table.name(row) in loaded:
                    self._name_backends(table.name(row), detail.backends)
        for pending in (self.memory, self.file):
            pending.loaded(loaded)
        if len(matching) > 1:
            for segment in matching:
                names = set(segment.manifest.artifacts.names())
                self.memory.holds.update(names)
                self.file.holds.update(names)


def _is_same_content(one: Held | None, other: Held | None) -> bool:
    if one is None or other is None:
        return one is other
    return one is other or (one.size == other.size and one.digest == other.digest)
