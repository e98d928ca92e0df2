"""The fields that an artifact class adds: which types can travel, and whether a value is of its."""

import dataclasses
import typing
from types import UnionType
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin
from weakref import WeakKeyDictionary

_TRAVEL = frozenset({bytes, str, int, float, bool})
_BY_NAME = {cls.__name__: cls for cls in _TRAVEL}

# What a field may hold: some of those types. None where its annotation does not say.
Types = frozenset[type] | None

# Classes may be made on the fly: none is kept for the sake of this.
_known: WeakKeyDictionary[type, dict[str, Types]] = WeakKeyDictionary()


def declared_fault(cls: type) -> str | None:
    """Why a field of the artifact class cannot travel, by its annotation; None where all may."""
    for name, types in types_of(cls).items():
        if types is not None and not types:
            return f"field {name!r}: bytes, str, int, float and bool can travel, and nothing else"
    return None


def value_fault(types: Types, value: object) -> str | None:
    """Why the value is none of a field that may hold these types; None where it is one."""
    if types and type(value) not in types and not any(_is_of(value, each) for each in types):
        wanted = " or ".join(sorted(each.__name__ for each in types))
        return f"it is declared {wanted}, and this is {type(value).__name__}"
    return None


def _is_of(value: object, declared: type) -> bool:
    """As type checkers have it: a bool is an int, and an int goes for a float."""
    return isinstance(value, declared) or (declared is float and isinstance(value, int))


def types_of(cls: type) -> dict[str, Types]:
    """Of each further field the types that it may hold; asked for once a class."""
    types = _known.get(cls)
    if types is None:
        types = _known[cls] = _read_types(cls)
    return types


def _read_types(cls: type) -> dict[str, Types]:
    assert dataclasses.is_dataclass(cls)
    own = [f for f in dataclasses.fields(cls) if f.name not in ("key", "content")]
    try:
        hints = typing.get_type_hints(cls)
    except Exception:  # a name that only a type checker can see, of another field perhaps
        hints = {}
    return {f.name: _types(hints.get(f.name, f.type)) for f in own}


def _types(annotation: Any) -> Types:
    if annotation in _TRAVEL:
        return frozenset([annotation])
    if isinstance(annotation, str):  # could not be resolved
        known = _BY_NAME.get(annotation)
        return None if known is None else frozenset([known])
    if annotation is Any or isinstance(annotation, typing.TypeVar):
        return None
    if isinstance(annotation, NewType):
        return _types(annotation.__supertype__)
    origin = get_origin(annotation)
    if origin is Annotated:
        return _types(get_args(annotation)[0])
    if origin is Literal:
        return frozenset(map(type, get_args(annotation))) & _TRAVEL
    if origin in (Union, UnionType):
        parts = [_types(part) for part in get_args(annotation)]
        if frozenset() in parts:
            return frozenset()  # None, say, cannot travel
        known_parts = [part for part in parts if part is not None]
        return frozenset().union(*known_parts) if len(known_parts) == len(parts) else None
    return frozenset()
