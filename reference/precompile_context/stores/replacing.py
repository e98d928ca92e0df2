"""Pieces replaced by another one: which may go for the sake of which, and when.

Whatever dies between two requests leaves pieces that hold the same twice, and never too few.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from precompile_context.artifact import ArtifactId
from precompile_context.bundle import ArtifactName, Bundle
from precompile_context.bundle.fold import is_fully_known
from precompile_context.environment import Requirement
from precompile_context.errors import PrecompileError
from precompile_context.stores.pushing import push
from precompile_context.stores.ranges import Traffic
from precompile_context.stores.store import Piece, Store, StoreError
from precompile_context.stores.waiting import Patience
from precompile_context.trust import UNSIGNED, TrustPolicy

# For programs that have listed the pieces and not yet read all that they need of them.
GRACE_SECONDS = 600.0
# A removed id of this type takes nothing away: its key says how often there was pruning before.
GENERATION = "store.generation"

Held: TypeAlias = tuple[tuple[Requirement, ...], ArtifactName]


@dataclass(frozen=True)
class Grace:
    """How long pieces stay after what replaces them is there, in seconds, and who waits."""

    seconds: float = GRACE_SECONDS
    wait: Callable[[float], None] = field(default=time.sleep)


@dataclass(frozen=True)
class Rank:
    """Where a piece stands among all; one goes for the sake of a higher one alone.

    Without an order that all have, two that replace pieces at once could each delete, for the
    sake of a piece that was there before, the one that the other relies on.
    """

    generation: int
    held: frozenset[Held]

    @classmethod
    def of(cls, bundle: Bundle) -> "Rank":
        """Environment and name of each artifact that is current, and what is said of pruning."""
        return cls(
            max(map(int, filter(_is_number, _marks(bundle))), default=0),
            frozenset(
                (requirements, name)
                for requirements, segments in bundle.by_requirements().items()
                for name in bundle.current(segments)
            ),
        )

    def order(self, piece: Piece) -> tuple[int, int, int]:
        """What is larger stays."""
        # [STORE-007] [STORE-008]
        return self.generation, len(self.held), -int(piece.name, 16)


def mark(generation: int) -> list[ArtifactId]:
    """The removed ids of a piece of this generation.

    Raises:
        StoreError: there is no such generation; a piece of none would go for the sake of others.
    """
    # [STORE-008]
    if not _is_number(str(generation)):
        raise StoreError(f"a piece is of the last generation there is, {generation - 1}")
    return [ArtifactId(GENERATION, str(generation))] if generation else []


def replace(
    store: Store,
    ranks: Mapping[Piece, Rank],
    piece: Piece | None,
    data: bytes,
    *,
    patience: Patience,
    grace: Grace,
) -> tuple[Piece, tuple[Piece, ...]]:
    """Have `data` there, then, when the grace is over, delete those of `ranks` that are lower.

    `piece` is the one that `data` already is; without it, it is put. That one, and which went.

    Raises:
        StoreError: the store did not do it; nothing is lost.
    """
    # [STORE-005]
    if piece is None:
        put = push(store, data, patience=patience, traffic=Traffic())
        piece = Piece(put.name, put.size)
    own = Rank.of(Bundle.open(data, policy=UNSIGNED)).order(piece)
    grace.wait(grace.seconds)
    # What replaces others is looked at once more, all of it, before anything goes.
    if patience.wait(store.read(piece, 0, piece.size)) != data:
        raise StoreError(f"piece {piece.name} is not what was put: nothing was deleted")
    replaced = tuple(one for one, rank in ranks.items() if rank.order(one) < own)
    delete(store, replaced, patience=patience)
    return piece, replaced


def delete(store: Store, pieces: Iterable[Piece], *, patience: Patience) -> None:
    """Take the pieces away.

    Raises:
        StoreError: some are there still.
    """
    for piece in pieces:
        patience.wait(store.delete(piece.name))


def whole(store: Store, piece: Piece, policy: TrustPolicy, patience: Patience) -> Bundle | None:
    """The piece, if all of it may be written anew: trusted, whole to the last content, known."""
    try:
        data = patience.wait(store.read(piece, 0, piece.size))
        bundle = Bundle.open(data, policy=policy)
        bundle.verify()
    except (PrecompileError, StoreError):
        return None
    is_known = all(map(is_fully_known, bundle.segments))
    return bundle if bundle.digest.hex() == piece.name and is_known else None


def _marks(bundle: Bundle) -> Iterable[str]:
    for segment in bundle.segments:
        yield from (id_.key for id_ in segment.manifest.removed if id_.type == GENERATION)


def _is_number(key: str) -> bool:
    return key.isascii() and key.isdecimal() and len(key) < 10
