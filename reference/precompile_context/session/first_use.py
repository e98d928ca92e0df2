"""Calling `begin` before a compiler is used."""

from collections.abc import Callable
from typing import Any

from precompile_context.session.patches import Patches


def before(owner: Any, name: str, begin: Callable[[], bool]) -> None:
    """Have `begin` called before `owner.name` is: a function of a module, a class's method."""

    def around(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if not begin():
            return original(*args, **kwargs)
        # Once more from the top: what has been wrapped around it now sees this call too.
        outermost = vars(owner)[name]
        return getattr(outermost, "__func__", outermost)(*args, **kwargs)

    Patches().wrap(owner, name, around)
