"""Packages whose public names are imported when they are first asked for."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def on_demand(
    package: dict[str, Any], homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of the package with these globals; `homes` has the module
    within it of each name.
    """

    def getattr_(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package['__name__']!r} has no attribute {name!r}")
        home = import_module(f"{package['__name__']}.{homes[name]}")
        value = package[name] = getattr(home, name)
        return value

    return getattr_, lambda: sorted({*package, *homes})
