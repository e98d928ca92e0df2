"""What hooks note in a thread while a block of code runs."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

_Notes = TypeVar("_Notes")


class Collector(threading.local, Generic[_Notes]):
    """Of each thread, the notes of the innermost block that it is in.

    Attributes:
        notes: those, to be added to; None outside of any block.
    """

    notes: _Notes | None = None

    def __init__(self, make: Callable[[], _Notes]) -> None:
        self._make = make

    @contextlib.contextmanager
    def collecting(self) -> Iterator[_Notes]:
        """A block with notes of its own, empty at first."""
        outer = self.notes
        notes = self.notes = self._make()
        try:
            yield notes
        finally:
            self.notes = outer
