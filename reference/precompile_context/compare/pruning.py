"""What a bundle no longer needs: artifacts to leave out when it is written anew."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from precompile_context.artifact import ArtifactKind
from precompile_context.bundle import ArtifactName, Bundle, StoredArtifact
from precompile_context.bundle.soundness import ArtifactPlace
from precompile_context.environment import Requirement

# The attribute of an entry that names what it is a version of: NAME@CODE/SETTINGS.
_FRAME = "frame"


@dataclass(frozen=True)
class Rules:
    """What goes. Of several rules, each takes what it takes.

    Attributes:
        environment: facts, each with a value: environments that require one of them so.
        superseded: entries of a function whose code was another when it was last saved.
        unused_since: what was last used before this moment, in seconds since 1970; of
            environments that were never used here, nothing.
        max_bytes: as much of what was not used for longest, that about so many bytes stay.
    """

    environment: tuple[tuple[str, str], ...] = ()
    superseded: bool = False
    unused_since: float | None = None
    max_bytes: int | None = None


@dataclass(frozen=True)
class Pruned:
    """What goes, by the rule that takes it, and about how many bytes of the file it takes."""

    places: Mapping[ArtifactPlace, str]
    bytes: int


def prune(bundle: Bundle, rules: Rules, last_used: Mapping[ArtifactName, float]) -> Pruned:
    """What the rules take of the bundle. Reads no content.

    Entries go with their backends: an entry without one would never be applied, nor would a
    backend that nothing names.
    """
    gone: dict[ArtifactPlace, str] = {}
    sizes: dict[ArtifactPlace, float] = {}
    # When it was last used; where nobody knows, what was recorded first goes first.
    left: list[tuple[float, int, int, ArtifactPlace]] = []
    environments = [dict(bundle.current(s)) for s in bundle.by_requirements().values()]
    for requirements, current in zip(bundle.by_requirements(), environments, strict=True):
        sizes |= {(a.segment, n): _stored_size(bundle, a) for n, a in current.items()}
        used = {name: last_used[name] for name in current if name in last_used}
        times = _with_backends(current, used)
        taken: dict[ArtifactName, str] = {}
        if _requires(requirements, rules.environment):
            taken = dict.fromkeys(current, "environment")
        if rules.superseded:
            taken |= dict.fromkeys(superseded(current), "superseded")
        if rules.unused_since is not None and used:
            since = rules.unused_since
            taken |= {n: "unused" for n in current if times.get(n, 0.0) < since}
        _close(current, taken)
        gone |= {(current[name].segment, name): why for name, why in taken.items()}
        left += (
            (times.get(name, 0.0), stored.segment, position, (stored.segment, name))
            for position, (name, stored) in enumerate(current.items())
            if name not in taken
        )
    if rules.max_bytes is not None:
        total = sum(sizes.values()) - sum(map(sizes.__getitem__, gone))
        for *_, place in sorted(left):
            if total <= rules.max_bytes:
                break
            gone[place] = "max-size"
            total -= sizes[place]
        for current in environments:
            taken = {n: gone[a.segment, n] for n, a in current.items() if (a.segment, n) in gone}
            _close(current, taken)
            gone |= {(current[name].segment, name): why for name, why in taken.items()}
    return Pruned(gone, round(sum(map(sizes.__getitem__, gone))))


def superseded(current: Mapping[ArtifactName, StoredArtifact]) -> Iterator[ArtifactName]:
    """Entries of a function whose code was another one when it was last saved.

    Functions without a name of their own count as no versions of each other.
    """
    newest: dict[tuple[str, str], str] = {}
    found: list[tuple[ArtifactName, tuple[str, str], str]] = []
    for name, stored in current.items():
        frame = stored.attributes.get(_FRAME)
        if stored.kind != ArtifactKind.ENTRY or not isinstance(frame, str):
            continue
        function, _, rest = frame.rpartition("@")
        code, _, settings = rest.partition("/")
        if function and "<lambda>" not in function:
            newest[function, settings] = code
            found.append((name, (function, settings), code))
    for name, of, code in found:
        if newest[of] != code:
            yield name


def _requires(requirements: tuple[Requirement, ...], facts: tuple[tuple[str, str], ...]) -> bool:
    there = {(r.name, value) for r in requirements for value in r.values}
    return any(fact in there for fact in facts)


def _with_backends(
    current: Mapping[ArtifactName, StoredArtifact], used: Mapping[ArtifactName, float]
) -> dict[ArtifactName, float]:
    """When each was used, a backend when an entry was that names it."""
    times = dict(used)
    for name, stored in current.items():
        for backend in stored.backends:
            key = backend.type, backend.key
            times[key] = max(times.get(key, 0.0), used.get(name, 0.0))
    return times


def _close(current: Mapping[ArtifactName, StoredArtifact], taken: dict[ArtifactName, str]) -> None:
    """Take the entries that name what is taken, and the backends that no entry names any more."""
    entries = {n: a for n, a in current.items() if a.kind == ArtifactKind.ENTRY}
    for name, entry in entries.items():
        why = next((taken[n] for n in _named(entry) if n in taken), None)
        if why is not None:
            taken.setdefault(name, why)
    wanted = {b for name, entry in entries.items() if name not in taken for b in _named(entry)}
    for name in [name for name in taken if name in entries]:
        for backend in _named(entries[name]):
            if backend in current and backend not in wanted:
                taken.setdefault(backend, taken[name])


def _named(entry: StoredArtifact) -> Iterator[ArtifactName]:
    return ((backend.type, backend.key) for backend in entry.backends)


def _stored_size(bundle: Bundle, stored: StoredArtifact) -> float:
    """About how many of the file's bytes the artifact takes: its part of its blocks, and a row."""
    entries = bundle.segments[stored.segment].manifest.blocks
    size = 100.0 + len(stored.key)
    for index in bundle.blocks(stored):
        entry = entries[index]
        if entry.content_size:
            part = min(stored.content_size, entry.content_size) / entry.content_size
            size += entry.size * part
    return size
