"""Many small pieces of a store made one; they go when readers that have listed them are done."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from precompile_context.bundle import Bundle
from precompile_context.bundle.fold import is_fully_known
from precompile_context.bundle.source import ranges
from precompile_context.compare.merging import Merge
from precompile_context.environment import Requirement
from precompile_context.errors import PrecompileError
from precompile_context.stores.pushing import push
from precompile_context.stores.ranges import Traffic
from precompile_context.stores.reading import is_digest
from precompile_context.stores.store import Piece, Store, StoreError
from precompile_context.stores.waiting import Patience
from precompile_context.trust import UNSIGNED, Signer, TrustPolicy

_Held = tuple[tuple[Requirement, ...], tuple[str, str]]

# What is larger costs more to move than its request costs every reader.
SMALL_BYTES = 64 << 20
# For programs that have listed the pieces and not yet read all that they need of them.
GRACE_SECONDS = 600.0


@dataclass(frozen=True)
class Compacted:
    """What became of a store's pieces.

    Attributes:
        piece: the one that holds what the others held, new or not; None where there were not
            two to merge.
        replaced: pieces that were deleted.
        left: pieces as they were: large ones, and what is not trusted, damaged or too new for us.
    """

    piece: Piece | None
    replaced: tuple[Piece, ...]
    left: tuple[Piece, ...]


def compact(
    store: Store,
    *,
    policy: TrustPolicy,
    signer: Signer | None,
    patience: Patience,
    grace: float = GRACE_SECONDS,
    small: int = SMALL_BYTES,
    wait: Callable[[float], None] = time.sleep,
) -> Compacted:
    """Merge the pieces of at most `small` bytes into one, then delete them after `grace` seconds.

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
            bundle = _whole(store, piece, policy, patience)
            if bundle is not None:
                bundles[piece] = bundle
    if len(bundles) < 2:
        return Compacted(None, (), tuple(pieces))
    # [STORE-005]
    merge = Merge({piece.name: bundle for piece, bundle in bundles.items()})
    if merge.report.conflicts:  # what cannot stand beside the first stays where it is
        losing = {conflict.origin for conflict in merge.report.conflicts}
        bundles = {piece: bundle for piece, bundle in bundles.items() if piece.name not in losing}
        if len(bundles) < 2:
            return Compacted(None, (), tuple(pieces))
        merge = Merge({piece.name: bundle for piece, bundle in bundles.items()})
    held = {piece: _held(bundle) for piece, bundle in bundles.items()}
    everything = frozenset[_Held]().union(*held.values())
    covering = [piece for piece, names in held.items() if names == everything]
    if covering:
        merged = min(covering)
        data = _bytes(bundles[merged])
    else:
        data = b"".join(merge.chunks(signer))
        put = push(store, data, patience=patience, traffic=Traffic())
        merged = Piece(put.name, put.size)
        held[merged] = _held(Bundle.open(data, policy=UNSIGNED))
    wait(grace)
    # What replaces others is looked at once more, all of it, before anything goes.
    if patience.wait(store.read(merged, 0, merged.size)) != data:
        raise StoreError(f"piece {merged.name} is not what was put: nothing was deleted")
    replaced = tuple(piece for piece in bundles if _order(held, piece) < _order(held, merged))
    for piece in replaced:
        patience.wait(store.delete(piece.name))
    gone = {merged, *replaced}
    return Compacted(merged, replaced, tuple(piece for piece in pieces if piece not in gone))


def _order(held: Mapping[Piece, frozenset[_Held]], piece: Piece) -> tuple[int, int]:
    """A piece goes for the sake of a higher one alone.

    Without an order that all have, two compactions at once could each delete, for the
    sake of a piece that was there before, the one that the other relies on.
    """
    # [STORE-007]
    return len(held[piece]), -int(piece.name, 16)


def _held(bundle: Bundle) -> frozenset[_Held]:
    """Environment and name of each artifact that is current."""
    return frozenset(
        (requirements, name)
        for requirements, segments in bundle.by_requirements().items()
        for name in bundle.current(segments)
    )


def _bytes(bundle: Bundle) -> bytes:
    return b"".join(ranges(bundle.source, 0, bundle.size))


def _whole(store: Store, piece: Piece, policy: TrustPolicy, patience: Patience) -> Bundle | None:
    """The piece, if all of it may be merged: trusted, whole to the last content, and known."""
    try:
        data = patience.wait(store.read(piece, 0, piece.size))
        bundle = Bundle.open(data, policy=policy)
        bundle.verify()
    except (PrecompileError, StoreError):
        return None
    is_known = all(map(is_fully_known, bundle.segments))
    return bundle if bundle.digest.hex() == piece.name and is_known else None
