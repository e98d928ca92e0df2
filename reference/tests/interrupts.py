"""An interrupt at a chosen place of a program, the same at each try."""

import sys
from collections.abc import Callable
from types import FrameType


def _interrupt() -> None:
    raise KeyboardInterrupt


class InterruptAt:
    """An interrupt within a block, where a signal's handler may run: when a function of ours
    begins, and when one in C that it calls has ended; `places` is how many there were. `handle`
    is the handler.
    """

    def __init__(self, at: int, handle: Callable[[], None] = _interrupt) -> None:
        self.places = 0
        self._at, self._handle = at, handle

    def __enter__(self) -> "InterruptAt":
        self._before = sys.getprofile()
        sys.setprofile(self._profiled)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(self._before)

    def _profiled(self, frame: FrameType, event: str, _: object) -> None:
        if event in ("call", "c_return") and "precompile_context" in frame.f_code.co_filename:
            self.places += 1
            if self.places > self._at:
                sys.setprofile(None)
                self._handle()
