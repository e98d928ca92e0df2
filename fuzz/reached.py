"""Which branches of the package an input reaches: what the corpus is chosen by."""

import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

Branch = tuple[CodeType, int, int]  # from one line to another


def reached(call: Callable[[], Any]) -> set[Branch]:
    """The branches taken in precompile_context while `call` runs."""
    found: set[Branch] = set()

    def enter(frame: FrameType, event: str, argument: Any) -> Any:
        if not frame.f_globals.get("__name__", "").startswith("precompile_context"):
            return None
        code, last = frame.f_code, 0

        def line(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal last
            found.add((code, last, frame.f_lineno))
            last = frame.f_lineno
            return line

        return line

    sys.settrace(enter)
    try:
        call()
    finally:
        sys.settrace(None)
    return found
