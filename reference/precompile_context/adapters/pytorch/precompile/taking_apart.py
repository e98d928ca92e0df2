"""What objects consist of, without running code of theirs."""

import collections
import contextlib
import functools
import types
from typing import Any

_HEAP_TYPE = 1 << 9
_POINTER = object.__basicsize__ // 2
# Native classes the content of which is told otherwise.
_TOLD = frozenset(
    (
        *(object, int, float, complex, str, bytes, tuple, list, dict, set, frozenset),
        *(collections.deque, collections.OrderedDict, collections.defaultdict),
        *(BaseException, Exception),
    )
)


def behind_wrapper(value: Any) -> tuple[Any, ...] | None:
    """What stands behind a wrapper of Python's own; None for anything else."""
    if isinstance(value, staticmethod | classmethod):
        return (value.__func__,)
    if type(value) is types.MethodType:
        return (value.__func__, value.__self__)
    if type(value) is property:
        return (value.fget, value.fset, value.fdel)
    if type(value) is functools.cached_property:
        return (value.func,)
    if type(value) in (functools.partial, functools.partialmethod):
        return (value.func, *value.args, value.keywords)
    return None


def attributes_of(value: Any) -> dict[str, Any]:
    """What stands in an object's dict and slots."""
    attributes: dict[str, Any] = {}
    for base in type(value).__mro__:
        for name in _slots(base):
            member = vars(base).get(name)
            if isinstance(member, types.MemberDescriptorType):
                with contextlib.suppress(AttributeError):  # an empty slot
                    attributes[name] = member.__get__(value)
    try:
        own = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return attributes
    return {**attributes, **own} if isinstance(own, dict) else attributes


def has_native_state(cls: type) -> bool:
    """Whether objects of a class hold more than a dict, slots and what they are as containers."""
    return any(
        base not in _TOLD and not (base.__flags__ & _HEAP_TYPE and _own_bytes(base) <= 0)
        for base in cls.__mro__
    )


def _own_bytes(base: type) -> int:
    """The bytes that a class adds to its objects beside slots, a dict and weak references."""
    before = base.__base__.__basicsize__ if base.__base__ else 0
    return base.__basicsize__ - before - _POINTER * (len(_slots(base)) + 2)


def _slots(base: type) -> set[str]:
    declared = vars(base).get("__slots__", ())
    names = {declared} if isinstance(declared, str) else set(declared)
    return {_mangled(base, name) for name in names}


def _mangled(base: type, name: str) -> str:
    hidden = name.startswith("__") and not name.endswith("__")
    return f"_{base.__name__.lstrip('_')}{name}" if hidden else name
