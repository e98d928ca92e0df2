"""PyTorch's adapter: torch.compile's caches in a session."""

import functools
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from precompile_context.adapters.pytorch import workers
from precompile_context.adapters.pytorch.artifacts import KNOWN
from precompile_context.adapters.pytorch.facts.environment import (
    fitting_environment,
    host_environment,
)
from precompile_context.adapters.pytorch.facts.switches import ruled_out
from precompile_context.adapters.pytorch.precompile.entry import AOTAutogradBackend, DynamoEntry
from precompile_context.adapters.pytorch.precompile.mode import Precompile
from precompile_context.adapters.pytorch.private import UnsupportedTorchError
from precompile_context.adapters.pytorch.recording.capturing import Capture
from precompile_context.adapters.pytorch.recording.observe import Observation, Tally
from precompile_context.adapters.pytorch.report import counted
from precompile_context.adapters.pytorch.serving import shortcuts
from precompile_context.adapters.pytorch.serving.applying import register_types, take_away
from precompile_context.adapters.pytorch.serving.handing import Serving
from precompile_context.adapters.pytorch.summary import summary
from precompile_context.adapters.pytorch.warm_start_report import WarmStartReport
from precompile_context.artifact import ArtifactKind, CacheArtifact, Registry
from precompile_context.bundle import Bundle, StoredArtifact
from precompile_context.context.held import Held, Snapshot, digest_of
from precompile_context.context.populate import Outcome, Populate
from precompile_context.environment import Environment
from precompile_context.errors import PrecompileError, Stage
from precompile_context.files import check_private
from precompile_context.session import first_use
from precompile_context.session import session as sessions
from precompile_context.session.adapter import Adapter
from precompile_context.session.missing import Miss, as_json
from precompile_context.session.part import SessionPart
from precompile_context.session.patches import Patches
from precompile_context.session.settings import Settings

if TYPE_CHECKING:
    from precompile_context.adapters.pytorch.recording.misses import Misses

# Whatever is compiled passes one of these before a cache is asked: dynamo's frames and lazy
# backward graphs, inductor called by itself, and a look for a precompiled function. So does what
# a file of torch's holds compiled, without the libraries that it needs.
_FIRST = {
    "torch._dynamo.callback": "CompilationCallbackHandler.install_callbacks",
    "torch._dynamo.convert_frame": "_compile",
    "torch._dynamo.package": "DiskDynamoCache.load",
    "torch._inductor.async_compile": "CppCodeCache.load_async",
    "torch._inductor.compile_fx": "compile_fx",
}


