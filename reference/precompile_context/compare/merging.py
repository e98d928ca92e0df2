"""Bundles of many processes as one: a segment for each environment, equal content stored once."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from precompile_context.artifact import ArtifactId, ArtifactKind
from precompile_context.bundle import (
    DEFAULT_LIMITS,
    ArtifactName,
    Batch,
    Bundle,
    Chain,
    Limits,
    Segment,
    SegmentWriter,
    StoredArtifact,
)
from precompile_context.bundle.fold import is_fully_known, unwritten
from precompile_context.bundle.runs import split
from precompile_context.bundle.soundness import ArtifactPlace
from precompile_context.compare.relation import Relation, relation
from precompile_context.environment import Environment, Requirement
from precompile_context.errors import ErrorCode, PrecompileError
from precompile_context.trust import Signer

# Each compresses a block of 8 MiB: with two, a merge stays below 256 MiB beside the indexes.
_WORKERS = 2

_Requirements = tuple[Requirement, ...]
# The facts of a host as far as a bundle asks for them.
Host = Callable[[Bundle], Environment]
_ChainId = tuple[str, int]  # of which bundle, and the index of its first segment


@dataclass(frozen=True, slots=True)
class Conflict:
    """An artifact of the bundle `origin` that cannot stand beside what an earlier one holds."""

    origin: str
    type: str
    key: str
    detail: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What of the bundle `origin` is damaged or not trusted: an artifact, or all from a byte on.

    `type` and `key` are None where it is no single artifact; `code` and `offset` are the
    fault's.
    """

    origin: str
    code: str
    offset: int | None
    detail: str
    type: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class MergeReport:
    """What became of the artifacts of all inputs.

    Attributes:
        environments: for how many the result holds artifacts.
        artifacts: how many it holds.
        obsolete: left out, since a later segment of its own bundle replaced or removed it.
        equal: left out, since an earlier bundle holds the very same.
        equivalent: left out, since an earlier bundle holds another content that serves as well.
        unnamed: backends left out with the entries that named them.
        conflicts: left out, and what they held is lost.
        left_out: what was not sound, where that was to be left out.
    """

    environments: int
    artifacts: int
    obsolete: int
    equal: int
    equivalent: int
    unnamed: int
    conflicts: tuple[Conflict, ...]
    left_out: tuple[LeftOut, ...] = ()


class Merge:
    """The union of bundles, in their order. Of several contents of one key the first is kept.

    An entry whose backend is equivalent to the one that is kept names that one.

    Within one bundle a later segment wins, as always. What one host is to find stays
    together: segments of equal requirements become one, in the order of their first.

    Signatures stay behind: they are of segments that are no more. Whoever signs the
    result vouches for all of it, and opens the inputs with a policy to match.
    """

    def __init__(
        self,
        bundles: Mapping[str, Bundle],
        *,
        limits: Limits = DEFAULT_LIMITS,
        without: Mapping[str, Collection[ArtifactPlace]] = MappingProxyType({}),
        fits: Host | None = None,
    ) -> None:
        """Decides what is kept; reads no content. `bundles` are named for errors and conflicts.

        `without` gives for a bundle's name what of it is as if it were not there.
        With `fits`, only the environments that the host which it gives for a bundle meets count.

        Raises:
            PrecompileError: UNSUPPORTED_FEATURE, where a segment holds what would be
                lost in writing it anew; LIMIT_EXCEEDED, where no reader with these
                limits would take the result.
        """
        self._groups: dict[_Requirements, _Group] = {}
        obsolete = 0
        for origin, bundle in bundles.items():
            for segment in bundle.segments:
                if not is_fully_known(segment):
                    detail = f"{origin}: the segment holds what this version does not know"
                    offset = segment.manifest_offset
                    raise PrecompileError(ErrorCode.UNSUPPORTED_FEATURE, detail, offset)
            host = None if fits is None else fits(bundle)
            for requirements, segments in bundle.by_requirements().items():
                if host is not None and host.mismatches(requirements):
                    continue
                group = self._groups.setdefault(requirements, _Group())
                obsolete += group.add(origin, bundle, segments, without.get(origin, ()))
        groups = self._groups.values()
        self.report = MergeReport(
            environments=sum(bool(group.kept) for group in groups) or len(groups),
            artifacts=sum(len(group.kept) for group in groups),
            obsolete=obsolete,
            equal=sum(group.equal for group in groups),
            equivalent=sum(group.equivalent for group in groups),
            unnamed=sum(group.unnamed for group in groups),
            conflicts=tuple(conflict for group in groups for conflict in group.conflicts),
        )
        kept = [stored for group in groups for _, _, stored in group.kept.values()]
        limits.check_room(sum(a.content_size for a in kept), sum(map(_items, kept)))

    def chunks(
        self,
        signer: Signer | None = None,
        *,
        marks: Iterable[ArtifactId] = (),
        apart: bool = False,
    ) -> Iterator[bytes | memoryview]:
        """The result's bytes, in order: one chain, content read as it is written.

        Without `signer`, it is unsigned. `marks` are ids of what is in no bundle, which the
        result says that it removes: who knows them reads something out of it. `apart` is as
        SegmentWriter's.

        Raises:
            PrecompileError: a CONTENT code, where an input is damaged.
        """
        chain = Chain()
        before: dict[ArtifactName, set[_ChainId]] = {}  # kept so far, and the chains that list it
        for requirements, group in self._groups.items():
            kept = group.kept.values()
            batch = Batch.of(
                unwritten(b, stored, origin, is_common=name in group.common)
                for name, (origin, b, stored) in group.kept.items()
            )
            # Only what a host that both environments fit would find before.
            # A removal is of its own chain: where another one lists the name, it stays.
            removed = [
                ArtifactId(*name)
                for name, chains in group.removed.items()
                if name in before and before[name] <= chains
            ]
            if not kept and not removed and self.report.artifacts:
                continue  # nothing is left of the environment
            removed, marks = [*marks, *removed], ()
            for run, removals in split(batch, removed):
                writer = SegmentWriter(
                    chain, requirements=requirements, signer=signer, workers=_WORKERS, apart=apart
                )
                yield from writer.chunks(run, removals)
            for name in group.kept:
                before.setdefault(name, set()).update(group.listed.get(name, ()))


