"""PrecompileContext: records what compilers produced, saves it, loads it and applies it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from precompile_context.artifact import (
    MAX_KEY_BYTES,
    ArtifactId,
    ArtifactKind,
    CacheArtifact,
    Registry,
    attribute_fault,
    attributes_of,
    is_unicode,
    key_fault,
)
from precompile_context.bundle import (
    DEFAULT_LIMITS,
    ArtifactName,
    Batch,
    BufferSource,
    Bundle,
    ByteSource,
    Chain,
    Limits,
    Producer,
    SegmentWriter,
)
from precompile_context.bundle.encode import encode_manifest
from precompile_context.bundle.manifest import PRODUCER, Manifest
from precompile_context.bundle.names import keys_fault
from precompile_context.bundle.runs import MANIFEST_TARGET, index_size, split
from precompile_context.bundle.source import Buffer
from precompile_context.cache import PrecompileCache
from precompile_context.cache_info import CacheInfo
from precompile_context.destination import Destination
from precompile_context.environment import Environment, Requirement, sorted_requirements
from precompile_context.errors import MisuseError
from precompile_context.held import LARGE, Held, Value
from precompile_context.locks import StateLock, WorkLock
from precompile_context.pausing import without_collection
from precompile_context.populate import Populate, PopulateReport, instantiate
from precompile_context.saving import batch_of, missing
from precompile_context.sink import (
    BundleFileLike,
    BundleSink,
    KnownSink,
    LoadReport,
    Remembering,
    SaveReport,
)
from precompile_context.state import State
from precompile_context.trust import NOBODY, Signer, TrustPolicy
from precompile_context.trust.policy import check_policy


class PrecompileContext:
    """The artifacts of one compiler session. Safe for threads; operations are linearizable.

    Hashing, compression and reading hold no lock, so recording goes on beside a save. A
    forked child has what was recorded, as if no other thread had been at work.
    """

    def __init__(
        self,
        *,
        environment: Environment | None = None,
        requirements: Sequence[Requirement] | None = None,
        registry: Registry | None = None,
        limits: Limits = DEFAULT_LIMITS,
        producer: Producer = PRODUCER,
        policy: TrustPolicy = NOBODY,
        signer: Signer | None = None,
    ) -> None:
        """Args:
        environment: facts of this host; loaded segments must match them.
        requirements: what saved segments require; by default every fact, exactly.
        registry: known artifact types; by default a new one.
        limits: what is refused of a loaded bundle.
        policy: whose segments are loaded and appended to; by default nobody's.
        signer: signs the segments that are saved; by default they are unsigned.
        """
        self.environment = environment or Environment()
        if requirements is None:
            requirements = self.environment.requirements()
        self.requirements = sorted_requirements(requirements)
        if not (is_unicode(producer.name) and is_unicode(producer.version)):
            raise MisuseError("a producer's name and version are text")
        header = Manifest(b"", producer, self.requirements)
        if len(encode_manifest(header)) > MANIFEST_TARGET:
            raise MisuseError("requirements and producer leave no room in a manifest")
        self.registry = registry or Registry()
        self._limits = limits
        self._producer = producer
        check_policy(policy)
        self._policy = policy
        self._signer = signer
        # The last one counts; each block of fresh() adds one and takes that one away again.
        self._states = [_Box(State())]
        # [PCB-CTX-001]
        self._lock = StateLock()
        self._saving = WorkLock()  # one save or load at a time; taken before _lock

    def register(self, cls: type[CacheArtifact]) -> type[CacheArtifact]:
        """Make an artifact class known under its TYPE; see `Registry.register`."""
        return self.registry.register(cls)

    def record_artifact(
        self,
        type: str,
        key: str,
        content: bytes | bytearray | memoryview,
        *,
        backends: Sequence[tuple[str, str]] = (),
        **fields: Any,
    ) -> None:
        """Make this the current artifact of (type, key); nothing happens where it is already.

        `backends` are the (type, key) of an entry's backends, which may be
        recorded before or after it; `fields` are those that the type's class adds.

        Raises:
            MisuseError: the type is not registered, key, fields or backends are
                not what it takes.
        """
        # [PCB-CTX-008]
        if type in self.registry.plain_caches and not (fields or backends):
            # What nearly all keys and contents are is seen here: a call costs as much as the rest.
            if not (key.isascii() and key.isprintable() and 0 < len(key) <= MAX_KEY_BYTES) and (
                fault := key_fault(key)
            ):
                raise MisuseError(f"key {key[:80]!r}: {fault}")
            is_least = content.__class__ is bytes and len(content) < LARGE
            value = content if is_least else _plain(type, key, content)
            with self._lock.lock:
                self._states[-1].state.recent[type, key] = value  # type: ignore[assignment]
            return
        held = self._held(type, key, _copied(content), backends, fields)
        with self._lock:
            self._state.settle()
            self._state.put(held.name, held)

    def record_artifacts(
        self, type: str, artifacts: Iterable[tuple[str, bytes | bytearray | memoryview]]
    ) -> None:
        """As `record_artifact` of each (key, content) in turn, all at once and in less time.

        Raises:
            MisuseError: the type is not registered, has further fields that must be given, or
                a key or content is none; nothing is recorded then.
        """
        pairs = list(artifacts)
        if self.registry.get(type) is None or type not in self.registry.plain_caches:
            held = [self._held(type, key, _copied(content), (), {}) for key, content in pairs]
            with self._lock:
                self._state.settle()
                for one in held:
                    self._state.put(one.name, one)
            return
        keys = [key for key, _ in pairs]
        if fault := keys_fault(keys):
            raise MisuseError(f"a key of {type}: {fault}")
        values = {(type, key): _plain(type, key, content) for key, content in pairs}
        with self._lock:
            self._state.recent.update(values)

    def _held(
        self,
        type_name: str,
        key: str,
        content: bytes,
        backends: Sequence[tuple[str, str]],
        fields: dict[str, Any],
    ) -> Held:
        cls = self.registry.get(type_name)
        # [PCB-CTX-004] [PCB-NAME-004]
        if cls is None:
            raise MisuseError(f"type {type_name!r} is not registered")
        if fault := key_fault(key):
            raise MisuseError(f"key {key[:80]!r}: {fault}")
        # [PCB-CTX-005] [PCB-ART-003]
        if backends and cls.KIND is not ArtifactKind.ENTRY:
            raise MisuseError(f"{type_name} artifacts name no backends: only entries do")
        for backend_type, backend_key in backends:
            backend_cls = self.registry.get(backend_type)
            if backend_cls is None or backend_cls.KIND is not ArtifactKind.BACKEND:
                raise MisuseError(f"{backend_type!r} is no registered type of backends")
            if fault := key_fault(backend_key):
                raise MisuseError(f"backend {backend_key[:80]!r}: {fault}")
        if not (fields or backends) and self.registry.is_plain(type_name):
            return Held(type_name, key, cls.KIND, content)
        try:
            attributes = attributes_of(cls(key=key, content=content, **fields))
        except Exception as error:  # the class's own checks may raise anything
            raise MisuseError(f"fields of {type_name}: {error}") from error
        for name, value in attributes.items():
            if fault := attribute_fault(name, value):
                raise MisuseError(f"field {name!r} of {type_name}: {fault}")
        ids = tuple(ArtifactId(*backend) for backend in backends)
        fields_ = tuple(attributes.items())
        held = Held(type_name, key, cls.KIND, content, ids, fields_)
        if (ids or fields_) and index_size(held) > MANIFEST_TARGET:
            raise MisuseError(
                f"fields or backends of {type_name} {key!r} take too much; use content"
            )
        return held

    def remove(self, type: str, key: str) -> bool:
        """Take the artifact away; whether there was one."""
        with self._lock:
            return self._state.remove((type, key))

    def edit_artifact(self, key: str, edit: Callable[[bytes], bytes]) -> None:
        """Replace a backend's content by `edit(content)`; its entries follow and are unsaved again.

        Raises:
            MisuseError: there is no backend with this key, or there are several.
        """
        while True:
            before = self._backend(key)
            content = _copied(edit(before.read()))
            held = Held(before.type, before.key, before.kind, content, fields=before.fields)
            with self._lock:
                if self._state.is_still(before):
                    self._state.edit(held)
                    return

    def _backend(self, key: str) -> Held:
        found = self._backends(key)
        # [PCB-CTX-010]
        if len(found) != 1:
            raise MisuseError(f"{len(found)} backends have the key {key!r}; one must")
        return found[0]

    def _backends(self, key: str) -> list[Held]:
        with self._lock:
            self._state.settle()
            names = [name for name in self._state.held if name[1] == key]
            found = [held for name in names if (held := self._state.get(name))]
        return [held for held in found if held.kind == ArtifactKind.BACKEND]

    def serialize_artifact_by_key(self, key: str) -> CacheArtifact | None:
        """The backend with this key, saved or not; None where there is none."""
        # [PCB-CTX-013]
        return instantiate(self._backend(key), self.registry) if self._backends(key) else None

    def lookup(self, type: str, key: str) -> CacheArtifact | None:
        """The current artifact, typed; None where there is none.

        Raises:
            PrecompileError: its type is unknown, or its bytes are damaged.
        """
        with self._lock:
            self._state.settle()
            held = self._state.get((type, key))
        return None if held is None else instantiate(held, self.registry)

    def current(self) -> tuple[ArtifactId, ...]:
        """What is current, in first-recorded order; reads no content."""
        with self._lock:
            return tuple(held.id for held in self._state.current())

    def need_serialize(self) -> bool:
        """Whether anything was recorded or removed and is not saved."""
        with self._lock:
            return self._state.need_save()

    def serialize(self) -> tuple[bytes, CacheInfo] | None:
        """All segments so far, with one more for what is not in them yet; and what is current.

        None where nothing was ever recorded or loaded. With nothing new, the same
        bytes. If it fails, the state is as before.
        """
        with self._saving, without_collection():
            with self._lock:
                state = self._state
                snapshot = state.snapshot()
                info = CacheInfo.of(snapshot.current)
                new = state.unserialized(snapshot)
                tombstones = list(state.memory.removed)
                removed = [name for name in tombstones if name in state.saved]
                # [PCB-CTX-019]
                if not new and not removed:
                    state.memory.removed.clear()  # of what these segments never held
                    return (state.joined(), info) if state.segments else None
            # [PCB-CTX-002] [PCB-CTX-018] [PCB-CTX-020]
            chain = state.chain.copy()
            chunks: list[bytes | memoryview] = []
            digests: list[bytes] = []
            for writer, artifacts, removals in self._writers(
                chain, batch_of(new, snapshot.loaded), removed
            ):
                chunks += writer.chunks(artifacts, removals)
                digests.append(chain.previous_digest)
            data = b"".join(chunks)
            with self._lock:
                state.segments.append((BufferSource(data), 0, len(data)))
                state.digests += digests
                state.chain = chain
                state.serialized = data if len(state.segments) == 1 else None
                for name in tombstones:
                    state.saved.pop(name, None)
                    state.memory.removed.pop(name, None)
                state.saved |= new
                state.mark_saved(snapshot, state.memory)
            return state.joined(), info

    def _writers(
        self, chain: Chain, new: Batch, removed: list[ArtifactName]
    ) -> Iterator[tuple[SegmentWriter, Batch, list[ArtifactId]]]:
        """What writes each segment: one, or more where a manifest would grow too large."""
        gone = (ArtifactId(*name) for name in removed)
        for artifacts, removals in split(new, gone):
            # [PCB-CTX-025]
            writer = SegmentWriter(
                chain,
                requirements=self.requirements,
                producer=self._producer,
                signer=self._signer,
            )
            yield writer, artifacts, removals

    def save_to(self, sink: BundleSink, *, keep_existing: bool = False) -> SaveReport:
        """Append to `sink` what it does not hold for this environment; nothing else changes.

        What others appended meanwhile stays. Where there is nothing new, and a file is as the
        last save left it, only its end is looked at. With `keep_existing`, an artifact
        whose (type, key) the sink holds with another content is not appended:
        the first one wins, as fits caches whose contents are equivalent, and an entry
        that names such a backend names the one that is there. A loaded artifact whose
        bytes are damaged by now is left out.

        Raises:
            PrecompileError: what the sink holds is damaged, or not trusted, or would
                grow past the limits (LIMIT_EXCEEDED); nothing was changed.
            OSError: the file could not be written; what was committed is intact.
        """
        with self._saving:
            with self._lock:
                state = self._state
                snapshot = state.snapshot()
                changed = set(state.file.changed)
                tombstones = list(state.file.removed)
            before = state.destination
            if not changed and not tombstones and before.is_settled and isinstance(sink, KnownSink):
                last = before.chain.previous_digest
                if sink.is_as_left(before.size, last, policy=self._policy):
                    return SaveReport(tuple(snapshot.current), before.size)
            # Until all is committed, what was known of the file is known no more.
            known, state.destination = state.destination, Destination()
            # [PCB-SIGN-011]
            with sink.appending(self._policy) as file, without_collection():
                to = known if known.continues_in(file.bundle) else Destination()
                if file.bundle is not None:
                    to.follow(file.bundle, self.environment, self.requirements)
                # [PCB-CTX-021]
                removed = [name for name in tombstones if name in to]
                among = to.unsettled
                if among is not None:
                    among.update(changed)  # what was removed and recorded again is among it
                new, left = missing(snapshot, to, removed, keep_existing=keep_existing, among=among)
                to.check_room(new, self._limits)
                if len(new) or removed:
                    for writer, artifacts, removals in self._writers(to.chain, new, removed):
                        file.append(writer.chunks(artifacts, removals))
                        to.wrote(to.chain.previous_digest)
                        if isinstance(file, Remembering) and writer.written is not None:
                            file.remember(writer.written)
            to.unsettled, to.size = left, file.size
            state.destination = to
            with self._lock:  # it is committed
                for name in tombstones:
                    state.file.removed.pop(name, None)
                state.mark_saved(snapshot, state.file)
            return SaveReport(
                tuple(snapshot.current), file.size, tuple(new.names), tuple(new.digests)
            )

    def load(self, source: Buffer | ByteSource | Bundle | BundleFileLike) -> LoadReport:
        """Make a bundle's artifacts current here, and its segments part of what is serialized.

        A torn tail is left out and counted; that of a ByteSource is refused. Artifacts
        of segments that do not match stay opaque: they are kept, and are never
        current. No content is read. What is loaded supersedes what was recorded
        under the same name.

        Raises:
            PrecompileError: a code of FRAME to COMPAT; the state is as before.
        """
        bundle = self._opened(source)
        # [PCB-CTX-026] [PCB-HOST-006]
        matching = bundle.matching(self.environment)
        with self._saving, self._lock, without_collection():
            current = self._state.adopt(bundle, matching)
        return LoadReport(
            current=current,
            segments=len(bundle.segments),
            opaque=len(bundle.segments) - len(matching),
            ignored=bundle.ignored,
        )

    def _opened(self, source: Buffer | ByteSource | Bundle | BundleFileLike) -> Bundle:
        # [PCB-SEC-001]
        if isinstance(source, Bundle):
            source.check_trust(self._policy)  # it may have been opened under another policy
            return source
        if isinstance(source, BundleFileLike):
            return source.open(policy=self._policy)
        # What is read by ranges may be far away: looking for E would read a little of each
        # block, and whoever fetches a bundle wants it whole.
        recover = not isinstance(source, ByteSource)
        return Bundle.open(source, policy=self._policy, limits=self._limits, recover=recover)

    def populate(self, cache: PrecompileCache | None = None) -> PopulateReport:
        """Apply what is current: caches are populated, entries stitched into `cache`.

        One artifact's failure is its own outcome and stops no other.

        Raises:
            MisuseError: there are entries, and no cache to write them to.
        """
        with self._lock:
            state = self._state
            snapshot = state.snapshot()
        return Populate(snapshot, self.registry, cache).run()

    def clear(self) -> None:
        """Forget everything but the registered types."""
        with self._lock:
            # [PCB-CTX-014]
            self._states[-1].state = State()

    @contextlib.contextmanager
    def fresh(self) -> Iterator[None]:
        """An empty state for the length of a with-block, the old one back afterwards."""
        # [PCB-CTX-015]
        box = _Box(State())
        with self._lock:
            self._states.append(box)
        try:
            yield
        finally:
            with self._lock:  # another thread's block may have begun since: take out our own
                self._states.remove(box)

    @property
    def _state(self) -> State:
        return self._states[-1].state


@dataclass(eq=False)
class _Box:
    """Holds a state, so that clear() can put another in its place."""

    state: State


def _plain(type_name: str, key: str, content: bytes | bytearray | memoryview) -> Value:
    """The least that says what a CACHE artifact without further fields is."""
    if type(content) is not bytes:
        content = _copied(content)
    if len(content) < LARGE:
        return content
    return Held(type_name, key, ArtifactKind.CACHE, content)


def _copied(content: bytes | bytearray | memoryview) -> bytes:
    """The content as bytes that nobody changes; an int would be taken for a length."""
    if type(content) is bytes:
        return content
    if not isinstance(content, bytes | bytearray | memoryview):
        raise MisuseError(f"content is bytes, not {type(content).__name__}")
    return bytes(content)
