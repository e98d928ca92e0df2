"""Slots of an action cache, each one writer's alone.

Nothing there can be compared and set: an entry holds what was written last, so two writers
that each find a slot free and write to it lose one of them. What is known of registers
helps: of those who write their name to the register `race`, find the register `door`
open, close it, and read `race` again, one at most finds its own name there (a splitter;
Lamport 1987, Moir and Anderson 1995). It alone may write to the slot. Who does not goes on
to the next slot, and one where nobody was left stays empty for ever. No writer waits for
another, and one that dies leaves an empty slot at most.
"""

import asyncio
import random
import re
import secrets
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from precompile_context.stores.store import StoreError

T = TypeVar("T")

# Requests at one time.
_REQUESTS = 16
# Free slots in a row where a listing ends.
_GAP = 4
# What one name may have had in all that a listing still asks for.
_MOST_SLOTS = 10_000
# Slots that a writer tries: others are as many, and wait at random.
_ATTEMPTS = 200


@dataclass(frozen=True)
class Blob:
    """What a CAS names.

    Attributes:
        digest: SHA-256 in hex.
        size: bytes.
    """

    digest: str
    size: int


@dataclass(frozen=True)
class Entry:
    """What an entry of the action cache holds.

    Attributes:
        text: some words for who reads entries.
        blobs: what is to stay in the CAS with it.
    """

    text: str
    blobs: tuple[Blob, ...] = ()


class Registers(Protocol):
    """Entries of one bundle's name. Safe for any number of calls at once."""

    async def get(self, *which: str) -> Entry | None:
        """What the entry holds; None where there is none, or what it named is gone.

        Raises:
            StoreError: that is not known.
        """

    async def set(self, entry: Entry, *which: str, is_repeated: bool = True) -> None:
        """Make the entry hold that, whatever it held; not `is_repeated`, by one request.

        Raises:
            StoreError: it is not known to hold that; BusyError.
        """


class BusyError(StoreError):
    """The server may do it if it is asked again.

    Attributes:
        tries: how often it is worth to ask, in all.
    """

    def __init__(self, text: str, tries: int) -> None:
        super().__init__(text)
        self.tries = tries


_DELETED = Entry("deleted")
_CLOSED = Entry("closed")
_PIECE = re.compile(r"piece ([0-9a-f]{64})")
_BOUNDS = re.compile(r"slots (\d{1,9}) (\d{1,9})")


@dataclass
class Listing:
    """What slots hold.

    Attributes:
        begin: no slot before it holds a piece, or ever will.
        end: no slot from it on was entered by anybody.
        pieces: entries of pieces, by their slots.
        deleted: slots of which the piece was deleted.
    """

    begin: int = 0
    end: int = 0
    pieces: dict[int, tuple[str, Entry]] = field(default_factory=dict)
    deleted: set[int] = field(default_factory=set)


