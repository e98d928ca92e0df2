"""Wrapping functions of a compiler, and taking the wrappers away again."""

import functools
from collections.abc import Callable
from typing import Any


class Patches:
    """Wrappers that are put in together and taken out together.

    One that another tool has wrapped meanwhile cannot be taken out: it stays,
    and hands its calls on untouched.
    """

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []

    def wrap(self, owner: Any, name: str, around: Callable[..., Any]) -> None:
        """Put `around(original, *args, **kwargs)` in the place of `owner.name`."""
        bound = vars(owner)[name]
        original = getattr(bound, "__func__", bound)
        live = [True]

        @functools.wraps(original)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if not live[0]:
                return original(*args, **kwargs)
            return around(original, *args, **kwargs)

        kind = type(bound) if isinstance(bound, staticmethod | classmethod) else None
        ours = wrapper if kind is None else kind(wrapper)
        setattr(owner, name, ours)

        def undo() -> None:
            live[0] = False
            if vars(owner).get(name) is ours:
                setattr(owner, name, bound)

        self._undo.append(undo)

    def undo(self) -> None:
        """Take all wrappers out, the last one first."""
        while self._undo:
            self._undo.pop()()