class _Group:
    """What is kept for one environment."""

    def __init__(self) -> None:
        self.kept: dict[ArtifactName, tuple[str, Bundle, StoredArtifact]] = {}
        # By name, the chains that remove it, and those that list it.
        self.removed: dict[ArtifactName, set[_ChainId]] = {}
        self.listed: dict[ArtifactName, set[_ChainId]] = {}
        self.common: set[ArtifactName] = set()  # what several bundles hold
        self.equal = self.equivalent = self.unnamed = 0
        self.conflicts: list[Conflict] = []

    def add(
        self,
        origin: str,
        bundle: Bundle,
        segments: list[Segment],
        without: Collection[ArtifactPlace] = (),
    ) -> int:
        """Take in what is current in one bundle's segments; how many artifacts are not."""
        found: Mapping[ArtifactName, StoredArtifact] = bundle.current(segments)
        obsolete = sum(len(segment.manifest.artifacts) for segment in segments) - len(found)
        current = found
        if without:
            current = {n: a for n, a in found.items() if (a.segment, n) not in without}
        first = 0
        chains = {s.index: (first := s.index if s.begins_chain else first) for s in bundle.segments}
        for segment in segments:
            of = origin, chains[segment.index]
            for removed in segment.manifest.removed:
                self.removed.setdefault((removed.type, removed.key), set()).add(of)
            for name in segment.manifest.artifacts.names():
                self.listed.setdefault(name, set()).add(of)
        entries = {n: a for n, a in current.items() if a.kind == ArtifactKind.ENTRY}
        taken = {
            name: ours
            for name, entry in entries.items()
            if (ours := self._taken(origin, entry, current))
        }
        refused = entries.keys() - taken.keys()
        wanted = _backends(taken.values())
        unwanted = _backends(entries[name] for name in refused) - wanted
        for name, stored in current.items():
            if name in refused:
                continue
            if name not in self.kept:
                if name in unwanted:
                    self.unnamed += 1
                else:
                    self.kept[name] = origin, bundle, taken.get(name, stored)
            elif name not in entries:
                self._count(origin, stored)
        return obsolete

    def _taken(
        self, origin: str, entry: StoredArtifact, current: Mapping[ArtifactName, StoredArtifact]
    ) -> StoredArtifact | None:
        """An entry as it is kept; None where it is not. Decided before its backends are.

        It names what is kept of its backends, where that serves as well as what it had.
        """
        if (entry.type, entry.key) in self.kept:
            return entry if self._count(origin, entry) is Relation.EQUAL else None
        backends = []
        for backend in entry.backends:
            name = backend.type, backend.key
            if name in self.kept and backend.content_digest:
                first, _, there = self.kept[name]
                if not _may_name(there, backend, current.get(name)):
                    detail = f"its backend {name[0]} {name[1]!r} has another content in {first}"
                    self.conflicts.append(Conflict(origin, entry.type, entry.key, detail))
                    return None
                backend = ArtifactId(*name, there.content_digest)
            backends.append(backend)
        return entry._replace(backends=tuple(backends))

    def _count(self, origin: str, stored: StoredArtifact) -> Relation:
        """How an artifact relates to the one that is kept under its name."""
        self.common.add((stored.type, stored.key))
        first, _, kept = self.kept[stored.type, stored.key]
        found = relation(kept, stored)
        if found is Relation.EQUAL:
            self.equal += 1
        elif found is Relation.EQUIVALENT:
            self.equivalent += 1
        else:
            what = "its backends are others" if kept.kind == stored.kind else "its kind is another"
            self.conflicts.append(
                Conflict(origin, stored.type, stored.key, f"{what} than in {first}")
            )
        return found


def _items(stored: StoredArtifact) -> int:
    """How many things a manifest lists for the artifact, or a few more."""
    return 3 + len(stored.backends) + len(stored.fields)


def _may_name(kept: StoredArtifact, named: ArtifactId, there: StoredArtifact | None) -> bool:
    """Whether an entry may name `kept` in the place of `named`; `there` is what its bundle has."""
    if kept.content_digest == named.content_digest:
        return True
    if there is None or there.content_digest != named.content_digest:
        return False  # what it named is not known to be a content of the same kind
    return kept.kind == there.kind == ArtifactKind.BACKEND


def _backends(entries: Iterable[StoredArtifact]) -> set[ArtifactName]:
    return {(backend.type, backend.key) for entry in entries for backend in entry.backends}
