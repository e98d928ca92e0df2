"""What programs and libraries have taught numba: implementations that no caller names.

`@overload` and its kind change what a compiled function does without being named in it. So
all of them that are registered, numba's own aside, are part of every function's key.
"""

import types
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from numba.core import imputils, pythonapi
from numba.core.datamodel import default_manager
from numba.core.typing.templates import builtin_registry

from precompile_context.adapters.numba.description import Description, source_digest

# What a program itself registers is told anew each time, since a global that it reads may be
# another one by now. A library's hundreds would take longer than the look-up: they are told
# once, until more is registered.
_MOST_TOLD_ANEW = 100

_by_counts: dict[tuple[int, ...], "_Registered"] = {}


class _Registered(NamedTuple):
    things: list[Any]
    files: list[str]
    digest: str | None


def extensions() -> str:
    """A digest of all that is registered now; "" where nothing is but numba's own.

    Raises:
        UndescribedError: an implementation reads what cannot be told.
    """
    counts = tuple(map(len, _registries()))
    if counts not in _by_counts:
        things = list({id(thing): thing for thing in _implementations()}.values())
        files = [source_digest(thing) for thing in things]
        is_many = len(things) > _MOST_TOLD_ANEW
        _by_counts[counts] = _Registered(things, files, _digest(things, files) if is_many else None)
    found = _by_counts[counts]
    return _digest(found.things, found.files) if found.digest is None else found.digest


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


def _digest(things: Sequence[Any], files: Sequence[str]) -> str:
    description = Description()
    for thing, file in zip(things, files, strict=True):
        description.word(file)
        if isinstance(thing, types.FunctionType):
            description.function(thing)
    return description.digest() if things else ""


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
