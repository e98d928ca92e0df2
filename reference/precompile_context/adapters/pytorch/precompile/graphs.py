"""Compiled graphs as they leave torch's compiler: bundled, under keys that say what they are."""

import contextlib
import dataclasses
import itertools
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

from precompile_context.adapters.pytorch.precompile import (
    graph_keys,
    observed,
    split_graphs,
    without_calls,
)
from precompile_context.adapters.pytorch.precompile.parts import Parts, took_part
from precompile_context.adapters.pytorch.precompile.store import Store
from precompile_context.adapters.pytorch.precompile.unkept import Unkept
from precompile_context.session.patches import Patches


class Graphs:
    """The hooks in AOTAutograd's cache, from `start` to `stop`.

    Attributes:
        unkept: why torch keeps no graph of some.
    """

    def __init__(self, store: Store, on_fault: Callable[[Exception], None]) -> None:
        self.unkept = Unkept()
        self._store = store
        self._on_fault = on_fault
        self._patches = Patches()
        self._latest = threading.local()

    def start(self) -> None:
        """Put the hooks in."""
        from torch._dynamo.backends.distributed import DDPOptimizer
        from torch._dynamo.callback import CompilationCallbackHandler
        from torch._dynamo.precompile_context import PrecompileContext
        from torch._functorch._aot_autograd import autograd_cache
        from torch._inductor.codecache import GuardedCache
        from torch.compiler._cache import CacheArtifactManager

        pickler = autograd_cache.AOTAutogradCachePickler
        self._patches.wrap(DDPOptimizer, "compile_fn", split_graphs.compile_cut)
        self._patches.wrap(autograd_cache, "check_cacheable", split_graphs.check_cacheable)
        self._patches.wrap(autograd_cache.AOTAutogradCache, "_lookup", split_graphs.look_up)
        self._patches.wrap(autograd_cache, "should_bundle_autograd_cache", lambda original: True)
        self._patches.wrap(GuardedCache, "iterate_over_candidates", _bundled)
        self._patches.wrap(pickler, "_reduce_aot_config", _without_number)
        self._patches.wrap(CompilationCallbackHandler, "install_callbacks", _compiling)
        self._patches.wrap(autograd_cache, "sanitize_gm_for_cache", _with_number_last)
        self._patches.wrap(CacheArtifactManager, "record_artifact", self._content)
        self._patches.wrap(PrecompileContext, "record_artifact", self._record)
        without_calls.watch(self._patches)
        self.unkept.start(self._patches)

    def stop(self) -> None:
        """Take the hooks out."""
        self._patches.undo()

    def _content(
        self, original: Callable[..., Any], cls: Any, type_name: str, key: str, content: Any
    ) -> None:
        """AOTAutograd's own cache gets the same bytes, right before the graph is recorded."""
        if type_name == "aot_autograd":
            self._latest.content = key, content
        original(cls, type_name, key, content)

    def _record(self, original: Callable[..., Any], cls: Any, artifact: Any) -> None:
        """A bundled result. torch's own context would keep a deep copy that nobody reads."""
        try:
            key, content = self._latest.content
            self._store.compiled(artifact.key, key, content, _parts)
        except Exception as error:  # ours: the program has its compiled graph
            self._on_fault(error)


def _parts() -> Parts:
    """What took part in the compile of a graph that was not compiled with its frame."""
    return took_part(
        (),
        observed.meanwhile(),
        told=frozenset(),
        classes=(),
        operators=graph_keys.collected(),
        variables_read=(),
    )


@contextlib.contextmanager
def _compiling(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Iterator[None]:
    """Around each compile, a backward's by itself, too."""
    with original(*args, **kwargs), observed.observing(), graph_keys.collecting():
        yield


def _without_number(original: Callable[..., Any], pickler: Any, config: Any) -> Any:
    """The number of a compile, which is random, is no property of what is compiled.

    Without it, a graph has the key that it has without the mode, and serves there, too.
    """
    return original(pickler, dataclasses.replace(config, precompile_backend_id=None))


def _with_number_last(original: Callable[..., Any], graph: Any) -> Any:
    """Where torch blanks the number for the key, it adds it last to a graph that has none."""
    attributes = vars(graph)
    if (number := split_graphs.NUMBER) in attributes:
        attributes[number] = attributes.pop(number)
    return original(graph)


def _bundled(
    original: Callable[..., Iterator[Any]], cls: Any, *args: Any, **kwargs: Any
) -> Iterator[Any]:
    """What was kept without the mode under the same key refers to graphs, and holds none.

    It is made anew, of inductor's graphs, which are found: so it can be a frame's backend.
    """
    from torch._functorch._aot_autograd.aot_autograd_result import AOTAutogradResult

    for candidate in original(cls, *args, **kwargs):
        if not isinstance(candidate[0], AOTAutogradResult):
            yield candidate


def begin_names_at_random() -> None:
    """Names that dynamo numbers, and that saved code uses, must differ between processes."""
    from torch._dynamo import bytecode_transformation

    base = int.from_bytes(os.urandom(5), "big")
    bytecode_transformation._unique_id_counter = itertools.count(base)
