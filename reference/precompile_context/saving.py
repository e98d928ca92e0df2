"""What a save to a file appends: what is not there, and does not yield to what is."""

import dataclasses
from collections.abc import Collection, Mapping

from precompile_context.artifact import ArtifactId, ArtifactKind
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
    place of another content, and an entry names those backends that are there.
    """
    kept = {name: s for name, s in there.items() if keep_existing and name not in removed}
    wanted = (
        _beside(kept, held, snapshot) if kept else held
        for name, held in snapshot.resolved.items()
        if name in removed or not ((stored := there.get(name)) and _is_same(stored, held))
    )
    return [read for held in wanted if held is not None and (read := _read(held)) is not None]


def _is_same(stored: StoredArtifact, held: Held) -> bool:
    return stored.content_size == held.size and stored.identity == held.identity


def check_room(bundle: Bundle | None, new: list[Held], limits: Limits) -> None:
    """Raise LIMIT_EXCEEDED where a reader with these limits would not take the result."""
    stored = (a for s in bundle.segments for a in s.manifest.artifacts) if bundle else ()
    content = sum(held.size for held in new)
    items = sum(3 + len(held.backends) + len(held.fields) for held in new)
    limits.check(stored, content=content, items=items)


def _beside(
    kept: Mapping[ArtifactName, StoredArtifact], held: Held, snapshot: Snapshot
) -> Held | None:
    """An artifact as it may stand beside what the sink keeps; None where it may not.

    An entry that names a backend of which the sink keeps another content names that one:
    either serves. Where it is no backend there, the entry would never find its own.
    """
    if held.name in kept:
        return None
    backends = []
    for named in held.backends:
        name = named.type, named.key
        ours, there = snapshot.resolved.get(name), kept.get(name)
        if ours and there and there.content_digest != ours.digest:
            is_known = named.content_digest == ours.digest
            if not is_known or not ours.kind == there.kind == ArtifactKind.BACKEND:
                return None
            named = ArtifactId(*name, there.content_digest)
        backends.append(named)
    return held.bound(tuple(backends)) if backends else held


def _read(held: Held) -> Held | None:
    """`held` with its content in memory; None where what was loaded has been damaged since."""
    if not held.is_loaded:
        return held
    try:
        return dataclasses.replace(held, content=held.read())
    except (PrecompileError, OSError):
        return None
