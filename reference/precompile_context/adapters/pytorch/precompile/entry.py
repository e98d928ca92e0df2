"""What an entry and a backend hold: one compiled version of one frame, and a compiled graph."""

import functools
import pickle
from dataclasses import dataclass
from typing import Any, ClassVar

from precompile_context.adapters.pytorch.precompile.digests import short_digest
from precompile_context.adapters.pytorch.precompile.named_globals import Named
from precompile_context.adapters.pytorch.precompile.parts import Parts
from precompile_context.adapters.pytorch.precompile.saved_guards import SavedGuards
from precompile_context.adapters.pytorch.precompile.split_graphs import SplitGraph
from precompile_context.artifact import ArtifactKind, PrecompileCacheArtifact


@dataclass(frozen=True)
class Version:
    """One compiled version of a frame, as dynamo made it.

    Attributes:
        code: the bytecode to run in the frame's place, torch's SerializedCode.
        guards: when it may be run.
        backends: the global names under which the bytecode calls compiled graphs, in
            the order of the entry's backends; of a graph that was cut, its pieces.
        cut: the graphs that were cut, by global name.
        imports: global names that stand for modules, each with the module's name.
        named: what the code and the guards reach by global names that are made of a class's.
        resumes: functions that go on behind a graph break: name, module, SerializedCode.
        builtins: the global name of Python's builtins; "" where none is used.
        has_overrides: whether a tensor's `__torch_function__` is part of the graphs, and must not
            be asked once more by what they call.
        parts: what took part beside what guards compare, in its compile and its backward's.
        sizes: the sizes that dynamo had seen, for what it will take as dynamic.
    """

    code: Any
    guards: SavedGuards
    backends: tuple[str, ...]
    cut: dict[str, SplitGraph]
    imports: dict[str, str]
    named: tuple[Named, ...]
    resumes: tuple[tuple[str, str, Any], ...]
    builtins: str
    has_overrides: bool
    parts: tuple[Parts, ...]
    sizes: dict[str, Any]

    @property
    def variant(self) -> str:
        """Tells it from other versions of the frame."""
        texts = [self.guards.variant, *(parts.text for parts in self.parts)]
        return short_digest("\n".join(texts))


@dataclass(frozen=True)
class DynamoEntry(PrecompileCacheArtifact[Version]):
    """One version of a frame. Its backends are the graphs that the version calls.

    Attributes:
        frame: names the frame and how it was to be compiled; its versions have one.
        seconds: that torch took to compile it, without a backward that is compiled later.
    """

    TYPE: ClassVar[str] = "precompile_dynamo"
    KIND: ClassVar[ArtifactKind] = ArtifactKind.ENTRY

    frame: str
    seconds: float = 0.0

    def after_deserialization(self) -> Version:
        """Unpickle it: code of its producer's choice runs.

        Raises:
            Exception: whatever unpickling raises.
        """
        version = pickle.loads(self.content)
        if not isinstance(version, Version):
            raise TypeError(f"the entry holds a {type(version).__name__}")
        return version


class Backend:
    """A compiled graph that is unpickled when it is first wanted, and once."""

    def __init__(self, key: str, content: bytes) -> None:
        self._key = key
        self._content = content

    @functools.cached_property
    def function(self) -> Any:
        """The function that runs the graph.

        Raises:
            Exception: whatever torch raises.
        """
        from torch._functorch._aot_autograd.aot_autograd_result import (
            BundledAOTAutogradCacheArtifact,
        )

        entry = pickle.loads(self._content)
        return BundledAOTAutogradCacheArtifact(self._key, entry).after_deserialization()


@dataclass(frozen=True)
class AOTAutogradBackend(PrecompileCacheArtifact[Backend]):
    """A graph, forward and backward, compiled by inductor: a bundled AOTAutograd result."""

    TYPE: ClassVar[str] = "precompile_aot_autograd"

    def after_deserialization(self) -> Backend:
        """The graph; nothing is unpickled before it is called for."""
        return Backend(self.key, self.content)
