"""Many small pieces of a store made one; they go when readers that have listed them are done."""

from dataclasses import dataclass

from precompile_context.bundle import Bundle
from precompile_context.bundle.source import ranges
from precompile_context.compare.merging import Merge
from precompile_context.stores.reading import is_digest
from precompile_context.stores.replacing import Grace, Held, Rank, mark, replace, whole
from precompile_context.stores.store import Piece, Store
from precompile_context.stores.waiting import Patience
from precompile_context.trust import Signer, TrustPolicy

# What is larger costs more to move than its request costs every reader.
SMALL_BYTES = 64 << 20


@dataclass(frozen=True)
class Compacted:
    """What became of a store's pieces.

    Attributes:
        piece: the one that holds what the others held, new or not; None where there were not
            two to merge.
        replaced: pieces that were deleted.
        left: pieces as they were: large ones, and what is not trusted, damaged or too new for us.
        was_outrun: whether there were not two because others replaced some meanwhile.
    """

    piece: Piece | None
    replaced: tuple[Piece, ...]
    left: tuple[Piece, ...]
    was_outrun: bool = False


def compact(
    store: Store,
    *,
    policy: TrustPolicy,
    signer: Signer | None,
    patience: Patience,
    grace: Grace | None = None,
    small: int = SMALL_BYTES,
) -> Compacted:
    """Merge the pieces of at most `small` bytes into one, then delete them after the grace.

    Any number of writers, readers and compactions may go on beside. What dies in between
    leaves pieces that hold the same twice, for the next compaction. `signer` vouches for
    what is merged; what `policy` does not trust stays as it is.

    Raises:
        StoreError: the store did not do it; nothing is lost.
        PrecompileError: the merged piece would go past the limits.
    """
    pieces = sorted(set(patience.wait(store.pieces())))
    bundles: dict[Piece, Bundle] = {}
    for piece in pieces:
        if piece.size <= small and is_digest(piece.name):
            bundle = whole(store, piece, policy, patience)
            if bundle is not None:
                bundles[piece] = bundle
    merge = merged(bundles)
    if len(bundles) < 2:
        there = set(patience.wait(store.pieces()))
        left = tuple(piece for piece in pieces if piece in there)
        return Compacted(None, (), left, was_outrun=len(left) < len(pieces))
    ranks = {piece: Rank.of(bundle) for piece, bundle in bundles.items()}
    generation = max(rank.generation for rank in ranks.values())
    everything = Rank(generation, frozenset[Held]().union(*(r.held for r in ranks.values())))
    kept = min((piece for piece, rank in ranks.items() if rank == everything), default=None)
    if kept is not None:
        data = b"".join(ranges(bundles[kept].source, 0, kept.size))
    else:
        data = b"".join(merge.chunks(signer, marks=mark(generation), apart=True))
    put, replaced = replace(store, ranks, kept, data, patience=patience, grace=grace or Grace())
    gone = {put, *replaced}
    return Compacted(put, replaced, tuple(piece for piece in pieces if piece not in gone))


def merged(bundles: dict[Piece, Bundle]) -> Merge:
    """The union of the pieces, less those, which go out of `bundles`, that are in conflict."""
    merge = Merge({piece.name: bundle for piece, bundle in bundles.items()})
    if merge.report.conflicts:  # what cannot stand beside the first stays where it is
        losing = {conflict.origin for conflict in merge.report.conflicts}
        for piece in [piece for piece in bundles if piece.name in losing]:
            del bundles[piece]
        merge = Merge({piece.name: bundle for piece, bundle in bundles.items()})
    return merge
