"""An object of the program's in torch's pickle of guards: taken apart into what it holds, and put
together of that.

No code of the program's runs. What a class says of its pickling is what it wants of other
processes, and not what a trace has seen; and what it makes may be the object that the program has,
the only one of its class, into which nothing must be written.
"""

import collections
import copyreg
import enum
import types
from collections.abc import Iterable
from typing import Any

from precompile_context.adapters.pytorch.precompile.containers import items_of, pairs_of
from precompile_context.adapters.pytorch.precompile.digests import (
    UnportableError,
    is_pinned,
    type_name,
)
from precompile_context.adapters.pytorch.precompile.taking_apart import (
    attributes_of,
    has_native_state,
)

_IMMUTABLE = (int, float, complex, str, bytes, tuple, frozenset, BaseException)
# The first that a class is of: an ordered dict is a dict, too.
_MUTABLE = (collections.OrderedDict, collections.defaultdict, dict, list, set, collections.deque)
_HOOKS = (
    *("__reduce_ex__", "__reduce__", "__getstate__", "__setstate__"),
    *("__getnewargs_ex__", "__getnewargs__"),
)


def reduce_object(value: Any) -> tuple[Any, ...] | None:
    """How a pickle has an object; None for one that is not the program's.

    Raises:
        UnportableError: its content is known to code in C, and its class says how it is pickled.
    """
    cls = type(value)
    if is_pinned(cls.__module__) or isinstance(value, type):
        return None
    if isinstance(value, enum.Enum):
        is_named = cls.__members__.get(value.name) is value
        return (member, (cls, value.name)) if is_named else None
    if has_native_state(cls):
        if says_itself(cls):
            raise UnportableError(f"class {type_name(cls)} says itself how its objects are pickled")
        return None
    base = next((kind for kind in _IMMUTABLE if issubclass(cls, kind)), None)
    content = None if base is None else _content(base, value)
    state = (_held(value), attributes_of(value))
    return made, (cls, base or _mutable(cls) or object, content), state, None, None, fill


def says_itself(cls: type) -> bool:
    """Whether a class of the program's, or a function that it has registered, says what pickles
    have of its objects.
    """
    if cls in copyreg.dispatch_table:
        return True
    own = (base for base in cls.__mro__ if not is_pinned(base.__module__))
    return any(name in vars(base) for base in own for name in _HOOKS)


def member(cls: Any, name: str) -> Any:
    """What pickles call, for a member of an enum."""
    return cls.__members__[name]


def made(cls: type, base: Any, content: Any) -> Any:
    """What pickles call, for an object that holds nothing yet but what cannot change."""
    if base is BaseException:
        return base.__new__(cls, *content)
    return base.__new__(cls) if content is None else base.__new__(cls, content)


def fill(value: Any, state: tuple[Any, dict[str, Any]]) -> None:
    """What pickles call, with an object that has nothing yet."""
    held, attributes = state
    _put_in(value, held)
    for name, found in attributes.items():
        if (slot := _slot(type(value), name)) is not None:
            slot.__set__(value, found)
        else:
            object.__getattribute__(value, "__dict__")[name] = found


def _content(base: Any, value: Any) -> Any:
    if base is BaseException:
        return tuple(value.args)
    if base is frozenset:
        return tuple(items_of(value))
    if base is tuple:
        return tuple(tuple.__iter__(value))
    return base.__new__(base, value) if base is not str else str.__str__(value)


def _mutable(cls: type) -> Any:
    return next((kind for kind in _MUTABLE if issubclass(cls, kind)), None)


def _held(value: Any) -> Any:
    """The items of a container that may change, and what else it is made of."""
    kind = _mutable(type(value))
    if kind is None:
        return None
    if issubclass(kind, dict):
        factory = value.default_factory if kind is collections.defaultdict else None
        return pairs_of(value), factory
    if kind is set:
        return items_of(value), None
    return [*kind.__iter__(value)], value.maxlen if kind is collections.deque else None


def _put_in(value: Any, held: Any) -> None:
    kind: Any = _mutable(type(value))
    if kind is None:
        return
    items, about = held
    if kind is collections.OrderedDict:  # which would ask the class to put each in
        for key, item in items:
            kind.__setitem__(value, key, item)
    elif kind is collections.defaultdict:
        kind.__init__(value, about, items)
    elif kind is collections.deque:
        kind.__init__(value, items, about)
    else:
        kind.__init__(value, items)


def _slot(cls: type, name: str) -> Any:
    members: Iterable[Any] = (vars(base).get(name) for base in cls.__mro__)
    return next((one for one in members if isinstance(one, types.MemberDescriptorType)), None)
