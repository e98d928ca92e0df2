"""Why a graph was not found: the nearest one in the bundle, and what differs.

What inductor's key of a graph is made of stands, a line each, in every compiled graph:
a digest, a name, and the value as text. Two graphs are compared by those digests.
The lines are found by reading the pickle's opcodes. Nothing is unpickled.
"""

import pickletools
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from precompile_context.adapters.pytorch.artifacts import KNOWN, InductorArtifact
from precompile_context.adapters.pytorch.variants import guards_in
from precompile_context.bundle import Bundle, Segment, StoredArtifact
from precompile_context.environment import Environment
from precompile_context.errors import PrecompileError
from precompile_context.session.missing import Difference, Miss, unfit
from precompile_context.session.patches import Patches

_LINE = re.compile(r"\[([a-z2-7]{51})\] ([^\n:]+): (.*)", re.DOTALL)
_KINDS = {
    "gm": "source",
    "user_defined_triton_source": "source",
    "example_inputs": "inputs",
    "inputs_to_check": "inputs",
    "torch_version": "version",
    "system_info": "version",
}

Lines = dict[str, tuple[str, str]]  # name to digest and value


class Misses:
    """The graphs that inductor's cache did not find, as they occur."""

    def __init__(self, patches: Patches) -> None:
        """Begin to watch."""
        from torch._inductor.codecache import FxGraphCache

        self._missed: dict[str, list[str]] = {}
        patches.wrap(FxGraphCache, "load_with_key", self._load_with_key)

    def _load_with_key(
        self, original: Callable[..., Any], key: str, debug_lines: list[str], *args: Any, **kw: Any
    ) -> Any:
        graph, cache_info = original(key, debug_lines, *args, **kw)
        if graph is None:
            self._missed[key] = list(debug_lines)
        return graph, cache_info

    def explained(self, bundle: Bundle | None, environment: Environment | None) -> list[Miss]:
        """Each graph that was missed, beside what the bundle held when it was opened."""
        if not self._missed:
            return []
        if bundle is None or environment is None:
            return [Miss(key, None, ()) for key in self._missed]
        if differs := unfit(_with_graphs(bundle), environment):
            return [Miss(key, None, differs) for key in self._missed]
        stored = list(_stored(bundle, environment))
        return [_explained(key, lines_of(texts), stored) for key, texts in self._missed.items()]


@dataclass(frozen=True, slots=True)
class _Stored:
    key: str
    lines: Lines
    guards: tuple[str, ...]


def _with_graphs(bundle: Bundle) -> list[Segment]:
    """The segments that could hold one: other compilers' have requirements of their own."""
    types = {cls.TYPE for cls in KNOWN}
    found = [
        segment
        for segment in bundle.segments
        if any(type_.name in types for type_ in segment.manifest.artifacts.types)
    ]
    return found or list(bundle.segments)


def _stored(bundle: Bundle, environment: Environment) -> Iterator[_Stored]:
    for artifact in bundle.current(bundle.matching(environment)).values():
        if artifact.type == InductorArtifact.TYPE:
            try:
                content = bundle.read(artifact)
            except (PrecompileError, OSError):  # damaged: reported where it was asked for
                continue
            yield _Stored(_torch_key(artifact), lines_in(content), guards_in(content))


def _torch_key(artifact: StoredArtifact) -> str:
    return str(artifact.attributes.get("torch_key"))


def lines_in(content: bytes) -> Lines:
    """What the key of a pickled graph was made of; empty where it is no pickle."""
    try:
        texts = [arg for _, arg, _ in pickletools.genops(content) if isinstance(arg, str)]
    except Exception:  # pickletools raises what it meets
        return {}
    return lines_of(texts)


def lines_of(texts: Iterable[str]) -> Lines:
    """Those of the texts that are such lines, by name."""
    found = (_LINE.fullmatch(text) for text in texts)
    return {match[2]: (match[1], match[3]) for match in found if match}


def _explained(key: str, ours: Lines, stored: list[_Stored]) -> Miss:
    guarded = [graph for graph in stored if graph.key == key]
    if guarded:
        guards = dict.fromkeys(guard for graph in guarded for guard in graph.guards)
        return Miss(key, key, tuple(Difference("guards", "expression", g, None) for g in guards))
    candidates = [(graph.key, tuple(_differences(graph.lines, ours))) for graph in stored]
    if not candidates:
        return Miss(key, None, ())
    nearest, differences = min(candidates, key=lambda candidate: len(candidate[1]))
    return Miss(key, nearest, differences)


def _differences(there: Lines, here: Lines) -> Iterator[Difference]:
    for name in {**here, **there}:
        digest, value = there.get(name, (None, None))
        our_digest, our_value = here.get(name, (None, None))
        if digest != our_digest:
            kind = _KINDS.get(name.partition("[")[0], "config")
            yield Difference(kind, name, value, our_value)
