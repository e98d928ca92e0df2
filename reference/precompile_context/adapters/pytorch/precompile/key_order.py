"""The order of a dict's keys, where torch guards it in an object that pickles name.

Where a guard is loaded, such a dict is the one that the program has there, and torch would
take the order of its keys for the one that was meant. So the keys travel in words, in their
order, and so does the shape of what holds the dict: what is there now must be the same.
Guards on these objects are then built of what is there.
"""

import collections
import functools
import types
from collections.abc import Callable, Collection, Iterator
from typing import Any

from precompile_context.adapters.pytorch.precompile.containers import pairs_of
from precompile_context.adapters.pytorch.precompile.digests import UnportableError, type_name
from precompile_context.adapters.pytorch.precompile.guarded_constants import OF_SYS
from precompile_context.adapters.pytorch.precompile.identity import found, identity
from precompile_context.adapters.pytorch.precompile.saved_guards import DiffersError

# Objects that a pickle names and does not hold: unpickled, they are those of the process, and
# so is all that they hold.
BY_NAME = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, *OF_SYS)
_MAPPINGS = (dict, types.MappingProxyType)
_SEQUENCES = (list, tuple, collections.deque)
# Guards of what `shape` tells, and of what they carry with them; they compare nothing else.
_OF_SHAPE = frozenset(
    (
        "TYPE_MATCH",
        "HASATTR",
        "SEQUENCE_LENGTH",
        "DICT_KEYS_MATCH",
        "MAPPING_KEYS_CHECK",
        "DICT_CONTAINS",
        "DICT_NOT_CONTAINS",
        "EMPTY_NN_MODULE_HOOKS_DICT",
        "NOT_PRESENT_IN_GENERIC_DICT",
        "DUPLICATE_INPUT",
    )
)
# Guards that compare the keys of a dict, and those that look for one.
_OF_KEYS = frozenset(("DICT_KEYS_MATCH", "MAPPING_KEYS_CHECK"))
_OF_ALL_KEYS = _OF_KEYS | {"SEQUENCE_LENGTH"}
OF_A_KEY = frozenset(("DICT_CONTAINS", "DICT_NOT_CONTAINS", "SET_CONTAINS", "SET_NOT_CONTAINS"))


def bases(source: Any) -> Iterator[Any]:
    """The sources of the objects that a source's object is part of, the nearest first."""
    while (source := getattr(source, "base", None)) is not None:
        yield source


def is_named(source: Any, get: Callable[[Any], Any]) -> bool:
    """Whether what a source names is part of an object that pickles name, and do not hold, or of
    one that guards take from the process: a mode that is active.
    """
    from torch._dynamo.source import TorchFunctionModeStackSource

    return any(
        isinstance(base, TorchFunctionModeStackSource) or isinstance(get(base), BY_NAME)
        for base in bases(source)
    )


def ordered(sources: Collection[Any], get: Callable[[Any], Any]) -> dict[Any, str]:
    """By source, the shapes of dicts whose order is guarded and that are named, and of what
    holds them.

    Raises:
        UnportableError: keys have no words.
    """
    shapes = {}
    for source in sources:
        if is_named(source, get):
            for part in (source, *bases(source)):
                if isinstance(get(part), BY_NAME):
                    break
                shapes[part] = shape(part.name, get(part))
    return shapes


def shape(name: str, value: Any) -> str:
    """An object's class and, in their order, a dict's keys; the length of a sequence.

    Raises:
        UnportableError: keys have no words.
    """
    try:
        parts = [identity(type(value))]
        if isinstance(value, _MAPPINGS):
            parts += (identity(key) for key, _ in pairs_of(value))
        elif isinstance(value, _SEQUENCES):
            parts.append(str(len(value)))
    except UnportableError as error:
        raise UnportableError(f"{name}: the order of its keys is guarded: {error}") from error
    return ", ".join(parts)


def check_keys(name: str, kind: str, value: Any, create: Any) -> None:
    """Raise UnportableError where a guard compares with an object that is equal to itself alone,
    and that no name leads to: what is unpickled in its place is equal to nothing; and where one
    counts what each process has otherwise.
    """
    if isinstance(value, dict) and "__builtins__" in value and kind in _OF_ALL_KEYS:
        raise UnportableError(
            f"{name} holds the globals of a module, to which torch adds a name with each compile"
        )
    if kind in _OF_KEYS:
        compared = dict.keys(value) if isinstance(value, dict) else value
    elif kind in OF_A_KEY:
        compared = [create.keywords["key"]]
    elif kind == "EQUALS_MATCH":
        compared = [value]
    else:
        return
    if (alone := next(filter(None, map(_alone, compared)), None)) is not None:
        raise UnportableError(f"{name} is compared with one object of {alone} among others")


def _alone(value: Any) -> str | None:
    """The type of an object that is equal to itself alone, or of one within a tuple or a set, where
    no name leads to it.
    """
    from torch._dynamo.utils import key_is_id

    kind = type(value)
    if kind in (tuple, list, set, frozenset):
        return next(filter(None, map(_alone, value)), None)
    if isinstance(value, types.FunctionType):
        return None if found(value) is value else type_name(kind)
    if isinstance(value, types.MethodType):
        return _alone(value.__func__) or _alone(value.__self__)
    if not (key_is_id(value) or vars(object)["__eq__"] is kind.__eq__):
        return None
    try:
        identity(value)
    except UnportableError:
        return type_name(kind)
    return type_name(kind) if isinstance(value, functools.partial) else None


def check_kind(name: str, kind: str) -> None:
    """Raise UnportableError where a guard of this kind compares more than a shape."""
    if kind not in _OF_SHAPE:
        raise UnportableError(f"{name}: the order of its keys is guarded, and so is {kind}")


def check_shapes(shapes: dict[Any, str], get: Callable[[Any], Any]) -> None:
    """Raise DiffersError where an object has another shape than it had."""
    for source, was in shapes.items():
        try:
            found = shape(source.name, get(source))
        except UnportableError as error:
            raise DiffersError(str(error)) from error
        except Exception as error:  # the program's objects, asked for what they may not have
            raise DiffersError(f"{source.name} is not there: {error}") from error
        if found != was:
            raise DiffersError(f"the keys of {source.name} are {found}, and were {was}")
