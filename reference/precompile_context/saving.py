"""What a save to a file appends: what is not there, and does not yield to what is."""

import dataclasses
from collections.abc import Collection, Iterable, Mapping

from precompile_context.bundle import StoredArtifact
from precompile_context.errors import PrecompileError
from precompile_context.held import ArtifactName, Held
from precompile_context.state import Snapshot


def missing(
    snapshot: Snapshot,
    there: Mapping[ArtifactName, StoredArtifact],
    removed: Collection[ArtifactName],
    *,
    keep_existing: bool,
    among: Collection[ArtifactName] | None = None,
) -> tuple[list[Held], set[ArtifactName]]:
    """What of `snapshot` is to be appended to a file that holds `there`, in order, content read.

    And the names of what is to be there, and is neither there nor appended. Only names
    `among` those given are looked at, if any are: all others are the same in both.

    A name that was removed since the last save is written anew, so that it stands
    where it was recorded again. With `keep_existing`, nothing is appended in the
    place of another content, nor an entry that names such a backend: it would
    never find its content there.
    """
    names: Iterable[ArtifactName] = snapshot.resolved
    if among is not None:
        names = _in_order(snapshot, among)
    new: list[Held] = []
    left: set[ArtifactName] = set()
    for name in names:
        held = snapshot.resolved[name]
        if name not in removed:
            if (stored := there.get(name)) and _is_same(stored, held):
                continue
            if keep_existing and _yields(held, snapshot, there, removed):
                left.add(name)
                continue
        if (whole := _read(held)) is None:
            left.add(name)
        else:
            new.append(whole)
    return new, left


def _in_order(snapshot: Snapshot, among: Collection[ArtifactName]) -> list[ArtifactName]:
    """Those of the names that are current, found from the end, where what is new stands."""
    names: list[ArtifactName] = []
    count = sum(name in snapshot.resolved for name in among)
    for name in reversed(snapshot.resolved):
        if len(names) == count:
            break
        if name in among:
            names.append(name)
    return names[::-1]


def _is_same(stored: StoredArtifact, held: Held) -> bool:
    return stored.content_size == held.size and stored.identity == held.identity


def _yields(
    held: Held,
    snapshot: Snapshot,
    there: Mapping[ArtifactName, StoredArtifact],
    removed: Collection[ArtifactName],
) -> bool:
    """Whether an artifact is not appended for the sake of what the sink keeps."""
    return held.name in there or any(
        name not in removed and _is_other(snapshot.resolved.get(name), there.get(name))
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
