"""Why something was not found, for `--why-miss`: what differs from what the bundle holds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from precompile_context.bundle import Segment
from precompile_context.environment import Environment

_SHOWN_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class Difference:
    """Something on which a key depends, as it is in the bundle and in this process.

    `kind` says of what: source, inputs, config, version, guards; environment where no segment
    fits. None stands for what one side does not have.
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
    """A key that was asked for in vain; `nearest` is the one most like it, None without one."""

    key: str
    nearest: str | None
    differences: tuple[Difference, ...]


def unfit(segments: Sequence[Segment], environment: Environment) -> tuple[Difference, ...]:
    """What differs in the segment nearest to this environment; nothing where one fits."""
    mismatches = min(
        (environment.mismatches(s.manifest.requirements) for s in segments), key=len, default=()
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


def as_lines(misses: Sequence[Miss], what: str = "graph", shown: int = 5) -> Iterator[str]:
    """For a person: a line for each miss, and one for each of the first differences."""
    for miss in misses:
        if miss.nearest is None and not miss.differences:
            yield f"missed {what} {miss.key}: there is none to compare it with"
            continue
        nearest = "the bundle" if miss.nearest is None else miss.nearest
        same = " (the same key)" if miss.nearest == miss.key else ""
        yield f"missed {what} {miss.key}; nearest is {nearest}{same}, which differs in"
        for difference in miss.differences[:shown]:
            yield f"    {difference}"
        if len(miss.differences) > shown:
            yield f"    and {len(miss.differences) - shown} more"


def as_json(misses: Sequence[Miss]) -> list[Mapping[str, Any]]:
    """For a program: everything, values as the compiler wrote them."""
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
