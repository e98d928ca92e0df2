"""numba's functions that are cached (`cache=True`), served from a bundle and recorded into it.

Ours stands where a function's cache asks numba's index file, for every function and at any
time: it needs the function, which the index file is not told. numba's own cache directory is
written as ever. What is in it is neither believed nor recorded, where ours is asked: whether
a callee was edited since is not known of it, nor who wrote it.
"""

import pickle
import weakref
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from numba.core import caching
from numba.core.serialize import dumps

from precompile_context.adapters.numba import settings
from precompile_context.adapters.numba.artifacts import NumbaFunction
from precompile_context.adapters.numba.description import UndescribedError
from precompile_context.adapters.numba.identity import Identity, identity
from precompile_context.adapters.numba.misses import explained
from precompile_context.artifact import CacheArtifact
from precompile_context.environment import Environment
from precompile_context.plural import plural
from precompile_context.session import Adapter, Miss, Part
from precompile_context.session.elapsed import Elapsed
from precompile_context.session.first_use import before
from precompile_context.session.patches import Patches

_TYPE = NumbaFunction.TYPE


class NumbaAdapter(Adapter):
    """One process's functions."""

    name: ClassVar[str] = "numba"
    types: ClassVar[Sequence[type[CacheArtifact]]] = (NumbaFunction,)
    unit: ClassVar[str] = "function"

    def __init__(self) -> None:
        self._patches = Patches()
        self._part: Part | None = None
        self._counts: Counter[str] = Counter()
        self._elapsed = Elapsed()
        self._skipped: dict[str, str] = {}
        self._missed: dict[str, Identity] = {}
        # By cache and signature, what a look-up asked for in vain: the code is saved under it.
        self._asked: weakref.WeakKeyDictionary[Any, dict[str, Identity]]
        self._asked = weakref.WeakKeyDictionary()

    def watch(self, module: str, begin: Callable[[], bool]) -> None:
        """Begin when a cached function first asks for its machine code."""
        before(caching.Cache, "load_overload", begin)

    def facts(self) -> Environment:
        """Versions, processor and settings."""
        return settings.facts()

    def start(self, part: Part) -> None:
        """Answer in the place of numba's index."""
        self._part = part
        self._patches.wrap(caching.Cache, "_load_overload", self._load)
        self._patches.wrap(caching.Cache, "_save_overload", self._save)

    def stop(self) -> None:
        """numba's own cache alone answers from now on."""
        self._patches.undo()

    def report(self) -> Mapping[str, Any]:
        """Functions by signature: served, compiled; skipped lists those left to numba, and why."""
        return {
            "served": self._counts["served"],
            "compiled": self._counts["compiled"],
            "skipped": dict(sorted(self._skipped.items())),
        }

    def summary(self) -> str:
        """How many came from the bundle."""
        served, compiled = self._counts["served"], self._counts["compiled"]
        left = f", {len(self._skipped)} left to numba" if self._skipped else ""
        return f"{plural(served, self.unit)} of {served + compiled}{left}"

    def missed(self, missed: Sequence[tuple[str, str]]) -> Sequence[Miss]:
        """What differs from the same function, as the bundle holds it."""
        part = self._part
        stored = [] if part is None else list(part.stored(_TYPE))
        return [
            explained(self._missed[key], stored) if key in self._missed else Miss(key, None, ())
            for _, key in missed
        ]

    def _load(self, original: Callable[..., Any], cache: Any, sig: Any, target: Any) -> Any:
        part = self._part
        names = self._asked.setdefault(cache, {})
        names.pop(str(sig), None)
        asked = self._identify(cache, sig, target.codegen()) if part and cache._enabled else None
        if part is None or asked is None:
            return original(cache, sig, target)
        content = part.find(_TYPE, asked.key)
        if content is not None:
            try:
                data = cache._impl.rebuild(target, pickle.loads(content))
            except Exception as error:  # it is compiled, and takes this one's place
                part.is_unusable(_TYPE, asked.key, f"{type(error).__name__}: {error}")
            else:
                self._counts["served"] += 1
                return data
        self._missed[asked.key] = asked
        names[str(sig)] = asked
        self._elapsed.begin(asked.key)
        return None

    def _save(self, original: Callable[..., Any], cache: Any, sig: Any, data: Any) -> Any:
        part, asked = self._part, self._asked.get(cache, {}).pop(str(sig), None)
        if part is None or asked is None:
            return original(cache, sig, data)
        seconds = round(self._elapsed.end(asked.key), 3)
        kept = _Kept(cache._cache_file)
        cache._cache_file, theirs = kept, cache._cache_file
        try:
            original(cache, sig, data)
        finally:
            cache._cache_file = theirs
            # Recorded even where numba's own directory cannot be written.
            if kept.content is None:
                self._skipped[asked.function] = "numba does not cache it"
            else:
                self._counts["compiled"] += 1
                self._record(part, asked, kept.content, seconds)
        return None

    def _record(self, part: Part, asked: Identity, content: bytes, seconds: float) -> None:
        part.record(
            _TYPE,
            asked.key,
            content,
            function=asked.function,
            signature=asked.signature,
            source=asked.source,
            reads=asked.reads,
            seconds=seconds,
        )
        part.save()

    def _identify(self, cache: Any, sig: Any, codegen: Any) -> Identity | None:
        """The function's name; None where it has none, and numba's own cache is left to it."""
        try:
            return identity(cache, sig, codegen)
        except UndescribedError as error:
            reason = str(error)
        except Exception as error:  # nothing of ours may break the program
            reason = f"{type(error).__name__}: {error}"
        function = cache._py_func
        self._skipped[f"{function.__module__}.{function.__qualname__}"] = reason
        return None


class _Kept:
    """In the place of an index file while a function is saved: keeps what is written."""

    def __init__(self, theirs: Any) -> None:
        self._theirs = theirs
        self.content: bytes | None = None

    def save(self, key: Any, data: Any) -> None:
        """Keep it, then have it written."""
        self.content = dumps(data)
        self._theirs.save(key, data)
