"""What a save writes: all at once where it is new, and to a file what is not there already."""

import dataclasses
from collections.abc import Collection, Iterable, Mapping

from precompile_context.artifact import ArtifactId, ArtifactKind
from precompile_context.bundle import ArtifactName, Batch, StoredArtifact
from precompile_context.context.destination import Destination
from precompile_context.context.held import Held, Loaded, Snapshot, Value
from precompile_context.errors import PrecompileError


def batch_of(values: Mapping[ArtifactName, Value], loaded: Loaded) -> Batch:
    """All of these, in order."""
    if set(map(type, values.values())) == {bytes}:  # as most often: nothing is made of them
        return Batch.plain(list(values), list(values.values()))  # type: ignore[arg-type]
    batch = Batch()
    for name, value in values.items():
        _add(batch, name, value, loaded)
    return batch


def _add(batch: Batch, name: ArtifactName, value: Value, loaded: Loaded) -> None:
    if isinstance(value, bytes):
        batch.add_plain(name, value)
    else:
        batch.add(loaded.held(name, value))


def missing(
    snapshot: Snapshot,
    there: Destination,
    removed: Collection[ArtifactName],
    *,
    keep_existing: bool,
    among: Collection[ArtifactName] | None = None,
) -> tuple[Batch, set[ArtifactName]]:
    """What of `snapshot` is to be appended to a file that holds `there`, in order, content read.

    And the names of what is to be there, and is neither there nor appended as it is. Only names
    `among` those given are looked at, if any are: all others are the same in both.

    A name that was removed since the last save is written anew, so that it stands
    where it was recorded again. With `keep_existing`, nothing is appended in the
    place of another content, and an entry names those backends that are there.
    """
    values = snapshot.resolved
    names: Iterable[ArtifactName] = values if among is None else _in_order(snapshot, among)
    new = Batch()
    left: set[ArtifactName] = set()
    for name in names:
        value = values[name]
        stored = there.get(name)
        if stored is None and isinstance(value, bytes):
            new.add_plain(name, value)
            continue
        held = snapshot.loaded.held(name, value)
        if name not in removed and stored and _is_same(stored, held):
            continue
        placed = _beside(there, removed, held, snapshot) if keep_existing else held
        whole = _read(placed) if placed and placed.is_loaded else placed
        if whole:
            new.add(whole)
        if placed is not held or not whole:
            left.add(name)
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


def _beside(
    there: Destination,
    removed: Collection[ArtifactName],
    held: Held,
    snapshot: Snapshot,
) -> Held | None:
    """An artifact as it may stand beside what the sink keeps; None where it may not.

    An entry that names a backend of which the sink keeps another content names that one:
    either serves. Where it is no backend there, the entry would never find its own.
    """

    def kept(name: ArtifactName) -> StoredArtifact | None:
        return None if name in removed else there.get(name)

    if kept(held.name):
        return None
    backends = []
    for named in held.backends:
        name = named.type, named.key
        ours = snapshot.held(name) if name in snapshot.resolved else None
        theirs = kept(name)
        if ours and theirs and theirs.content_digest != ours.digest:
            is_known = named.content_digest == ours.digest
            if not is_known or not ours.kind == theirs.kind == ArtifactKind.BACKEND:
                return None
            named = ArtifactId(*name, theirs.content_digest)
        backends.append(named)
    return held if tuple(backends) == held.backends else held.bound(tuple(backends))


def _read(held: Held) -> Held | None:
    """What was loaded with its content in memory; None where that has been damaged since."""
    try:
        return dataclasses.replace(held, content=held.read())
    except (PrecompileError, OSError):
        return None
