"""Why a bundle loads on a host or does not, and what would be applied there."""

from dataclasses import dataclass

from precompile_context.artifact import ArtifactKind
from precompile_context.bundle import Bundle, Segment, StoredArtifact
from precompile_context.environment import Environment, Mismatch


@dataclass(frozen=True, slots=True)
class Verdict:
    """A segment, and the facts for which it does not fit; none where it does."""

    segment: Segment
    mismatches: tuple[Mismatch, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What `PrecompileContext.load` and `populate` would do with a bundle.

    Attributes:
        verdicts: on each segment, in file order.
        applied: the artifacts that would be applied, where their program knows their types.
        incomplete: the entries that would not, each with the backends that are not
            there with the content that it names.
        unused: backends that no entry to be applied names.
    """

    verdicts: tuple[Verdict, ...]
    applied: tuple[StoredArtifact, ...]
    incomplete: tuple[tuple[StoredArtifact, tuple[str, ...]], ...]
    unused: tuple[StoredArtifact, ...]

    @property
    def loads(self) -> bool:
        """Whether at least one segment fits; otherwise a load is refused."""
        return any(not verdict.mismatches for verdict in self.verdicts)


def explain(bundle: Bundle, environment: Environment) -> Explanation:
    """Explain a bundle to a host. Reads no content, so damage there is not seen."""
    verdicts = tuple(
        Verdict(segment, environment.mismatches(segment.manifest.requirements))
        for segment in bundle.segments
    )
    current = bundle.current(v.segment for v in verdicts if not v.mismatches)
    missing = {
        name: tuple(
            f"{backend.type} {backend.key}"
            for backend in artifact.backends
            if (there := current.get((backend.type, backend.key))) is None
            or there.kind != ArtifactKind.BACKEND
            or there.content_digest != backend.content_digest
        )
        for name, artifact in current.items()
        if artifact.kind == ArtifactKind.ENTRY
    }
    named = {
        (backend.type, backend.key)
        for name in missing
        if not missing[name]
        for backend in current[name].backends
    }
    unused = {
        name
        for name, artifact in current.items()
        if artifact.kind == ArtifactKind.BACKEND and name not in named
    }
    return Explanation(
        verdicts,
        applied=tuple(a for n, a in current.items() if n not in unused and not missing.get(n)),
        incomplete=tuple((current[name], gone) for name, gone in missing.items() if gone),
        unused=tuple(current[name] for name in unused),
    )