class PyTorchAdapter(Adapter):
    """What torch compiles, and what its caches are asked for."""

    name = "pytorch"
    types = (*KNOWN, DynamoEntry, AOTAutogradBackend)
    unit = "graph"

    def __init__(
        self, *, precompile: bool | None = None, report: WarmStartReport | None = None
    ) -> None:
        """`precompile` is that of the run's settings, unless it is given."""
        self._precompiles = precompile
        self._shown = report
        self._part: SessionPart | None = None
        self._mode: Precompile | None = None
        self._capture: Capture | None = None
        self._loaded: set[tuple[str, object, bytes]] = set()
        self._observation: Observation | None = None
        self._counts: dict[str, int] | None = None
        self._misses: Misses | None = None
        self._missed: Sequence[Miss] = ()

    @property
    def prefix(self) -> str:
        """Its lines were there before there were several adapters."""
        return ""

    def types_here(self) -> Sequence[type[CacheArtifact]]:
        registry = Registry()
        return (*register_types(registry), DynamoEntry, AOTAutogradBackend)

    def watch(self, module: str, begin: Callable[[], bool]) -> None:
        if workers.is_one():
            workers.count(module)
        elif module in _FIRST:
            *path, function = _FIRST[module].split(".")
            owner = functools.reduce(getattr, path, sys.modules[module])
            first_use.before(owner, function, begin)

    def ruled_out(self) -> str | None:
        return ruled_out()

    def facts(self) -> Environment:
        environment = host_environment()
        # What others could put there would be loaded, and recorded under our signature.
        _check_cache_directory()
        return environment

    def fitting(self, environment: Environment, bundle: Bundle) -> Environment:
        return fitting_environment(environment, bundle)

    def observe(self, *, report: str | None, why_miss: bool) -> None:
        if report is not None:
            self._counts = None
            self._observation = Observation(Tally(workers.tally_file(report, os.getpid())))
        if why_miss:
            from precompile_context.adapters.pytorch.recording.misses import Misses

            self._misses = Misses(Patches())

    def leave_out(self, stored: StoredArtifact, content: bytes) -> None:
        take_away(stored, content)

    def start(self, part: SessionPart) -> None:  # type: ignore[override]  # it populates, too
        self._part, self._loaded = part, set()
        main = part.contexts.main
        register_types(main.registry)
        self._mode = None
        if self._is_automatic():
            self._mode = Precompile(
                main, part.save, on_served=lambda key: part.used((DynamoEntry.TYPE, key))
            )
        if self._shown is not None:
            self._shown.precompile = self._mode.report if self._mode else None
        if part.report.matched and part.bundle is not None:
            self._apply(part, part.bundle)
        self._capture = Capture(
            main,
            superseding=part.contexts.superseding,
            on_compiled=part.save,
            on_ruled_out=lambda switch: part.tell_cold(sessions.ruled_out(switch)),
            is_known=self._is_known,
        )
        self._capture.start()
        if self._mode is not None:
            try:
                self._mode.start()
                if self._observation is not None:
                    self._observation.watch_frames()
            except UnsupportedTorchError as error:  # what the caches hold serves all the same
                self._mode.report.is_off(str(error))
                part.tell_about(f"unsupported torch version, running cold: {error}", "precompile")

    def _is_automatic(self) -> bool:
        return Settings.read().precompile if self._precompiles is None else self._precompiles

    def _apply(self, part: SessionPart, bundle: Bundle) -> None:
        current = part.current
        self._loaded = {
            (stored.type, stored.attributes.get("torch_key"), stored.content_digest)
            for stored in current.values()
        }
        shortcuts.install()

        def refused(stored: StoredArtifact, error: PrecompileError) -> None:
            self._refused(
                Outcome(stored.type, stored.key, error.code, error.detail, error.offset), part
            )

        from torch._inductor.runtime.cache_dir_utils import cache_dir

        serving = Serving(
            bundle,
            cache_dir(),
            handed=lambda stored: part.applied([(stored.type, stored.key)]),
            refused=refused,
        )
        # What is small goes where torch looks at once. Entries are stitched for the automatic
        # mode; without it, they and their backends go nowhere.
        kinds = {ArtifactKind.CACHE} if self._mode is None else set(ArtifactKind)
        small = {
            (stored.type, stored.key): Held.loaded(bundle, stored)
            for stored in serving.take(current.values())
            if stored.kind in kinds
        }
        part.prefetch(small)
        part.about_to_apply(small)
        cache = self._mode.cache if self._mode else None
        populated = Populate(Snapshot.of(small), part.contexts.main.registry, cache).run()
        for type_name, keys in populated.info.artifacts.items():
            part.applied((type_name, key) for key in keys)
        for outcome in populated.outcomes:
            self._refused(outcome, part)
        serving.start(str(part.report.store or part.report.path))

    def _refused(self, outcome: Outcome, part: SessionPart) -> None:
        if outcome.code.stage is Stage.CONTENT:
            self._loaded.clear()
        part.refused(outcome)

    def _is_known(self, type_name: str, torch_key: str, content: bytes) -> bool:
        """Whether the very content was loaded under this type and key of torch's."""
        return bool(self._loaded) and (type_name, torch_key, digest_of(content)) in self._loaded

    def stop(self) -> None:
        if self._mode is not None:
            self._mode.stop()
        capture, self._capture = self._capture, None
        if self._observation is not None:
            self._counts = self._observation.end() or self._counts
        if capture is not None:
            capture.stop()
            if capture.fault is not None:
                raise capture.fault

    def report(self) -> Mapping[str, Any]:
        mode = None if self._mode is None else self._mode.report.as_json()
        observation = self._observation
        if observation is None:
            return {"precompile": mode}
        counts = observation.tally.counts() if self._counts is None else self._counts
        return {
            "precompile": mode,
            **counted(counts, as_json(self._missed)),
            "compile_seconds": observation.compile_seconds(),
        }

    def summary(self) -> str | None:
        return "" if self._part is None else summary(self._part.report, self._mode)

    def missed(self, missed: Sequence[tuple[str, str]]) -> Sequence[Miss]:
        if self._misses is not None and self._part is not None:
            self._missed = self._misses.explained(self._part.bundle, self._part.environment)
        return self._missed


def _check_cache_directory() -> None:
    """Raise PermissionError where other users could change what torch loads."""
    from torch._inductor.runtime.cache_dir_utils import cache_dir

    check_private(cache_dir(), link_allowed=True)
