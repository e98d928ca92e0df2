"""Applying artifacts: caches are populated, entries are stitched with their backends."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from precompile_context.artifact import (
    ArtifactKind,
    CacheArtifact,
    PrecompileCacheArtifact,
    Registry,
    attribute_names,
)
from precompile_context.bundle import ArtifactName
from precompile_context.bundle.stored import Fields, OpaqueValue
from precompile_context.cache_info import CacheInfo
from precompile_context.context.cache import PrecompileCache, StitchedEntry
from precompile_context.context.held import Held, Snapshot
from precompile_context.errors import ErrorCode, MisuseError, PrecompileError
from precompile_context.html import shown, table


@dataclass(frozen=True, slots=True)
class Outcome:
    """Why one artifact was not applied."""

    type: str
    key: str
    code: ErrorCode
    detail: str
    offset: int | None = None  # in the bundle that the artifact came with


@dataclass(frozen=True, slots=True, repr=False)
class PopulateReport:
    """What was applied, and an outcome for each artifact that was not."""

    info: CacheInfo
    outcomes: tuple[Outcome, ...]

    def __repr__(self) -> str:
        return shown("PopulateReport", self._shown())

    def _repr_html_(self) -> str:
        refused = [(f"{o.type} {o.key}", f"{o.code.name}: {o.detail}") for o in self.outcomes[:20]]
        return table("PopulateReport", [*self._shown(), *refused])

    def _shown(self) -> list[tuple[str, object]]:
        return [("applied", len(self.info)), ("not applied", len(self.outcomes))]


def instantiate(held: Held, registry: Registry) -> CacheArtifact:
    """The typed artifact, content read and checked; attributes its class lacks stay behind.

    Raises:
        PrecompileError: UNKNOWN_ARTIFACT_TYPE; APPLY_FAILED where the class does
            not take the attributes; a CONTENT code.
    """
    cls = _class_of(held.type, held.kind, registry)
    content = held.read()
    try:
        return _made(cls, held.key, content, held.fields)
    except Exception as error:
        raise _apply_failed(error) from error


def _class_of(type_name: str, kind: ArtifactKind | int, registry: Registry) -> type[CacheArtifact]:
    try:
        cls = registry.get(type_name)
    except MisuseError as error:
        raise PrecompileError(ErrorCode.APPLY_FAILED, str(error)) from error
    # [PCB-POP-003] [PCB-CTX-031]
    if cls is None or kind != cls.KIND:
        detail = f"no artifact class of type {type_name!r} and kind {kind!r} is registered"
        raise PrecompileError(ErrorCode.UNKNOWN_ARTIFACT_TYPE, detail)
    return cls


def _made(cls: type[CacheArtifact], key: str, content: bytes, fields: Fields) -> CacheArtifact:
    """May raise whatever the class does."""
    # [PCB-CTX-017] [PCB-EXT-007]
    known = attribute_names(cls)
    values: dict[str, Any] = {
        name: value
        for name, value in fields
        if name in known and not isinstance(value, OpaqueValue)
    }
    return cls(key=key, content=content, **values)


def _apply_failed(error: Exception) -> PrecompileError:
    return PrecompileError(ErrorCode.APPLY_FAILED, f"{type(error).__name__}: {error}")


class Populate:
    """One run of populate over a snapshot of what is current, backends resolved."""

    def __init__(
        self,
        current: Snapshot,
        registry: Registry,
        cache: PrecompileCache | None,
    ) -> None:
        self._current = current
        self._registry = registry
        self._cache = cache
        self._backends: dict[ArtifactName, tuple[PrecompileCacheArtifact[Any], Any]] = {}
        self._classes: dict[str, type[CacheArtifact]] = {}  # of the CACHE types met
        self._applied: dict[ArtifactName, None] = {}
        self._outcomes: list[Outcome] = []

    def run(self) -> PopulateReport:
        """CACHE artifacts first, then entries, each in recorded order; one failure stops no other.

        Raises:
            MisuseError: there are entries to stitch and no cache to write them to.
        """
        caches, others = self._current.by_kind()
        # [PCB-POP-008]
        if self._cache is None and any(kind == ArtifactKind.ENTRY for _, kind in others):
            raise MisuseError("populate needs a PrecompileCache to write entries to")
        # [PCB-POP-001]
        self._attempt(caches, self._populate)
        for name, kind in others:
            if kind == ArtifactKind.ENTRY:
                self._attempt((name,), self._stitch)
            elif kind != ArtifactKind.BACKEND:
                detail = f"kind {int(kind)} is unknown to this implementation"
                self._refuse(name, PrecompileError(ErrorCode.UNKNOWN_ARTIFACT_TYPE, detail))
        applied: Iterable[ArtifactName] = self._applied
        if others:  # some of which may stand among the caches
            applied = (name for name in self._current.current if name in self._applied)
        return PopulateReport(CacheInfo.of(applied), tuple(self._outcomes))

    def _attempt(
        self, names: Iterable[ArtifactName], apply: Callable[[ArtifactName], None]
    ) -> None:
        for name in names:
            try:
                # [PCB-POP-002]
                apply(name)
            except PrecompileError as error:
                # [PCB-POP-005]
                self._refuse(name, error)
            except OSError as error:  # the file that it was loaded from can no longer be read
                self._refuse(name, _apply_failed(error))
            else:
                self._applied[name] = None

    def _refuse(self, name: ArtifactName, error: PrecompileError) -> None:
        self._outcomes.append(Outcome(*name, error.code, error.detail, error.offset))

    def _populate(self, name: ArtifactName) -> None:
        type_name, key = name
        cls = self._classes.get(type_name)
        if cls is None:
            cls = _class_of(type_name, ArtifactKind.CACHE, self._registry)
            self._classes[type_name] = cls
        content, fields = self._current.read(name)
        try:
            # [PCB-POP-004]
            made = _made(cls, key, content, fields) if fields else cls(key=key, content=content)
            made.populate_cache()
        except Exception as error:  # code of another package: whatever it raises is an outcome
            raise _apply_failed(error) from error

    def _stitch(self, name: ArtifactName) -> None:
        """Write the entry with its backends in one piece, or nothing of it."""
        held = self._current.held(name)
        # [PCB-POP-007]
        missing = [
            f"{backend.type} {backend.key!r}"
            for backend in held.backends
            if not self._is_there(backend.type, backend.key, backend.content_digest)
        ]
        # [PCB-POP-006]
        if missing:
            detail = f"not there with the content that the entry names: {', '.join(missing)}"
            raise PrecompileError(ErrorCode.MISSING_BACKEND, detail)
        entry = instantiate(held, self._registry)
        if not isinstance(entry, PrecompileCacheArtifact):
            detail = f"{type(entry).__name__} is no PrecompileCacheArtifact"
            raise PrecompileError(ErrorCode.APPLY_FAILED, detail)
        backends = [self._backend((id_.type, id_.key)) for id_ in held.backends]
        stitched = StitchedEntry(
            entry,
            tuple(artifact for artifact, _ in backends),
            tuple(value for _, value in backends),
        )
        assert self._cache is not None  # run() made sure of it
        try:
            self._cache.write(stitched)
        except Exception as error:  # as above
            raise _apply_failed(error) from error
        for backend in held.backends:
            self._applied[backend.type, backend.key] = None

    def _is_there(self, type_name: str, key: str, digest: bytes) -> bool:
        """Whether the very content that the entry named is current, not just one of its name."""
        if (type_name, key) not in self._current.resolved:
            return False
        backend = self._current.held((type_name, key))
        return backend.kind == ArtifactKind.BACKEND and backend.digest == digest

    def _backend(self, name: ArtifactName) -> tuple[PrecompileCacheArtifact[Any], Any]:
        """A backend and what it deserializes to, once however many entries name it."""
        if name not in self._backends:
            artifact = instantiate(self._current.held(name), self._registry)
            if not isinstance(artifact, PrecompileCacheArtifact):
                detail = f"{type(artifact).__name__} is no PrecompileCacheArtifact"
                raise PrecompileError(ErrorCode.APPLY_FAILED, detail)
            try:
                self._backends[name] = artifact, artifact.after_deserialization()
            except Exception as error:  # as above
                raise _apply_failed(error) from error
        return self._backends[name]
