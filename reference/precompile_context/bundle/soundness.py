"""What of a bundle is sound, where not all of it is."""

from precompile_context.artifact import ArtifactKind
from precompile_context.bundle.forwards import complete_prefix
from precompile_context.bundle.limits import Limits
from precompile_context.bundle.reader import Bundle
from precompile_context.bundle.source import ByteSource, JoinedSource
from precompile_context.bundle.table import ArtifactName
from precompile_context.errors import PrecompileError
from precompile_context.trust import TrustPolicy

# A fault of each stage may hide one of the next; more are no accident.
_MOST_FAULTS = 8

# An artifact by the index of its segment and its name.
ArtifactPlace = tuple[int, ArtifactName]


def sound_part(
    source: ByteSource, *, policy: TrustPolicy, limits: Limits
) -> tuple[Bundle | None, PrecompileError | None]:
    """The segments before the first fault, None where there is none; and that fault."""
    first: PrecompileError | None = None
    end = source.size
    for _ in range(_MOST_FAULTS):
        part = JoinedSource([(source, 0, end)])
        try:
            return Bundle.open(part, policy=policy, limits=limits, recover=True), first
        except PrecompileError as error:
            first = first or error
            before = max(0, min(end - 1, end if error.offset is None else error.offset))
            end = complete_prefix(JoinedSource([(source, 0, before)]), limits)
            if not end:
                break
    return None, first


def unsound(bundle: Bundle) -> dict[ArtifactPlace, PrecompileError]:
    """What is current for some environment and damaged, or an entry that names such a backend.

    Reads all content, by a reader of its own: none of it counts for the bundle's limits.
    """
    faults: dict[ArtifactPlace, PrecompileError] = {}
    reading = bundle.over(bundle.source)
    for segments in bundle.by_requirements().values():
        current = bundle.current(segments)
        bad: dict[ArtifactName, PrecompileError] = {}
        for name, stored in current.items():
            try:
                for _ in reading.stream(stored):
                    pass
            except PrecompileError as error:
                bad[name] = error
        for name, stored in current.items():
            named = ((b.type, b.key) for b in stored.backends)
            lost = next((bad[backend] for backend in named if backend in bad), None)
            if name not in bad and lost is not None and stored.kind == ArtifactKind.ENTRY:
                faults[stored.segment, name] = lost
        faults |= {(current[name].segment, name): error for name, error in bad.items()}
    return faults
