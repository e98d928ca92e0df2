"""What programs and libraries have taught numba: implementations that no caller names.

`@overload` and its kind change what a compiled function does without being named in it. So
all of them that are registered, numba's own aside, are part of every function's key. numba
wraps what it is given in functions and classes of its own: it is looked for within those.
"""

import sys
import types
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from numba.core import imputils, pythonapi
from numba.core.datamodel import default_manager
from numba.core.typing.templates import builtin_registry

from precompile_context.adapters.numba.description import (
    Description,
    is_versioned,
    source_digest,
)

# What a program itself registers is told anew each time, since a global that it reads may be
# another one by now. A library's hundreds would take longer than the look-up: they are told
# once, until more is registered.
_MOST_TOLD_ANEW = 100

# A class that numba makes of what it is given is in `abc`.
_KNOWN = frozenset({"numba", "numpy", "abc", "builtins"})
_LEADING = type, types.FunctionType

_by_counts: dict[tuple[int, ...], "_Registered"] = {}


class _Registered(NamedTuple):
    things: list[Any]
    digest: str | None


def extensions() -> str:
    """A digest of all that is registered now; "" where nothing is but numba's own.

    Raises:
        UndescribedError: an implementation reads what cannot be told.
    """
    counts = tuple(map(len, _registries()))
    if counts not in _by_counts:
        things = list({id(thing): thing for thing in _implementations()}.values())
        is_many = len(things) > _MOST_TOLD_ANEW
        _by_counts[counts] = _Registered(things, _digest(things) if is_many else None)
    found = _by_counts[counts]
    return _digest(found.things) if found.digest is None else found.digest


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


def _digest(things: Sequence[Any]) -> str:
    description, told = Description(), _Told()
    for thing in things:
        told.tell(description, thing)
    return description.digest() if things else ""


class _Told(set[int]):
    """Ids of what was told."""

    def tell(self, description: Description, thing: Any) -> None:
        """What of it is not numba's own, and where in what is that stands."""
        if id(thing) in self:
            return
        self.add(id(thing))
        if not _is_known(thing):
            description.word(source_digest(thing))
            description.add(thing)
        parts = list(_within(thing))
        description.word(type(thing).__qualname__, getattr(thing, "__qualname__", ""), len(parts))
        for part in parts:
            if isinstance(part, _LEADING):
                self.tell(description, part)
            elif isinstance(part, str | int):  # an attribute's name, say
                description.add(part)


def _implementations() -> Iterator[Any]:
    """Functions and classes with something that is not numba's, in the order in which they were
    registered.
    """
    loaded = [module for name, module in list(sys.modules.items()) if _is_numbas(name)]
    numbas = {id(getattr(module, "__dict__", None)) for module in loaded}
    for registry in _registries():
        entries = registry.values() if isinstance(registry, dict) else registry
        for entry in entries:
            first = entry[0] if isinstance(entry, tuple) else entry
            function = first if isinstance(first, types.FunctionType) else _given(first)
            # Of thousands, most are seen to be numba's at a glance.
            if function is None:
                is_numbas = _is_numbas(first.__module__) and "<locals>" not in first.__qualname__
            else:
                is_numbas = not function.__closure__ and id(function.__globals__) in numbas
            if not is_numbas and _is_given(first):
                yield first


def _is_numbas(module: str) -> bool:
    return module.startswith("numba.")


def _is_given(thing: Any) -> bool:
    """Whether it is, or holds, what somebody else than numba gave it."""
    seen, left = set(), [thing]
    while left:
        one = left.pop()
        if not _is_known(one):
            return True
        if id(one) not in seen:
            seen.add(id(one))
            left += [part for part in _within(one) if isinstance(part, _LEADING)]
    return False


def _is_known(thing: Any) -> bool:
    """Whether a fact tells the version of where it was written."""
    # `functools.wraps` gives a function another's name and module.
    if isinstance(thing, types.FunctionType):
        module = thing.__globals__.get("__name__")
    else:
        module = thing.__module__
    return str(module).partition(".")[0] in _KNOWN or is_versioned(module)


def _within(thing: Any) -> Iterator[Any]:
    """What a function closes over, and what a class is made of that is somebody's, or that numba
    made of what it was given.
    """
    if isinstance(thing, types.FunctionType):
        for cell in thing.__closure__ or ():
            try:
                yield cell.cell_contents
            except ValueError:  # not bound yet
                continue
    elif isinstance(thing, type):
        if (given := _given(thing)) is not None:
            yield given
        elif thing.__module__ == "abc" or "<locals>" in thing.__qualname__ or not _is_known(thing):
            for value in vars(thing).values():
                yield getattr(value, "__func__", value)


def _given(thing: type) -> Any:
    """The function of which numba made a class; None where it is no such class."""
    own = vars(thing)
    given = own.get("_overload_func") or own.get("_definition_func")
    return getattr(given, "__func__", given)
