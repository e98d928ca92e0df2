"""What objects consist of, without running code of theirs."""

import collections
import contextlib
import functools
import types
import typing
from typing import Any

from precompile_context.adapters.pytorch.precompile.digests import (
    is_pinned_file,
    module_name,
    type_name,
)

# The modules of classes whose objects stand for types.
OF_ANNOTATIONS = ("typing", "types", "collections.abc")
# What those have that a module names: type variables, new types, aliases; and a text of a type.
_ABOUT = (
    *("__bound__", "__constraints__", "__covariant__", "__contravariant__"),
    *("__supertype__", "__value__", "__forward_arg__"),
)
_OPTIMIZED_MODULE = "torch._dynamo.eval_frame.OptimizedModule"
_HEAP_TYPE = 1 << 9
_POINTER = object.__basicsize__ // 2
# Errors of this size hold their arguments alone.
_ERROR = BaseException.__basicsize__
# Native classes the content of which is told otherwise.
_TOLD = frozenset(
    (
        *(object, int, float, complex, str, bytes, tuple, list, dict, set, frozenset),
        *(collections.deque, collections.OrderedDict, collections.defaultdict),
        *(types.SimpleNamespace, BaseException, Exception),
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


def behind_compile(value: Any) -> Any:
    """What torch.compile or torch.compiler.disable was given, where a value is what they made of
    it; None for others. What they keep beside it changes with each compile, and says nothing of it.
    """
    if isinstance(value, types.FunctionType):
        is_torchs = is_pinned_file(value.__code__.co_filename)
        return vars(value).get("_torchdynamo_orig_callable") if is_torchs else None
    if any(type_name(cls) == _OPTIMIZED_MODULE for cls in type(value).__mro__[:-1]):
        return vars(value)["_modules"].get("_orig_mod")
    return None


def behind_annotation(value: Any) -> tuple[str, tuple[Any, ...]] | None:
    """What an object of typing is called, and what it is made of or stands for; None for others."""
    kind = type(value)
    if kind.__module__ not in OF_ANNOTATIONS or kind is types.SimpleNamespace:
        return None
    if origin := typing.get_origin(value):
        # The parameters of a Callable are a list.
        args = (tuple(a) if type(a) is list else a for a in typing.get_args(value))
        star = "*" if getattr(value, "__unpacked__", False) else ""
        return f"{star}{type_name(kind)} of", (origin, *args)
    about = [getattr(value, attribute) for attribute in _ABOUT if hasattr(value, attribute)]
    has_default = getattr(value, "has_default", None)
    if callable(has_default) and has_default():
        about.append(getattr(value, "__default__"))  # noqa: B009
    name = getattr(value, "__name__", "")
    if not (name or about):
        return None
    return f"{type_name(kind)} {module_name(getattr(value, '__module__', ''))}.{name}", (*about,)


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


def holds_nothing(value: Any) -> bool:
    """Whether an object is only one of its class: it has no attributes, items or numbers."""
    kind = type(value)
    is_plain = _TOLD.isdisjoint(kind.__mro__[:-1]) and not has_native_state(kind)
    return is_plain and not attributes_of(value)


def has_native_state(cls: type) -> bool:
    """Whether objects of a class hold more than a dict, slots and what they are as containers."""
    return any(
        base not in _TOLD
        and not (is_made_by_code(base) and _own_bytes(base) <= 0)
        and not (issubclass(base, BaseException) and base.__basicsize__ == _ERROR)
        for base in cls.__mro__
    )


def is_made_by_code(cls: type) -> bool:
    """Whether a class is none of the interpreter's own, some of which have names of no module."""
    return bool(cls.__flags__ & _HEAP_TYPE)


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
