"""What two bundles hold that the other does not, an environment at a time."""

from collections.abc import Iterable
from dataclasses import dataclass

from precompile_context.bundle import Bundle, Segment, StoredArtifact
from precompile_context.compare.relation import Relation, relation
from precompile_context.environment import Requirement

_Requirements = tuple[Requirement, ...]


@dataclass(frozen=True, slots=True)
class FactDifference:
    """A requirement of one environment; None for the side that does not have it."""

    name: str
    a: Requirement | None
    b: Requirement | None


@dataclass(frozen=True, slots=True)
class EnvironmentDifference:
    """One environment of either bundle.

    Attributes:
        requirements: what the segments compared require.
        segments_a, segments_b: their indexes; empty where that bundle has none.
        facts: where one bundle has none, how the environment of the other that is
            nearest differs; empty where there is no other.
        added, removed: current artifacts that only b, and only a, holds.
        equivalent, conflicting: of a and b, under one (type, key), with another
            content; see `relation`.
        equal: how many are the same in both.
    """

    requirements: _Requirements
    segments_a: tuple[int, ...]
    segments_b: tuple[int, ...]
    facts: tuple[FactDifference, ...]
    added: tuple[StoredArtifact, ...]
    removed: tuple[StoredArtifact, ...]
    equivalent: tuple[tuple[StoredArtifact, StoredArtifact], ...]
    conflicting: tuple[tuple[StoredArtifact, StoredArtifact], ...]
    equal: int

    @property
    def is_none(self) -> bool:
        """Whether a host of this environment finds the very same in both."""
        changes = self.added, self.removed, self.equivalent, self.conflicting
        return bool(self.segments_a and self.segments_b) and not any(changes)


def difference(a: Bundle, b: Bundle) -> tuple[EnvironmentDifference, ...]:
    """Each environment that either bundle holds artifacts for, a's first. Reads no content."""
    of_a, of_b = a.by_requirements(), b.by_requirements()
    return tuple(
        _of_environment(requirements, (a, of_a), (b, of_b)) for requirements in {**of_a, **of_b}
    )


_Side = tuple[Bundle, dict[_Requirements, list[Segment]]]


def _of_environment(requirements: _Requirements, a: _Side, b: _Side) -> EnvironmentDifference:
    segments_a, segments_b = a[1].get(requirements, []), b[1].get(requirements, [])
    facts: tuple[FactDifference, ...] = ()
    if not segments_b:
        facts = _nearest(requirements, b[1])
    elif not segments_a:
        facts = tuple(FactDifference(f.name, f.b, f.a) for f in _nearest(requirements, a[1]))
    current_a, current_b = a[0].current(segments_a), b[0].current(segments_b)
    pairs: dict[Relation, list[tuple[StoredArtifact, StoredArtifact]]] = {r: [] for r in Relation}
    for name in current_a.keys() & current_b.keys():
        pair = current_a[name], current_b[name]
        pairs[relation(*pair)].append(pair)
    for found in pairs.values():
        found.sort(key=lambda pair: (pair[0].type, pair[0].key))
    return EnvironmentDifference(
        requirements,
        tuple(segment.index for segment in segments_a),
        tuple(segment.index for segment in segments_b),
        facts,
        added=tuple(s for name, s in current_b.items() if name not in current_a),
        removed=tuple(s for name, s in current_a.items() if name not in current_b),
        equivalent=tuple(pairs[Relation.EQUIVALENT]),
        conflicting=tuple(pairs[Relation.CONFLICTING]),
        equal=len(pairs[Relation.EQUAL]),
    )


def _nearest(ours: _Requirements, others: Iterable[_Requirements]) -> tuple[FactDifference, ...]:
    """How the one of `others` with the fewest differences differs from ours; ours is `a`."""
    candidates = [_facts(ours, theirs) for theirs in others]
    return min(candidates, key=len, default=())


def _facts(a: _Requirements, b: _Requirements) -> tuple[FactDifference, ...]:
    in_a, in_b = ({requirement.name: requirement for requirement in side} for side in (a, b))
    return tuple(
        FactDifference(name, in_a.get(name), in_b.get(name))
        for name in sorted(in_a.keys() | in_b.keys())
        if in_a.get(name) != in_b.get(name)
    )
