"""Many segments on few lines: those of one environment together, its facts said once."""

from collections import Counter
from collections.abc import Iterator, Sequence

from precompile_context.bundle import Bundle, Segment
from precompile_context.cli import text
from precompile_context.environment import Match, Requirement


def groups(bundle: Bundle, signed: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines: of each environment its segments, who signed them, its facts, what they hold.

    `signed` has for each segment who signed it. Of an environment behind the first one only
    the facts are named that differ from it.
    """
    first: dict[str, Requirement] = {}
    for number, (requirements, segments) in enumerate(bundle.by_requirements().items()):
        size = text.size(sum(segment.size for segment in segments))
        yield ""
        yield f"environment {number}: {text.plural(len(segments), 'segment')}, {size}"
        yield text.shorten(f"  segments {_ranges([s.index for s in segments])}", text.WIDTH)
        signers = Counter("; ".join(signed[segment.index]) for segment in segments)
        for line, count in signers.most_common(3):
            yield f"  {line}" + ("" if len(signers) == 1 else f": {count} of them")
        if len(signers) > 3:
            yield f"  and {text.plural(len(signers) - 3, 'other signer')}"
        facts = {requirement.name: requirement for requirement in requirements}
        yield from _facts(facts, first if number else None)
        first = first or facts
        yield from _artifacts(bundle, segments)


def requirement_line(requirement: Requirement, *, full: bool = False) -> str:
    """One fact that is required."""
    match = requirement.match
    known = match.name.lower() if isinstance(match, Match) else f"match_{match}"
    line = f"  requires {requirement.name} {'=' if match == Match.EXACT else known} "
    values = text.safe(", ".join(requirement.values))
    return line + (values if full else text.shorten(values, text.WIDTH - len(line)))


def _facts(facts: dict[str, Requirement], first: dict[str, Requirement] | None) -> Iterator[str]:
    if first is None:
        yield from map(requirement_line, facts.values())
        return
    yield from (requirement_line(r) for name, r in facts.items() if first.get(name) != r)
    gone = [name for name in first if name not in facts]
    yield from (f"  does not require {text.safe(name)}" for name in gone)
    same = sum(first.get(name) == requirement for name, requirement in facts.items())
    if same:
        yield f"  requires {text.plural(same, 'fact')} more, as environment 0 does"


def _artifacts(bundle: Bundle, segments: list[Segment]) -> Iterator[str]:
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for stored in bundle.current(segments).values():
        counts[stored.type] += 1
        sizes[stored.type] += stored.content_size
    for type_name, count in counts.items():
        size = text.size(sizes[type_name])
        yield f"  {text.plural(count, 'artifact'):>22}  {size:>8}  {text.safe(type_name)}"
    obsolete = sum(len(segment.manifest.artifacts) for segment in segments) - counts.total()
    if obsolete:
        yield f"  {text.plural(obsolete, 'artifact'):>22}  superseded or removed"


def _ranges(numbers: Sequence[int]) -> str:
    """Numbers in ascending order: 0-4, 7, 9-12."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)
