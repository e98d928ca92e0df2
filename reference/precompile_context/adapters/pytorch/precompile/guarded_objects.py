"""An object of the program's in torch's pickle of guards: taken apart into what it holds, and put
together of that.

No code of the program's runs but what tells keys apart. What a class says of its pickling is what
it wants of other processes, and not what a trace has seen; and what it makes may be the object that
the program has, the only one of its class, into which nothing must be written.
"""

import collections
import contextlib
import copyreg
import enum
import types
from collections.abc import Callable, Iterable
from typing import Any

from precompile_context.adapters.pytorch.precompile.containers import items_of, pairs_of
from precompile_context.adapters.pytorch.precompile.digests import (
    UnportableError,
    is_pinned,
    type_name,
)
from precompile_context.adapters.pytorch.precompile.scope import is_of_torch
from precompile_context.adapters.pytorch.precompile.taking_apart import (
    attributes_of,
    has_native_state,
)

_IMMUTABLE = (int, float, complex, str, bytes, tuple, frozenset, BaseException)
# The first that a class is of: an ordered dict is a dict, too.
_QUEUE = collections.deque
_MUTABLE = (collections.OrderedDict, collections.defaultdict, dict, list, set, _QUEUE)
# Bases of C code, whose objects hold nothing but a dict.
_OTHER = (types.SimpleNamespace,)
# By which a class says how its objects are pickled and, where a base's pickle calls it, made.
_HOOKS = (
    *("__reduce_ex__", "__reduce__", "__getstate__", "__setstate__"),
    *("__getnewargs_ex__", "__getnewargs__", "__new__", "__init__"),
)


def reduce_object(value: Any) -> tuple[Any, ...] | None:
    """How a pickle has an object; None for one that is not the program's.

    Raises:
        UnportableError: its content is known to code in C, and its class says how it is pickled.
    """
    cls: Any = type(value)
    is_moved = cls is collections.OrderedDict and _order(value) is not None
    if not (is_moved or _is_programs(cls)) or issubclass(cls, type):
        return None
    if issubclass(cls, enum.Enum):
        name = object.__getattribute__(value, "_name_")
        return (member, (cls, name)) if cls.__members__.get(name) is value else None
    if says_itself(cls):
        raise UnportableError(f"class {type_name(cls)} says itself how its objects are made")
    if has_native_state(cls):
        return None
    base = _first(_IMMUTABLE, cls)
    content = None if base is None else _content(base, value)
    known = base or _first((*_MUTABLE, *_OTHER), cls) or object
    return made, (cls, known, content), (_held(value), attributes_of(value)), None, None, fill


def _is_programs(cls: type) -> bool:
    return not (is_pinned(cls.__module__) or is_of_torch(cls.__module__))


def _first(kinds: Iterable[Any], cls: type) -> Any:
    return next((kind for kind in kinds if issubclass(cls, kind)), None)


def says_itself(cls: type) -> bool:
    """Whether objects of a class of the program's hold what is known to code in C alone, and the
    class, or a function that is registered for it, says what pickles have of them.
    """
    if not (_is_programs(cls) and has_native_state(cls)):
        return False
    own = filter(_is_programs, cls.__mro__)
    return cls in copyreg.dispatch_table or any(
        name in vars(base) for base in own for name in _HOOKS
    )


def member(cls: Any, name: str) -> Any:
    """What pickles call, for a member of an enum."""
    members = cls.__members__ if issubclass(cls, enum.Enum) else {}
    return members[name] if name in members else _gone()


def made(cls: type, base: Any, content: Any) -> Any:
    """What pickles call, for an object that holds nothing yet but what cannot change."""
    try:
        if base is BaseException:
            return base.__new__(cls, *content)
        return base.__new__(cls) if content is None else base.__new__(cls, content)
    except TypeError:  # the class is not above this base any more
        return _gone()


def _gone() -> Any:
    from torch._dynamo.guards import _Missing

    return _Missing("its class is another")


def fill(value: Any, state: tuple[Any, dict[str, Any]]) -> None:
    """What pickles call, with an object that has nothing yet."""
    held, attributes = state
    _put_in(value, held)
    for name, found in attributes.items():
        if (slot := _slot(type(value), name)) is not None:
            slot.__set__(value, found)
        else:
            with contextlib.suppress(AttributeError):  # its class has slots alone, since
                object.__getattribute__(value, "__dict__")[name] = found


def _content(base: Any, value: Any) -> Any:
    """What an object is of a base of Python's, as that has it."""
    as_it_has_it: dict[Any, Callable[[Any], Any]] = {
        int: int.__int__,
        float: float.__float__,
        complex: complex.__pos__,
        str: str.__str__,
        bytes: lambda value: bytes.__getitem__(value, slice(None)),
        tuple: lambda value: tuple(tuple.__iter__(value)),
        frozenset: lambda value: tuple(items_of(value)),
        BaseException: vars(BaseException)["args"].__get__,
    }
    return as_it_has_it[base](value)


def _order(table: Any) -> list[Any] | None:
    """The keys of an ordered dict, where its order is another one than that of the dict below."""
    keys = [key for key, _ in pairs_of(table)]
    is_one = all(one is other for one, other in zip(keys, dict.keys(table), strict=True))
    return None if is_one else keys


def _held(value: Any) -> Any:
    """The items of a container that may change, and what else it is made of."""
    kind = _first(_MUTABLE, type(value))
    if kind is None:
        return None
    if kind is collections.OrderedDict:
        return [*dict.items(value)], _order(value)
    if kind is collections.defaultdict:
        return pairs_of(value), vars(kind)["default_factory"].__get__(value)
    if kind is dict:
        return pairs_of(value), None
    if kind is set:
        return items_of(value), None
    return [*kind.__iter__(value)], vars(kind)["maxlen"].__get__(value) if kind is _QUEUE else None


def _put_in(value: Any, held: Any) -> None:
    kind = _first(_MUTABLE, type(value))
    if kind is None or held is None:
        return
    items, about = held
    if kind is collections.OrderedDict:  # which would ask the class to put each in
        for key, item in items:
            kind.__setitem__(value, key, item)
        for key in about or ():
            kind.move_to_end(value, key)
    elif kind is collections.defaultdict:
        kind.__init__(value, about, items)
    elif kind is _QUEUE:
        kind.__init__(value, items, about)
    else:
        kind.__init__(value, items)


def _slot(cls: type, name: str) -> Any:
    members: Iterable[Any] = (vars(base).get(name) for base in cls.__mro__)
    return next((one for one in members if isinstance(one, types.MemberDescriptorType)), None)
