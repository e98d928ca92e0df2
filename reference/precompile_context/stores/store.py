"""What a store is: a set of immutable pieces, each a complete bundle, behind six calls."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class StoreError(OSError):
    """A store did not do what it was asked for; the text says what, and holds no secret."""


class MissingPieceError(StoreError):
    """There is no such piece, or none any more."""


class DeniedError(StoreError):
    """The store knows the caller and refuses, or does not know the caller."""


class DeadlineError(StoreError):
    """Nothing came within the time that the caller gives stores."""


class MissingExtraError(StoreError):
    """A library of an extra is not installed; the text says how to install it."""


@dataclass(frozen=True, order=True, slots=True)
class Piece:
    """One piece as a store lists it.

    Attributes:
        name: the bundle digest in hex, 64 digits; another text where a store holds one
            object that somebody named.
        size: bytes.
    """

    name: str
    size: int


class Store(Protocol):
    """Where pieces are. Safe for threads and for any number of processes at once.

    Nothing here waits by itself: who calls bounds each call by a deadline, and a call
    that is cancelled leaves the store as it was, or done.
    """

    @property
    def name(self) -> str:
        """What a person calls the store; without secrets."""

    @property
    def writable(self) -> bool:
        """Whether pieces can be put there, as far as its kind goes."""

    async def pieces(self) -> Sequence[Piece]:
        """Those that there are, in any order; one that was just put may still be lacking.

        Raises:
            StoreError: DeniedError where the caller may not list.
        """

    async def read(self, piece: Piece, offset: int, size: int) -> bytes:
        """These bytes of the piece, all of them. Never asked past the piece's end.

        Raises:
            StoreError: MissingPieceError where it is gone, DeniedError.
        """

    async def put(self, name: str, data: bytes) -> bool:
        """Make these bytes the piece of this name, at once for every reader.

        False where there is a piece of this name already: it stays as it is. Of several that
        put one piece at once, more than one may get True where a store cannot tell.

        Raises:
            StoreError: it is not known to be there.
        """

    async def delete(self, name: str) -> None:
        """Take the piece away; nothing happens where there is none.

        Raises:
            StoreError: it may still be there.
        """