class Slots:
    """The slots of one bundle's name."""

    def __init__(self, entries: Registers) -> None:
        self._entries = entries

    async def list(self) -> Listing:
        """All slots that hold something.

        Raises:
            StoreError: not all could be read; or there were too many.
        """
        # [STORE-022]
        found = Listing()
        bounds = await self._entries.get("bounds")
        match = _BOUNDS.fullmatch(bounds.text) if bounds else None
        if match and int(match[1]) <= int(match[2]):
            found.begin, found.end = int(match[1]), int(match[2])
        start, end = found.begin, found.end + _GAP
        while start < end:
            if end - found.begin > _MOST_SLOTS:
                raise StoreError(f"more than {_MOST_SLOTS} slots were used: take another name")
            numbers = range(start, end)
            held = await all_of(self._entries.get("slot", str(number)) for number in numbers)
            for number, entry in zip(numbers, held, strict=True):
                if entry is not None:
                    found.end = max(found.end, number + 1)
                    self._note(found, number, entry)
            empty = [n for n, e in zip(numbers, held, strict=True) if e is None and n >= found.end]
            doors = await all_of(self._entries.get("door", str(number)) for number in empty)
            for number, door in zip(empty, doors, strict=True):
                if door is not None:
                    found.end = number + 1
            start, end = end, found.end + _GAP
        return found

    @staticmethod
    def _note(found: Listing, number: int, entry: Entry) -> None:
        if (match := _PIECE.fullmatch(entry.text)) and entry.blobs:
            found.pieces[number] = (match[1], entry)
        elif entry == _DELETED:
            found.deleted.add(number)

    async def put(self, name: str, entry: Entry, known: Listing) -> None:
        """Have the piece in a slot of its own, the first that is free, as far as is known.

        Raises:
            StoreError: it is not known to be there.
        """
        # [STORE-021]
        for attempt in range(_ATTEMPTS):
            number = known.end + attempt
            if not await self._take(number):
                if attempt:  # most often a slot that others have had, and no contest
                    await asyncio.sleep(random.random() * 0.01 * min(attempt * attempt, 50))
                continue
            piece = Entry(f"piece {name}", entry.blobs)
            await self._entries.set(piece, "slot", str(number))
            if await self._entries.get("slot", str(number)) != piece:
                raise StoreError(f"piece {name}: the build cache does not keep what it is given")
            await self._bound(known.begin, number + 1)
            return
        raise StoreError(f"piece {name}: {_ATTEMPTS} slots were others': too many write at once")

    async def _take(self, number: int) -> bool:
        """Whether the slot is this writer's."""
        which = str(number)
        # A cache may have dropped one of the two.
        if await self._entries.get("door", which) or await self._entries.get("slot", which):
            return False
        own = await self._race(which)
        if await self._entries.get("door", which) is not None:
            return False
        await self._entries.set(_CLOSED, "door", which)
        return await self._entries.get("race", which) == own

    async def _race(self, which: str) -> Entry:
        """Write a text to the race that nobody has written there.

        Another one each time: one that seemed to fail and came late would otherwise be taken
        for the last.
        """
        number = 0
        while True:
            number += 1
            own = Entry(f"writer {secrets.token_hex(16)}")
            try:
                await self._entries.set(own, "race", which, is_repeated=False)
            except BusyError as error:
                if number >= error.tries:
                    raise
            else:
                return own
            await pause(number)

    async def delete(self, name: str) -> None:
        """Empty each slot that holds the piece; listings pass over what is empty at the start.

        Raises:
            StoreError: it may still be there.
        """
        # [STORE-023]
        known = await self.list()
        for number, (there, _) in known.pieces.items():
            if there == name:
                await self._entries.set(_DELETED, "slot", str(number))
                known.deleted.add(number)
        begin = known.begin
        while begin in known.deleted or (begin < known.end and await self._is_gone(begin)):
            begin += 1
        if begin > known.begin:
            await self._bound(begin, known.end)

    async def _is_gone(self, number: int) -> bool:
        """Whether the cache has dropped all of a slot; who still enters it would close its door."""
        return not any(
            await all_of(self._entries.get(kind, str(number)) for kind in ("slot", "door", "race"))
        )

    async def _bound(self, begin: int, end: int) -> None:
        """Say where listings begin and end; too low does no harm, and too high is never said."""
        await self._entries.set(Entry(f"slots {begin} {end}"), "bounds")


async def pause(number: int) -> None:
    """Wait before a request is sent again, after so many times."""
    await asyncio.sleep(random.uniform(0.5, 1.0) * min(1.0, 0.1 * 3 ** (number - 1)))


async def all_of(works: Iterable[Awaitable[T]]) -> list[T]:
    """What each gives, some going on side by side."""
    places = asyncio.Semaphore(_REQUESTS)

    async def one(work: Awaitable[T]) -> T:
        async with places:
            return await work

    return await asyncio.gather(*map(one, works))
