"""PrecompileContext: records what compilers produced, saves it, loads it and applies it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from precompile_context.artifact import (
    MAX_KEY_BYTES,
    ArtifactId,
    ArtifactKind,
    CacheArtifact,
    Registry,
    is_unicode,
    key_fault,
)
from precompile_context.bundle import DEFAULT_LIMITS, Bundle, ByteSource, Limits, Producer
from precompile_context.bundle.encode import encode_manifest
from precompile_context.bundle.manifest import PRODUCER, Manifest
from precompile_context.bundle.runs import MANIFEST_TARGET
from precompile_context.bundle.source import Buffer, is_source
from precompile_context.cache_info import CacheInfo
from precompile_context.context.cache import PrecompileCache
from precompile_context.context.held import LARGE, Held
from precompile_context.context.populate import Populate, PopulateReport, instantiate
from precompile_context.context.recording import (
    BackendName,
    Content,
    check_class,
    check_key,
    check_type_name,
    copied,
    held_from,
    held_of,
    pairs_of,
    plain,
    plain_values,
)
from precompile_context.context.sink import BundleFileLike, BundleSink, LoadReport, SaveReport
from precompile_context.context.state import State
from precompile_context.context.writing import Writing
from precompile_context.environment import Environment, Requirement, sorted_requirements
from precompile_context.errors import MisuseError
from precompile_context.files import FilePath, file_at
from precompile_context.locks import StateLock, WorkLock
from precompile_context.startable import startable
from precompile_context.trust import NOBODY, Signer, TrustPolicy
from precompile_context.trust.keys import check_signer
from precompile_context.trust.policy import check_policy

A = TypeVar("A", bound=CacheArtifact)

_SOURCE = "a bundle is loaded from a path, bytes, a BundleFile, a Bundle or a ByteSource"
_SINK = "a bundle is saved to a path or a BundleFile"


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
        _check_type(environment, Environment | None, "environment", "Environment.of(cpu=...)")
        _check_type(registry, Registry | None, "registry", "Registry()")
        _check_type(limits, Limits, "limits", "Limits(...)")
        _check_type(producer, Producer, "producer", 'Producer("mycompiler", "1.0")')
        check_policy(policy)
        check_signer(signer)
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
        self._writing = Writing(
            self.environment, self.requirements, producer, signer, policy, limits
        )
        # The last one counts; each block of fresh() adds one and takes that one away again.
        self._states = [_Box(State())]
        # [PCB-CTX-001]
        self._lock = StateLock()
        self._saving = WorkLock()  # one save or load at a time; taken before _lock

    def __repr__(self) -> str:
        with self._lock:
            artifacts, unsaved = len(self._state), self._state.need_save()
        return (
            f"<PrecompileContext: {artifacts} artifacts{', not all saved' if unsaved else ''}; "
            f"{len(self.environment.facts)} facts, {self._writing.policy!r}, "
            f"signer {self._writing.signer!r}>"
        )

    def register(self, cls: type[CacheArtifact]) -> type[CacheArtifact]:
        """Make an artifact class known under its TYPE; see `Registry.register`."""
        return self.registry.register(cls)

    def record(self, artifact: CacheArtifact, *, backends: Iterable[BackendName] = ()) -> None:
        """Make this the current artifact of its type and key; nothing happens where it is already.

        `backends` are an entry's, as (type, key) or as artifacts, which may be recorded
        before or after it.

        Raises:
            MisuseError: its class is not the registered one; its key, content, fields or
                backends are not what the type takes.
        """
        held = held_from(self.registry, artifact, backends)
        with self._lock:
            self._state.settle()
            self._state.put(held.name, held)

    def record_artifact(
        self,
        type: str,
        key: str,
        content: Content,
        *,
        backends: Iterable[BackendName] = (),
        **fields: Any,
    ) -> None:
        """As `record`, from an artifact's parts; `fields` are those that the type's class adds.

        Raises:
            MisuseError: the type is not registered, key, fields or backends are
                not what it takes.
        """
        # [PCB-CTX-008]
        if type.__class__ is not str:
            check_type_name(type)
        if type in self.registry.plain_caches and not (fields or backends):
            # What nearly all keys and contents are is seen here: a call costs as much as the rest.
            if key.__class__ is not str or (
                not (key.isascii() and key.isprintable() and 0 < len(key) <= MAX_KEY_BYTES)
                and key_fault(key)
            ):
                check_key(key)
            is_least = content.__class__ is bytes and len(content) < LARGE
            value = content if is_least else plain(type, key, content)
            with self._lock:
                self._states[-1].state.recent[type, key] = value  # type: ignore[assignment]
            return
        held = held_of(self.registry, type, key, content, backends, fields)
        with self._lock:
            self._state.settle()
            self._state.put(held.name, held)

    def record_artifacts(self, type: str, artifacts: Iterable[tuple[str, Content]]) -> None:
        """As `record_artifact` of each (key, content) in turn, all at once and in less time.

        Raises:
            MisuseError: the type is not registered, has further fields that must be given, or
                a key or content is none; nothing is recorded then.
        """
        check_type_name(type)
        if self.registry.get(type) is None or type not in self.registry.plain_caches:
            pairs = pairs_of(artifacts)
            held = [held_of(self.registry, type, key, content, (), {}) for key, content in pairs]
            with self._lock:
                self._state.settle()
                for one in held:
                    self._state.put(one.name, one)
            return
        values = plain_values(type, artifacts)
        with self._lock:
            self._state.recent.update(values)

    def remove(self, type: str | type[CacheArtifact], key: str) -> bool:
        """Take the artifact away; whether there was one.

        Raises:
            MisuseError: a class is given that is not the registered one.
        """
        name = self._name(type, key)
        with self._lock:
            return self._state.remove(name)

    def renew(self, type: str, key: str) -> bool:
        """Have what is current under this name saved in the place of what a file holds under it,
        with `keep_existing`, too; whether there is anything.
        """
        name = self._name(type, key)
        with self._lock:
            return self._state.renew(name)

    def edit_artifact(self, key: str, edit: Callable[[bytes], bytes]) -> None:
        """Replace a backend's content by `edit(content)`; its entries follow and are unsaved again.

        Raises:
            MisuseError: there is no backend with this key, or there are several.
        """
        if not callable(edit):
            raise MisuseError("an edit is a function of the content: lambda content: ...")
        while True:
            before = self._backend(key)
            content = copied(edit(before.read()))
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

    @overload
    def lookup(self, type: type[A], key: str) -> A | None: ...

    @overload
    def lookup(self, type: str, key: str) -> CacheArtifact | None: ...

    def lookup(self, type: str | type[A], key: str) -> CacheArtifact | A | None:
        """The current artifact, typed; None where there is none. `type` is its class or TYPE.

        Raises:
            MisuseError: a class is given that is not the registered one.
            PrecompileError: its type is unknown, or its bytes are damaged.
        """
        name = self._name(type, key)
        with self._lock:
            self._state.settle()
            held = self._state.get(name)
        return None if held is None else instantiate(held, self.registry)

    def _name(self, type_: str | type[CacheArtifact], key: str) -> tuple[str, str]:
        if isinstance(type_, type):
            check_class(self.registry, type_)
            type_ = type_.TYPE
        if not (isinstance(type_, str) and isinstance(key, str)):
            told = f"({type_!r:.40}, {key!r:.40})"
            raise MisuseError(f"an artifact is named by its class or type and a key, not by {told}")
        return type_, key

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
        self._saving.check_no_reentry()
        with self._saving:
            return self._writing.serialize(self._locked_state(), self._lock)

    def _locked_state(self) -> State:
        """The state that counts now; another thread may change which one that is."""
        with self._lock:
            return self._state

    def save_to(self, sink: FilePath | BundleSink, *, keep_existing: bool = False) -> SaveReport:
        """Append to `sink`, a file's path say, what it lacks for this environment.

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
        file = file_at(sink, self._writing.limits) or sink
        if not isinstance(file, BundleSink):
            raise MisuseError(f"{_SINK}, not to a {type(sink).__name__}")
        self._saving.check_no_reentry()
        with self._saving:
            return self._writing.append(
                self._locked_state(), self._lock, file, keep_existing=keep_existing
            )

    def load(self, source: FilePath | Buffer | ByteSource | Bundle | BundleFileLike) -> LoadReport:
        """Make a bundle's artifacts current here, and its segments part of what is serialized.

        `source` is the path of a file, or whatever else a bundle is read from.

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
        self._saving.check_no_reentry()
        with self._saving, self._lock:
            current = self._state.adopt(bundle, matching)
        return LoadReport(
            current=current,
            segments=len(bundle.segments),
            opaque=len(bundle.segments) - len(matching),
            ignored=bundle.ignored,
        )

    def _opened(self, source: FilePath | Buffer | ByteSource | Bundle | BundleFileLike) -> Bundle:
        # [PCB-SEC-001]
        policy, limits = self._writing.policy, self._writing.limits
        if isinstance(source, Bundle):
            source.check_trust(policy)  # it may have been opened under another policy
            return source
        if isinstance(file := file_at(source, limits) or source, BundleFileLike):
            return file.open(policy=policy)
        if not is_source(source):
            raise MisuseError(f"{_SOURCE}, not from a {type(source).__name__}")
        # What is read by ranges may be far away: looking for E would read a little of each
        # block, and whoever fetches a bundle wants it whole.
        recover = not isinstance(source, ByteSource)
        return Bundle.open(source, policy=policy, limits=limits, recover=recover)

    def populate(self, cache: PrecompileCache | None = None) -> PopulateReport:
        """Apply what is current: caches are populated, entries stitched into `cache`.

        One artifact's failure is its own outcome and stops no other.

        Raises:
            MisuseError: there are entries, and no cache to write them to.
        """
        is_cache = hasattr(cache, "write") and hasattr(cache, "read")
        if cache is not None and not is_cache:
            text = "entries are written to a PrecompileCache, MemoryPrecompileCache() say"
            raise MisuseError(f"{text}, not to a {type(cache).__name__}")
        with self._lock:
            state = self._state
            snapshot = state.snapshot()
        return Populate(snapshot, self.registry, cache).run()

    def clear(self) -> None:
        """Forget everything but the registered types."""
        with self._lock:
            # [PCB-CTX-014]
            self._states[-1].state = State()

    @startable
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


def _check_type(value: object, wanted: Any, name: str, way_out: str) -> None:
    if not isinstance(value, wanted):
        raise MisuseError(f"{name} is {way_out}, not a {type(value).__name__}")
