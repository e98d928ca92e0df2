"""A store in a build cache, asked by a process of its own."""

import importlib.util
from collections.abc import Sequence

from precompile_context.bundle import Bundle
from precompile_context.errors import PrecompileError
from precompile_context.stores.names import StoreName
from precompile_context.stores.reapi.apart import Apart
from precompile_context.stores.reapi.place import Place
from precompile_context.stores.store import MissingExtraError, Piece
from precompile_context.trust import UNSIGNED


class BuildCacheStore:
    """A bundle of one name in an instance of a server that speaks REAPI v2."""

    writable = True

    def __init__(self, name: str, apart: Apart) -> None:
        self.name = name
        self._apart = apart

    @classmethod
    def open(cls, name: StoreName) -> "BuildCacheStore":
        """The store of this name. Asks it for nothing.

        Raises:
            MissingExtraError: the packages of the extra are not installed.
        """
        place = Place.parse(name.place, name.path, name.options)
        if not all(map(_is_installed, ("grpc", "buildgrid.common"))):
            text = f"{name}: build caches are an extra: pip install 'precompile-context[reapi]'"
            raise MissingExtraError(text)
        return cls(str(name), Apart(place))

    async def pieces(self) -> Sequence[Piece]:
        """Those in slots: a request for each slot, several at a time."""
        found, _ = await self._apart.call("pieces")
        return [Piece(name, size) for name, size in found]

    async def read(self, piece: Piece, offset: int, size: int) -> bytes:
        """A request for each blob that the range is in."""
        return (await self._apart.call("read", piece.name, offset, size))[1]

    async def put(self, name: str, data: bytes) -> bool:
        """Put the segments that are not there, then the piece into a slot.

        Of several writers of one piece at once, more than one may be told that it is new.
        """
        return bool((await self._apart.call("put", name, _sizes(data), payload=data))[0])

    async def delete(self, name: str) -> None:
        """Empty its slots; its blobs go when the cache drops what is not used."""
        await self._apart.call("delete", name)


def _sizes(data: bytes) -> list[int]:
    """Of the piece's segments, each of which is a blob; of one, where it is no bundle."""
    try:
        return [segment.size for segment in Bundle.open(data, policy=UNSIGNED).segments]
    except PrecompileError:
        return [len(data)]


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False
