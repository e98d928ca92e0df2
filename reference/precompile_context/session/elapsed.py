"""What each compile took, without those within it: of functions that it calls."""

import threading
import time
from collections.abc import Hashable


class Elapsed:
    """Of compiles that begin and end in a thread, one within another."""

    def __init__(self) -> None:
        self._local = threading.local()

    def begin(self, compile: Hashable) -> None:
        """This one begins here."""
        running = self._running()
        running[:] = [one for one in running if one[0] != compile]  # it failed before
        running.append((compile, time.perf_counter(), 0.0))

    def end(self, compile: Hashable) -> float:
        """Its own seconds; 0.0 where it did not begin in this thread."""
        running = self._running()
        if all(one != compile for one, _, _ in running):
            return 0.0
        while True:  # those within that are not ended have failed
            one, begun, within = running.pop()
            if one == compile:
                break
        whole = time.perf_counter() - begun
        if running:
            outer, since, before = running.pop()
            running.append((outer, since, before + whole))
        return max(0.0, whole - within)

    def _running(self) -> list[tuple[Hashable, float, float]]:
        running: list[tuple[Hashable, float, float]] = self._local.__dict__.setdefault(
            "running", []
        )
        return running
