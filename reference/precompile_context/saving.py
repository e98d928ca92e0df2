"""What a save to a file appends: what is not there, and does not yield to what is."""

import dataclasses
from collections.abc import Collection, Mapping

from precompile_context.bundle import Bundle, Limits, StoredArtifact
from precompile_context.errors import PrecompileError
from precompile_context.held import ArtifactName, Held
from precompile_context.state import Snapshot


def missing(
    snapshot: Snapshot,
    there: Mapping[ArtifactName, StoredArtifact],
    removed: Collection[ArtifactName],
    *,
    keep_existing: bool,
) -> list[Held]:
    """What of `snapshot` is to be appended to a file that holds `there`, in order, content read.

    A name that was removed since the last save is written anew, so that it stands
    where it was recorded again. With `keep_existing`, nothing is appended in the
    place of another content, nor an entry that names such a backend: it would
    never find its content there.
    """
    kept = {name: s for name, s in there.items() if keep_existing and name not in removed}
    wanted = (
        held
        for name, held in snapshot.resolved.items()
        if name in removed
        or (
            not ((stored := there.get(name)) and _is_same(stored, held))
            and not (kept and _yields(held, snapshot, kept))
        )
    )
    return [held for held in map(_read, wanted) if held is not None]


def _is_same(stored: StoredArtifact, held: Held) -> bool:
    return stored.content_size == held.size and stored.identity == held.identity


def check_room(bundle: Bundle | None, new: list[Held], limits: Limits) -> None:
    """Raise LIMIT_EXCEEDED where a reader with these limits would not take the result."""
    stored = (a for s in bundle.segments for a in s.manifest.artifacts) if bundle else ()
    content = sum(held.size for held in new)
    items = sum(3 + len(held.backends) + len(held.fields) for held in new)
    limits.check(stored, content=content, items=items)


def _yields(held: Held, snapshot: Snapshot, kept: Mapping[ArtifactName, StoredArtifact]) -> bool:
    """Whether an artifact is not appended for the sake of what the sink keeps."""
    return held.name in kept or any(
        _is_other(snapshot.resolved.get(name), kept.get(name))
        for name in ((backend.type, backend.key) for backend in held.backends)
    )


def _is_other(ours: Held | None, kept: StoredArtifact | None) -> bool:
    return ours is not None and kept is not None and not _is_same(kept, ours)


def _read(held: Held) -> Held | None:
    """`held` with its content in memory; None where what was loaded has been damaged since."""
    if not held.is_loaded:
        return held
    try:
        return dataclasses.replace(held, content=held.read())
    except (PrecompileError, OSError):
        return None
