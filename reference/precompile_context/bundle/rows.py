"""Numbers for the rows of several tables, one behind another."""

from bisect import bisect_right
from collections.abc import Sized
from typing import Generic, TypeVar

T = TypeVar("T", bound=Sized)


class Rows(Generic[T]):
    """Tables in order, whose rows are numbered through: a number stands for a table and its row.

    Where very many things are held by name, a number costs less than an object.
    """

    def __init__(self, first: int = 0) -> None:
        """`first` is the number of the first row."""
        self.end = first  # the number that the next table's first row gets
        self._tables: list[T] = []
        self._starts: list[int] = []
        # What was found last: numbers are most often asked for one after another.
        self._last: tuple[int, int, T] | None = None

    def add(self, table: T) -> range:
        """Take a further table; the numbers of its rows."""
        first = self.end
        if len(table):
            self._tables.append(table)
            self._starts.append(first)
            self.end += len(table)
        return range(first, self.end)

    def copy(self) -> "Rows[T]":
        """The same tables, to which others may be added."""
        rows: Rows[T] = Rows()
        rows._tables, rows._starts, rows.end = list(self._tables), list(self._starts), self.end
        return rows

    def find(self, number: int) -> tuple[T, int]:
        """The table and the row that a number stands for."""
        last = self._last
        if last is None or not last[0] <= number < last[1]:
            index = bisect_right(self._starts, number) - 1
            first, table = self._starts[index], self._tables[index]
            self._last = last = first, first + len(table), table
        return last[2], number - last[0]
