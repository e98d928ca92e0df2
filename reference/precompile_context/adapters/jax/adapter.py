"""JAX, as the session sees it: before XLA compiles, the bundle is asked."""

import inspect
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from precompile_context.adapters.jax import private
from precompile_context.adapters.jax.artifacts import AutotunedFile, Executable
from precompile_context.adapters.jax.autotuned import Autotuned
from precompile_context.adapters.jax.facts import host_environment
from precompile_context.adapters.jax.keys import Question, question
from precompile_context.artifact import CacheArtifact
from precompile_context.bundle import StoredArtifact
from precompile_context.environment import Environment
from precompile_context.plural import plural
from precompile_context.session.adapter import Adapter, Part
from precompile_context.session.first_use import before
from precompile_context.session.missing import Difference, Miss
from precompile_context.session.patches import Patches


class JaxAdapter(Adapter):
    """Stands around the one function that all of JAX compiles through.

    So JAX's own cache, where the program has one, goes on as it is: it is asked, and written,
    for whatever the bundle does not have.
    """

    name: ClassVar[str] = "jax"
    types: ClassVar[Sequence[type[CacheArtifact]]] = (Executable, AutotunedFile)
    unit: ClassVar[str] = "executable"

    def __init__(self) -> None:
        self._patches = Patches()
        self._part: Part | None = None
        self._clear()

    def _clear(self) -> None:
        self._lock = threading.Lock()  # in a forked child, another thread may have held the last
        self._served: list[str] = []
        self._compiled: dict[str, tuple[Question, float]] = {}
        self._unusable: set[str] = set()
        self._left: Counter[str] = Counter()  # what was not asked for, by the reason
        self._autotuned: Autotuned | None = None

    def watch(self, module: str, begin: Callable[[], bool]) -> None:
        before(sys.modules[module], "compile_or_get_cached", begin)

    def facts(self) -> Environment:
        return host_environment()

    def ruled_out(self) -> str | None:
        return _OFF if _is_off() else None

    def start(self, part: Part) -> None:
        private.check()
        from jax._src import compiler

        self._clear()
        self._part = part
        self._autotuned = Autotuned(part)
        self._patches.wrap(compiler, "compile_or_get_cached", self._compile)

    def stop(self) -> None:
        self._patches.undo()  # the part stays: `missed` is asked at the end

    def _compile(self, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        part, asked = self._part, None
        if part is not None:
            try:
                given = inspect.signature(original).bind(*args, **kwargs).arguments
                asked = self._question(given)
                if asked is not None:
                    loaded = self._load(part, asked, given)
                    if loaded is not None:
                        return loaded
            except Exception as error:  # the program compiles on
                part.tell(f"not served: {type(error).__name__}: {error}")
        begun = time.perf_counter()
        executable = original(*args, **kwargs)
        if part is not None and asked is not None:
            try:
                self._record(part, asked, executable, time.perf_counter() - begun)
            except Exception as error:
                part.tell(f"not recorded: {type(error).__name__}: {error}")
        return executable

    def _question(self, given: Mapping[str, Any]) -> Question | None:
        """What is asked; None for what is left to JAX."""
        from jax._src import config

        reason = None
        if _is_off():
            reason = _OFF
        elif given["host_callbacks"]:
            reason = "host callbacks"  # they are addresses in this process
        elif config.enable_pgle.value or config.compilation_cache_expect_pgle.value:
            reason = "profile-guided compiles"  # JAX chooses between two keys of its own
        elif len({device.process_index for device in given["devices"].flat}) > 1:
            reason = "several processes"  # who compiles, and who waits, is agreed among them
        if reason is not None:
            with self._lock:
                self._left[reason] += 1
            return None
        return question(
            given["backend"], given["computation"], given["devices"], given["compile_options"]
        )

    def _load(self, part: Part, asked: Question, given: Mapping[str, Any]) -> Any:
        content = part.find(Executable.TYPE, asked.key)
        if content is None:
            if self._autotuned is not None:
                self._autotuned.restore(given["backend"])
            return None
        try:
            loaded = given["backend"].deserialize_executable(
                content, given["executable_devices"], given["compile_options"]
            )
        except Exception as error:  # whatever the runtime raises: it is compiled anew
            part.is_unusable(Executable.TYPE, asked.key, " ".join(str(error).split())[:200])
            with self._lock:
                self._unusable.add(asked.key)
            return None
        with self._lock:
            self._served.append(asked.key)
        return loaded

    def _record(self, part: Part, asked: Question, executable: Any, seconds: float) -> None:
        try:
            content = executable.serialize()
        except Exception:  # some runtimes cannot, for some programs; JAX's own cache warns of it
            with self._lock:
                self._left["not serializable"] += 1
            return
        with self._lock:
            replace = asked.key in self._unusable
            self._unusable.discard(asked.key)
        part.record(
            Executable.TYPE,
            asked.key,
            content,
            replace=replace,
            program=asked.program,
            options=asked.options,
            devices=asked.devices,
            seconds=round(seconds, 3),
        )
        if self._autotuned is not None:
            self._autotuned.record()
        with self._lock:
            self._compiled[asked.key] = asked, seconds
        part.save()

    def report(self) -> Mapping[str, Any]:
        with self._lock:
            return {
                "executables_served": len(self._served),
                "executables_compiled": len(self._compiled),
                "compile_seconds": round(sum(s for _, s in self._compiled.values()), 3),
                "left_to_jax": dict(self._left),
            }

    def summary(self) -> str | None:
        with self._lock:
            served, compiled = len(self._served), len(self._compiled)
        return f"{plural(served, self.unit)} of {served + compiled}" if served + compiled else None

    def missed(self, missed: Sequence[tuple[str, str]]) -> Sequence[Miss]:
        """The nearest is of the same function; the digests say in which part it differs."""
        part = self._part
        stored = list(part.stored(Executable.TYPE)) if part is not None else []
        with self._lock:
            asked = {key: one for key, (one, _) in self._compiled.items()}
        return [
            _miss(asked[key], stored) if key in asked else Miss(key, None, ())
            for type_name, key in missed
            if type_name == Executable.TYPE
        ]


_OFF = "jax_enable_compilation_cache is off"


def _is_off() -> bool:
    from jax._src import config

    return not config.enable_compilation_cache.value


# The kind of difference that each part of a key stands for.
_PARTS = {"program": "source", "options": "config", "devices": "environment"}


def _miss(asked: Question, stored: Sequence[StoredArtifact]) -> Miss:
    candidates = [one for one in stored if one.key.rpartition("-")[0] == asked.name]
    if not candidates:
        return Miss(asked.key, None, ())
    differences = [_differences(asked, one) for one in candidates]
    nearest = min(range(len(candidates)), key=lambda index: len(differences[index]))
    return Miss(asked.key, candidates[nearest].key, tuple(differences[nearest]))


def _differences(asked: Question, stored: StoredArtifact) -> list[Difference]:
    pairs = ((name, stored.attributes.get(name), getattr(asked, name)) for name in _PARTS)
    return [
        Difference(_PARTS[name], f"the digest of its {name}", str(there)[:16], here[:16])
        for name, there, here in pairs
        if there != here
    ]
