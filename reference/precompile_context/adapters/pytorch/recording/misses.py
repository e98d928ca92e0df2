"""Why a graph was not found: the nearest one in the bundle, and what differs.

What inductor's key of a graph is made of stands, a line each, in every compiled graph:
a digest, a name, and the value as text. Two graphs are compared by those digests.
The lines are found by reading the pickle's opcodes. Nothing is unpickled.
"""

import pickletools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from precompile_context.adapters.pytorch.artifacts import InductorArtifact
from precompile_context.adapters.pytorch.variants import guards_in
from precompile_context.bundle import Bundle, StoredArtifact
from precompile_context.environment import Environment
from precompile_context.errors import PrecompileError
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
_SHOWN_CHARACTERS = 100

Lines = dict[str, tuple[str, str]]  # name to digest and value


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that a graph's key is made of, as it is in the bundle and in this process.

    `kind` is source, inputs, config or version; guards where the key is the same;
    environment where no segment fits. None stands for what one side does not have.
    """

    kind: str
    name: str
    there: str | None
    here: str | None

    def __str__(self) -> str:
        there, here = _where_they_differ(self.there or "nothing", self.here or "nothing")
        return f"{self.kind}: {self.name}: {there} there, {here} here"


@dataclass(frozen=True, slots=True)
class Miss:
    """A graph that was compiled; `nearest` is the key of the one most like it, None without one."""

    key: str
    nearest: str | None
    differences: tuple[Difference, ...]


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
        unfit = _unfit(bundle, environment)
        if unfit:
            return [Miss(key, None, unfit) for key in self._missed]
        stored = list(_stored(bundle, environment))
        return [_explained(key, lines_of(texts), stored) for key, texts in self._missed.items()]


@dataclass(frozen=True, slots=True)
class _Stored:
    key: str
    lines: Lines
    guards: tuple[str, ...]


def _unfit(bundle: Bundle, environment: Environment) -> tuple[Difference, ...]:
    """What differs in the segment nearest to this environment; nothing where one fits."""
    mismatches = min(
        (environment.mismatches(s.manifest.requirements) for s in bundle.segments), key=len
    )
    return tuple(
        Difference(
            "environment",
            mismatch.requirement.name,
            ", ".join(mismatch.requirement.values),
            None if mismatch.actual is None else ", ".join(sorted(mismatch.actual)),
        )
        for mismatch in mismatches
    )


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


def _where_they_differ(there: str, here: str) -> tuple[str, str]:
    """Of several lines the first that differs; of a long one the words that do."""
    pairs = zip(there.splitlines(), here.splitlines(), strict=False)
    there, here = next(((a, b) for a, b in pairs if a != b), (there, here))
    if max(len(there), len(here)) > _SHOWN_CHARACTERS:
        start = there.rfind(" ", 0, _shared(there, here)) + 1
        there, here = there[start:], here[start:]
        shared = there[len(there) - _shared(there[::-1], here[::-1]) :]
        end = len(shared) - shared.find(", ") if ", " in shared else 0
        there, here = there[: len(there) - end], here[: len(here) - end]
    return _short(there), _short(here)


def _shared(one: str, other: str) -> int:
    """How many characters both begin with."""
    pairs = zip(one, other, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"


def as_lines(misses: Sequence[Miss], shown: int = 5) -> Iterator[str]:
    """For a person: a line for each graph, and one for each of the first differences."""
    for miss in misses:
        if miss.nearest is None and not miss.differences:
            yield f"missed graph {miss.key}: there is none to compare it with"
            continue
        nearest = "the bundle" if miss.nearest is None else miss.nearest
        same = " (the same key)" if miss.nearest == miss.key else ""
        yield f"missed graph {miss.key}; nearest is {nearest}{same}, which differs in"
        for difference in miss.differences[:shown]:
            yield f"    {difference}"
        if len(miss.differences) > shown:
            yield f"    and {len(miss.differences) - shown} more"


def as_json(misses: Sequence[Miss]) -> list[Mapping[str, Any]]:
    """For a program: everything, values as torch wrote them."""
    return [
        {
            "key": miss.key,
            "nearest": miss.nearest,
            "differences": [
                {"kind": d.kind, "name": d.name, "there": d.there, "here": d.here}
                for d in miss.differences
            ],
        }
        for miss in misses
    ]
