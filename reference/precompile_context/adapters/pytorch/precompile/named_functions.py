"""The functions that a module holds under names, and so in any process that imports it."""

import types
from collections import deque
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
        named = [(value, m.__name__) for m in modules for value in list(vars(m).values())]
        self._walk([*named, *((value, "") for value in others)])

    def holds(self, digest: str) -> bool:
        """Whether this is the code of one of the functions, or nested in one's."""
        return digest in self.codes

    def _walk(self, values: list[tuple[Any, str]]) -> None:
        """Look into values, each with the module that holds it, if one does."""
        # The least nested first: what was seen at the greatest depth is not looked into again.
        pending = deque((value, module, 0) for value, module in values)
        while pending and len(self._seen) < _MOST_VALUES:
            value, module, depth = pending.popleft()
            if id(value) in self._seen or depth > _MOST_NESTED:
                continue
            if isinstance(value, type) and module and not _is_of(module, value):
                continue  # its own module holds it, and may come later
            self._seen.add(id(value))
            if isinstance(value, types.FunctionType):
                self._add(value)
            pending += ((inner, module, depth + 1) for inner in _inside(value))

    def _add(self, function: types.FunctionType) -> None:
        for code in nested_codes(function.__code__):
            self.codes.setdefault(code_digest(code), code)
        self.functions.setdefault(code_digest(function.__code__), []).append(function)


def _is_of(module: str, cls: type) -> bool:
    """Whether a module defines a class; one that is shown as another module's has methods of it."""
    methods = (value for value in vars(cls).values() if isinstance(value, types.FunctionType))
    return cls.__module__ == module or any(f.__module__ == module for f in methods)


def _inside(value: Any) -> Iterator[Any]:
    """What a value holds that may be, or hold, a function."""
    if isinstance(value, type):
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
