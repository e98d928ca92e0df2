"""What every store must do: a class that the tests of a store inherit."""

import asyncio
import hashlib
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from precompile_context.stores import MissingPieceError, Piece, Store

T = TypeVar("T")


def _name(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


class StoreTests:
    """Inherit it, with a fixture `store` that gives an empty store for each test.

    A store is shared: the fixture `another` gives the same one as another process would
    open it; by default it is the same object.

    Attributes:
        tells_one: whether, of several puts of one piece at once, one alone is told that it
            is new; registries cannot.
    """

    tells_one = True

    @pytest.fixture
    def another(self, store: Store) -> Store:
        """The same store, opened once more."""
        return store

    def test_an_empty_store_lists_nothing(self, store: Store) -> None:
        assert list(_run(store.pieces())) == []

    def test_what_was_put_is_listed_with_its_size(self, store: Store, another: Store) -> None:
        data = b"a" * 1000
        assert _run(store.put(_name(data), data)) is True
        assert list(_run(another.pieces())) == [Piece(_name(data), 1000)]

    def test_ranges_are_read_exactly(self, store: Store, another: Store) -> None:
        data = bytes(range(256)) * 40
        _run(store.put(_name(data), data))
        piece = Piece(_name(data), len(data))
        for offset, size in ((0, len(data)), (0, 1), (len(data) - 1, 1), (300, 5000), (7, 0)):
            assert _run(another.read(piece, offset, size)) == data[offset : offset + size]

    def test_a_second_put_is_told_and_changes_nothing(self, store: Store, another: Store) -> None:
        data = b"first"
        assert _run(store.put(_name(data), data)) is True
        assert _run(another.put(_name(data), b"other")) is False
        assert _run(another.read(Piece(_name(data), 5), 0, 5)) == data

    def test_a_piece_that_is_not_there_is_missing(self, store: Store) -> None:
        with pytest.raises(MissingPieceError):
            _run(store.read(Piece("0" * 64, 10), 0, 10))

    def test_what_was_deleted_is_gone(self, store: Store, another: Store) -> None:
        data = b"gone soon"
        _run(store.put(_name(data), data))
        _run(another.delete(_name(data)))
        assert list(_run(store.pieces())) == []
        with pytest.raises(MissingPieceError):
            _run(store.read(Piece(_name(data), len(data)), 0, len(data)))

    def test_deleting_what_is_not_there_does_nothing(self, store: Store) -> None:
        _run(store.delete("0" * 64))

    def test_many_writers_of_many_pieces_lose_none(self, store: Store, another: Store) -> None:
        contents = [b"%d" % (number % 8) * 500 for number in range(24)]

        async def put_all() -> list[bool]:
            stores = [store, another]
            works = [stores[i % 2].put(_name(data), data) for i, data in enumerate(contents)]
            return await asyncio.gather(*works)

        told = sum(_run(put_all()))
        assert told == 8 or (told > 8 and not self.tells_one)
        expected = {Piece(_name(data), len(data)) for data in contents}
        assert set(_run(store.pieces())) == expected

    def test_its_name_is_for_people(self, store: Store) -> None:
        assert store.name
        assert store.name.isprintable()
        assert store.writable
