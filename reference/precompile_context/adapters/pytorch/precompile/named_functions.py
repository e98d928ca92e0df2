"""The functions that a module holds under names, and so in any process that imports it."""

import types
from collections.abc import Iterable, Iterator
from typing import Any

from precompile_context.adapters.pytorch.precompile.digests import (
    behind,
    code_digest,
    is_pinned,
    nested_codes,
)

_CONTAINERS = (list, tuple, set, frozenset)
_MAPPINGS = (dict, types.MappingProxyType)
_MOST_NESTED = 8
_MOST_VALUES = 50_000


class NamedFunctions:
    """The functions of some modules, by the digest of their code."""

    def __init__(self, modules: Iterable[types.ModuleType], others: Iterable[Any] = ()) -> None:
        """`others` are values that are found otherwise than by a module's names.

        `codes` are those of the functions, and those that are nested in one's.
        """
        self.functions: dict[str, list[types.FunctionType]] = {}
        self.codes: dict[str, types.CodeType] = {}
        self._seen: set[int] = set()
        for module in modules:
            self._walk(module.__name__, list(vars(module).values()))
        self._walk("", list(others))

    def holds(self, digest: str) -> bool:
        """Whether this is the code of one of the functions, or nested in one's."""
        return digest in self.codes

    def _walk(self, module: str, values: list[Any]) -> None:
        pending = [(value, 0) for value in values]
        while pending and len(self._seen) < _MOST_VALUES:
            value, depth = pending.pop()
            if id(value) in self._seen or depth > _MOST_NESTED:
                continue
            self._seen.add(id(value))
            if isinstance(value, types.FunctionType):
                self._add(value)
            pending += ((inner, depth + 1) for inner in _inside(value, module))

    def _add(self, function: types.FunctionType) -> None:
        for code in nested_codes(function.__code__):
            self.codes.setdefault(code_digest(code), code)
        self.functions.setdefault(code_digest(function.__code__), []).append(function)


def _inside(value: Any, module: str) -> Iterator[Any]:
    """What a value holds that may be, or hold, a function."""
    if isinstance(value, type):
        if value.__module__ == module or not module:
            yield from vars(value).values()
    elif isinstance(value, types.ModuleType):
        return
    elif isinstance(value, _MAPPINGS):
        yield from list(value.values())
    elif isinstance(value, _CONTAINERS):
        yield from list(value)
    else:
        yield from behind(value)
        if not is_pinned(type(value).__module__) or type(value).__name__ == "CustomOpDef":
            yield from list(getattr(value, "__dict__", {}).values())
