"""The toy compiler's adapter: all that its author writes."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import toylang

from precompile_context import CacheArtifact, Environment
from precompile_context.session import Adapter, Part, first_use
from precompile_context.session.patches import Patches


@dataclass(frozen=True)
class ToyKernel(CacheArtifact):
    """One compiled expression."""

    TYPE: ClassVar[str] = "toylang.kernel"

    def populate_cache(self) -> None:
        toylang.cache.put(self.key, self.content)


class ToyAdapter(Adapter):
    """Stands between the compiler and its cache."""

    name = "toylang"
    types = (ToyKernel,)
    unit = "kernel"

    def __init__(self) -> None:
        self._patches = Patches()

    def watch(self, module: str, begin: Callable[[], bool]) -> None:
        first_use.before(sys.modules[module], "evaluate", begin)

    def facts(self) -> Environment:
        return Environment.of(toylang__version=toylang.VERSION, toylang__target=toylang.TARGET)

    def start(self, part: Part) -> None:
        def get(original: Callable[..., Any], cache: toylang.Cache, key: str) -> bytes | None:
            found: bytes | None = original(cache, key)
            return part.find(ToyKernel.TYPE, key) if found is None else found

        def put(original: Callable[..., Any], cache: toylang.Cache, key: str, code: bytes) -> None:
            original(cache, key, code)
            part.record(ToyKernel.TYPE, key, code)
            part.save()

        self._patches.wrap(toylang.Cache, "get", get)
        self._patches.wrap(toylang.Cache, "put", put)

    def stop(self) -> None:
        self._patches.undo()

    def report(self) -> Mapping[str, Any]:
        return {"compiled": toylang.compiled}
