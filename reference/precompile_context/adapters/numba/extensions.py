"""What programs and libraries have taught numba: implementations that no caller names.

`@overload` and its kind change what a compiled function does without being named in it. So
all of them that are registered, numba's own aside, are part of every function's key.
"""

import types
from collections.abc import Iterator
from typing import Any

from numba.core import imputils, pythonapi
from numba.core.datamodel import default_manager
from numba.core.typing.templates import builtin_registry

from precompile_context.adapters.numba.description import Description, source_digest

_by_counts: dict[tuple[int, ...], str] = {}


def extensions() -> str:
    """A digest of all that is registered now; "" where nothing is but numba's own.

    Raises:
        UndescribedError: an implementation reads what cannot be told.
    """
    counts = tuple(map(len, _registries()))
    if counts not in _by_counts:
        # Each time that something was registered since, and no more often.
        _by_counts[counts] = _digest()
    return _by_counts[counts]


def _registries() -> tuple[Any, ...]:
    return (
        builtin_registry.functions,
        builtin_registry.attributes,
        imputils.builtin_registry.functions,
        imputils.builtin_registry.getattrs,
        imputils.builtin_registry.constants,
        imputils.builtin_registry.casts,
        pythonapi._boxers.functions,
        pythonapi._unboxers.functions,
        default_manager._handlers,
    )


def _digest() -> str:
    description = Description()
    found = {id(thing): thing for thing in _implementations()}
    for thing in found.values():
        description.word(source_digest(thing))
        if isinstance(thing, types.FunctionType):
            description.function(thing)
    return description.digest() if found else ""


def _implementations() -> Iterator[Any]:
    """Functions and classes that are not numba's, in the order in which they were registered."""
    for registry in _registries():
        entries = registry.values() if isinstance(registry, dict) else registry
        for entry in entries:
            first = entry[0] if isinstance(entry, tuple) else entry
            overload = vars(first).get("_overload_func") if isinstance(first, type) else None
            thing = getattr(overload, "__func__", overload) or first
            if str(getattr(thing, "__module__", "numba")).partition(".")[0] != "numba":
                yield thing
