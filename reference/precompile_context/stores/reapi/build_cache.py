"""The calls of a store, as a build cache does them: each segment a blob, each piece a slot."""

from collections.abc import Mapping, Sequence
from typing import Any

from precompile_context.stores.reapi import blobs
from precompile_context.stores.reapi.client import Client
from precompile_context.stores.reapi.entries import Entries
from precompile_context.stores.reapi.place import Place
from precompile_context.stores.reapi.slots import Blob, Entry, Listing, Slots
from precompile_context.stores.store import MissingPieceError


class BuildCache:
    """A bundle of one name in an instance of a server that speaks REAPI v2."""

    def __init__(self, place: Place) -> None:
        """Asks nothing."""
        self._client = Client(place)
        self._slots = Slots(Entries(self._client, place.name))
        self._blobs: Mapping[str, tuple[Blob, ...]] = {}

    async def call(self, name: str, arguments: Sequence[Any], payload: bytes) -> tuple[Any, bytes]:
        """What a call of a store gives, by its name: what JSON can say, and bytes.

        Raises:
            StoreError: as the store's.
        """
        match name:
            case "pieces":
                return await self.pieces(), b""
            case "read":
                return None, await self.read(*arguments)
            case "put":
                name, sizes = arguments
                return await self.put(name, sizes, payload), b""
            case _:
                await self._slots.delete(*arguments)
                return None, b""

    async def pieces(self) -> list[tuple[str, int]]:
        """Names and sizes of those in slots: a request for each slot, several at a time."""
        await self._list()
        return [(name, sum(part.size for part in parts)) for name, parts in self._blobs.items()]

    async def read(self, name: str, offset: int, size: int) -> bytes:
        """A request for each blob that the range is in."""
        what = f"piece {name}"
        if name not in self._blobs:
            await self._list()
        if name not in self._blobs:
            raise MissingPieceError(f"{what} is not there")
        return await blobs.read(self._client, self._blobs[name], offset, size, what)

    async def put(self, name: str, sizes: Sequence[int], data: bytes) -> bool:
        """Put the blobs, of these sizes, that are not there, then the piece into a slot.

        What a slot names and the cache has dropped is put again.
        """
        known = await self._list()
        parts = blobs.split(data, sizes)
        own = tuple(blob for blob, _ in parts)
        if self._blobs.get(name, own) != own:
            return False
        await blobs.upload(self._client, parts)
        if name in self._blobs:
            return False
        await self._slots.put(name, Entry("", own), known)
        return True

    async def _list(self) -> Listing:
        known = await self._slots.list()
        self._blobs = {name: entry.blobs for name, entry in known.pieces.values()}
        return known
