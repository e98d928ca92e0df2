"""One compiler's part in a session: look-ups in the bundle, and what is recorded."""

import contextlib
import os
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from precompile_context.artifact import ArtifactId, ArtifactKind, AttributeValue
from precompile_context.bundle import ArtifactName, Bundle, Segment, StoredArtifact
from precompile_context.context.populate import Outcome
from precompile_context.environment import Environment
from precompile_context.errors import ErrorCode, MisuseError, PrecompileError, Stage
from precompile_context.session.adapter import Adapter
from precompile_context.session.contexts import Contexts
from precompile_context.session.part_report import PartReport
from precompile_context.session.quarantine import Quarantine
from precompile_context.session.telling import Telling, failure, otherwise

if TYPE_CHECKING:
    from precompile_context.stores import Attached

# Of one compile: a year. What says more was not measured.
_MOST_SECONDS = 3.2e7


class SessionPart:
    """`Part` of one session's file.

    Attributes:
        environment: the facts of this host, for this adapter's segments.
        bundle: the whole bundle as it was at the start; None without one.
        current: what it holds for this host of the adapter's types.
        contexts: what is recorded.
        types: the names of the adapter's types.
        report: what was done.
        hits, missed: look-ups that were answered, and those in vain, each once.
    """

    def __init__(
        self,
        adapter: Adapter,
        environment: Environment,
        contexts: Contexts,
        bundle: Bundle | None,
        *,
        report: PartReport,
        telling: Telling,
        save: Callable[["SessionPart"], None],
        store: "Attached | None" = None,
        quarantine: Quarantine | None = None,
    ) -> None:
        self.adapter = adapter
        self.environment = environment
        self.contexts = contexts
        self.bundle = bundle
        self.report = report
        self.hits: dict[ArtifactName, None] = {}
        self.missed: dict[ArtifactName, None] = {}
        self.current: Mapping[ArtifactName, StoredArtifact] = {}
        self._telling = telling
        self._save = save
        self._store = store
        self._quarantine = quarantine
        self._recorded: dict[ArtifactName, bool] = {}  # whether it supersedes
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._ended = False
        known = adapter.types_here()
        self.types: Collection[str] = {cls.TYPE for cls in known}
        for cls in known:
            self.contexts.main.registry.add(cls)

    # Of the protocol.

    def find(self, type: str, key: str) -> bytes | None:
        name = (type, key)
        if not self._takes_part():
            return None
        found = self._find(name)
        (self.missed if found is None else self.hits).setdefault(name)
        return found

    def stored(self, type: str) -> Iterable[StoredArtifact]:
        return [stored for (type_, _), stored in self.current.items() if type_ == type]

    def read(self, stored: StoredArtifact) -> bytes | None:
        try:
            return None if self.bundle is None else self.bundle.read(stored)
        except (PrecompileError, OSError):  # told where it was asked for
            return None

    def is_unusable(self, type: str, key: str, detail: str) -> None:
        if self._takes_part() and (stored := self.current.get((type, key))) is not None:
            with self._lock, contextlib.suppress(ValueError):
                self.report.applied.remove((type, key))
            self.report.not_spent.pop((type, key), None)
            self.refused(Outcome(stored.type, stored.key, ErrorCode.APPLY_FAILED, detail))
            self._is_gone(type, key)

    def record(
        self,
        type: str,
        key: str,
        content: bytes,
        *,
        replace: bool = False,
        **fields: AttributeValue,
    ) -> None:
        if not self._takes_part():
            return
        context = self.contexts.superseding if replace else self.contexts.main
        try:
            with self._lock:
                if not replace and ((type, key) in self._recorded or (type, key) in self.current):
                    return
                context.record_artifact(type, key, content, backends=(), **fields)
                self._recorded[type, key] = replace
        except (MisuseError, PrecompileError) as error:
            self.tell(f"not all was recorded: {failure(error)}")

    def save(self) -> None:
        if self._takes_part():
            self._save(self)

    def tell(self, text: str) -> None:
        if self._takes_part():
            self._telling.tell(text)

    # For adapters that serve otherwise than by look-ups, and for the session.

    def load(self) -> None:
        """Choose what fits this host of the bundle."""
        if self.bundle is None or not (own := concerning(self.bundle, self.types)):
            return
        fitting = [s for s in own if not self.environment.mismatches(s.manifest.requirements)]
        if not fitting:
            # Another environment's: this one's artifacts are appended as segments of their own.
            self.report.matched = False
            last = self.environment.mismatches(own[-1].manifest.requirements)
            self._telling.tell_cold(otherwise(last))
            return
        self.report.matched = True
        if self._store is None:
            self.contexts.load(self.bundle)
        else:
            self.contexts.found_elsewhere(self.bundle)
        everything = self.bundle.current(self.bundle.matching(self.environment))
        self.current = {n: stored for n, stored in everything.items() if n[0] in self.types}
        self.report.loaded = {name: stored.content_size for name, stored in self.current.items()}
        self._leave_out_suspects()

    def applied(self, names: Iterable[ArtifactName]) -> None:
        """The compiler has these now."""
        names = list(names)
        self.about_to_apply(names)
        self.report.applied += names
        for name in names:
            stored = self.current.get(name)
            if stored is not None and stored.kind != ArtifactKind.ENTRY:  # wanted or not
                self.used(name)

    def used(self, name: ArtifactName) -> None:
        """The compiler need not make this: what that took once is not spent now."""
        stored = self.current.get(name)
        if stored is not None and (seconds := seconds_of(stored)):
            self.report.not_spent[name] = seconds

    def about_to_apply(self, names: Iterable[ArtifactName]) -> None:
        """The compiler gets these: should the program die of them, the next run knows."""
        if self._quarantine is not None:
            self._quarantine.given(self.current[name] for name in names if name in self.current)

    def refused(self, outcome: Outcome) -> None:
        """The compiler does not get this. What is damaged is taken out of the file, so that what
        replaces it is saved.
        """
        self.report.refused.append(outcome)
        if outcome.code.stage is Stage.CONTENT:
            stored = self.current.get((outcome.type, outcome.key))
            if self._store is not None and stored is not None:
                self._store.forget(stored)
            self._is_gone(outcome.type, outcome.key)
        self._telling.tell(
            f"not all was applied; the first, {outcome.type} {outcome.key}:"
            f" {outcome.code.name}: {outcome.detail}"
        )

    def prefetch(self, names: Iterable[ArtifactName]) -> None:
        """Have the content of these here, where the bundle is far away."""
        if self._store is not None:
            self._store.prefetch(self.current[name] for name in names)

    def tell_about(self, text: str, about: str) -> None:
        """As `tell`, of something of its own: "save" for what is not saved."""
        self._telling.tell(text, about)

    def tell_cold(self, reason: str) -> None:
        """Say why nothing is served."""
        self._telling.tell_cold(reason)

    def end(self) -> None:
        """Find and record no more."""
        self._ended = True

    def recorded(self) -> tuple[ArtifactId, ...]:
        """What is current now and was not loaded."""
        return self.contexts.recorded()

    def _takes_part(self) -> bool:
        return not self._ended and os.getpid() == self._pid

    def _find(self, name: ArtifactName) -> bytes | None:
        try:
            replaced = self._recorded.get(name)
            if replaced is not None:
                context = self.contexts.superseding if replaced else self.contexts.main
                own = context.lookup(*name)
                return None if own is None else own.content
            stored = self.current.get(name)
            if stored is None or self.bundle is None:
                return None
            content = self.bundle.read(stored)
        except (PrecompileError, OSError) as error:
            if isinstance(error, PrecompileError):
                self.refused(Outcome(*name, error.code, error.detail, error.offset))
            else:
                self._telling.tell(f"not all could be read: {failure(error)}")
            return None
        self.about_to_apply([name])
        with self._lock:
            if name not in self.hits:
                self.report.applied.append(name)
        self.used(name)
        return content

    def _leave_out_suspects(self) -> None:
        """Tell what a program died after that it was given, and leave that out, if it is to be."""
        quarantine = self._quarantine
        suspects = [] if quarantine is None else quarantine.among(self.current.values())
        if quarantine is None or not suspects:
            return
        self._telling.tell(quarantine.told(suspects), "suspects")
        if not quarantine.leaves_out:
            return
        for one in suspects:
            stored = self.current[one.type, one.key]
            content = self.read(stored)
            if content is not None:
                with contextlib.suppress(Exception):  # it stays where it is, and is told
                    self.adapter.leave_out(stored, content)
            detail = f"{one.program} died after it was given: {one.fault}"
            self.report.refused.append(Outcome(one.type, one.key, ErrorCode.APPLY_FAILED, detail))
        names = {(one.type, one.key) for one in suspects}
        self.current = {name: s for name, s in self.current.items() if name not in names}
        self.contexts.leave_out(names)

    def _is_gone(self, type: str, key: str) -> None:
        self.current = {name: s for name, s in self.current.items() if name != (type, key)}
        self.contexts.is_damaged(type, key)


def seconds_of(stored: StoredArtifact) -> float:
    """What the compile took, as its field `seconds` says; 0.0 where it says nothing of use."""
    seconds = next((value for name, value in stored.fields if name == "seconds"), 0.0)
    if isinstance(seconds, float) and 0 < seconds < _MOST_SECONDS:
        return seconds
    return 0.0


def concerning(bundle: Bundle, types: Collection[str]) -> list[Segment]:
    """The segments that list one of these types: others are other compilers'."""
    return [
        segment
        for segment in bundle.segments
        if any(type_.name in types for type_ in segment.manifest.artifacts.types)
    ]
