"""A store whose bytes are counted on the terminal of whoever waits."""

from collections.abc import Callable, Sequence

from precompile_context.stores import Piece, Store


class CountedStore:
    """A `Store` that says of each answer how many bytes of pieces it moved."""

    def __init__(self, store: Store, advance: Callable[[int], None]) -> None:
        self.name = store.name
        self.writable = store.writable
        self._store = store
        self._advance = advance

    async def pieces(self) -> Sequence[Piece]:
        """As the store says."""
        return await self._store.pieces()

    async def read(self, piece: Piece, offset: int, size: int) -> bytes:
        """As the store gives them."""
        data = await self._store.read(piece, offset, size)
        self._advance(len(data))
        return data

    async def put(self, name: str, data: bytes) -> bool:
        """As the store does."""
        is_new = await self._store.put(name, data)
        self._advance(len(data))
        return is_new

    async def delete(self, name: str) -> None:
        """As the store does."""
        await self._store.delete(name)
