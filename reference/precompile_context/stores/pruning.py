"""A store without what is not needed any more: pieces that hold some of it are written anew."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate

from precompile_context.bundle import ArtifactName, Bundle
from precompile_context.bundle.soundness import ArtifactPlace
from precompile_context.compare.merging import Merge
from precompile_context.compare.pruning import Pruned, Rules, prune
from precompile_context.errors import MisuseError
from precompile_context.stores.compaction import merged
from precompile_context.stores.reading import Reading, is_digest
from precompile_context.stores.replacing import Grace, Held, Rank, delete, mark, whole
from precompile_context.stores.replacing import replace as replace_pieces
from precompile_context.stores.store import Piece, Store
from precompile_context.stores.waiting import Patience
from precompile_context.trust import Signer, TrustPolicy

# How small the blocks of what is left turn out is known when they are written.
_ROUNDS = 8


@dataclass(frozen=True)
class PrunedStore:
    """What became of a store.

    Attributes:
        pruned: what goes, by its place in the bundle that was read.
        piece: the one that holds what stays of those that held any of it; None where nothing
            stays, or nothing was done.
        replaced: pieces that were deleted, or would be.
        left: pieces that hold what was to go and are as they were: of a stranger, damaged, too
            new for us, or in conflict.
        size: of all pieces in bytes, as they are then; before, where nothing was done.
    """

    pruned: Pruned
    piece: Piece | None
    replaced: tuple[Piece, ...]
    left: tuple[Piece, ...]
    size: int


def prune_store(
    store: Store,
    reading: Reading,
    rules: Rules,
    *,
    policy: TrustPolicy,
    signer: Signer | None,
    last_used: Mapping[ArtifactName, float],
    patience: Patience,
    grace: Grace | None = None,
    dry_run: bool = False,
) -> PrunedStore:
    """Put one piece with what stays of those that hold what the rules take, then delete those.

    `reading` is the store as it was read. Any number of writers, readers and others that
    replace pieces may go on beside; what they put meanwhile stays. What dies in between
    leaves the store as it was, or what was to go beside what stays, for the next time.
    `signer` vouches for what is written anew.

    Raises:
        MisuseError: nothing would be left; what is to go by its order in time, which pieces
            do not have; what is left as it is takes more than the rules allow.
        StoreError: the store did not do it; nothing that was to stay is lost.
    """
    if rules.superseded:
        raise MisuseError("pieces of a store have no order in time: --superseded is of files")
    total, most = sum(piece.size for piece in reading.pieces), rules.max_bytes
    assert reading.bundle is not None
    pruned = prune(reading.bundle, rules, last_used)
    is_over = most is not None and total > most
    if not pruned.places and not is_over:
        return PrunedStore(pruned, None, (), (), total)
    names = _names(reading.bundle, pruned)
    wanted = reading.pieces if is_over else _holding(reading, names)
    if dry_run and not is_over:  # the indexes have said it
        return PrunedStore(pruned, None, tuple(wanted), (), total)
    found = {p: whole(store, p, policy, patience) for p in wanted if is_digest(p.name)}
    bundles = {piece: bundle for piece, bundle in found.items() if bundle is not None}
    merged(bundles)
    ranks = {piece: Rank.of(bundle) for piece, bundle in bundles.items()}
    left = tuple(piece for piece in wanted if piece not in bundles)
    rest = total - sum(piece.size for piece in bundles)
    if most is not None and rest > most:
        raise MisuseError(f"pieces that stay as they are take {rest:,} bytes, more than --max-size")
    generation = 1 + max((rank.generation for rank in ranks.values()), default=0)
    aim, data = rules, b""
    for _ in range(_ROUNDS):
        merge = _without(bundles, names)
        data = b"".join(merge.chunks(signer, marks=mark(generation), apart=True))
        if not merge.report.artifacts:
            data = b""
        if most is None or aim.max_bytes is None or rest + len(data) <= most:
            break
        aim = replace(aim, max_bytes=int(aim.max_bytes * min(0.95, most / (rest + len(data)))))
        pruned = prune(reading.bundle, aim, last_used)
        names = _names(reading.bundle, pruned)
    if not data and len(bundles) == len(reading.pieces):
        raise MisuseError("nothing would be left of it: delete the pieces")
    if dry_run or not bundles:
        return PrunedStore(pruned, None, tuple(bundles), left, total)
    grace = grace or Grace()
    if not data:
        grace.wait(grace.seconds)
        delete(store, bundles, patience=patience)
        return PrunedStore(pruned, None, tuple(bundles), left, rest)
    piece, replaced = replace_pieces(store, ranks, None, data, patience=patience, grace=grace)
    return PrunedStore(pruned, piece, replaced, left, rest + piece.size)


def _names(bundle: Bundle, pruned: Pruned) -> frozenset[Held]:
    """Environment and name of what goes: in whatever piece, that is what is to go."""
    return frozenset(
        (bundle.segments[segment].manifest.requirements, name) for segment, name in pruned.places
    )


def _holding(reading: Reading, names: frozenset[Held]) -> list[Piece]:
    """The pieces whose segments list any of these, current or not."""
    assert reading.bundle is not None
    starts = list(accumulate((piece.size for piece in reading.pieces), initial=0))
    found = {
        bisect_right(starts, segment.offset) - 1
        for segment in reading.bundle.segments
        for name in segment.manifest.artifacts.names()
        if (segment.manifest.requirements, name) in names
    }
    return [reading.pieces[index] for index in sorted(found)]


def _without(bundles: Mapping[Piece, Bundle], names: Iterable[Held]) -> Merge:
    gone = frozenset(names)
    without: dict[str, list[ArtifactPlace]] = {
        piece.name: [
            (stored.segment, name)
            for requirements, segments in bundle.by_requirements().items()
            for name, stored in bundle.current(segments).items()
            if (requirements, name) in gone
        ]
        for piece, bundle in bundles.items()
    }
    return Merge({piece.name: bundle for piece, bundle in bundles.items()}, without=without)
