"""What guarded objects hold by name: their attributes; and in their order, the keys of a dict and
the numbers of a set.

torch guards what code found in an object. What it looked for in vain, and the order in which it
went through all, is part of the trace and not guarded; so is what a date or a decimal number is,
which holds nothing by name, and whether a number that is guarded by equality is 1, 1.0 or True.
"""

import datetime
import decimal
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from precompile_context.adapters.pytorch.precompile.containers import (
    is_hashed_alike,
    items_of,
    pairs_of,
)
from precompile_context.adapters.pytorch.precompile.digests import (
    UnportableError,
    canonical,
    is_pinned,
    short_digest,
    type_name,
)
from precompile_context.adapters.pytorch.precompile.identity import (
    BUILTINS,
    identity,
    torch_constant,
)
from precompile_context.adapters.pytorch.precompile.key_order import bases

# Of which other words tell what they are.
_TOLD_APART = (type, types.ModuleType, types.FunctionType, types.MethodType, types.CodeType)
_MAPPINGS = (dict, types.MappingProxyType)
# Compared by code in C, which dynamo runs.
_VALUES = (
    *(decimal.Decimal, datetime.date, datetime.time, datetime.timedelta, datetime.tzinfo),
    bytearray,
)
_CONSTANTS = (int, float, complex, str, bytes)
_BY_EQUALITY = frozenset(("CONSTANT_MATCH", "EQUALS_MATCH"))
# What dynamo puts on objects, some when it first meets them.
_OF_DYNAMO = ("_dynamo_", "_torchdynamo", "__dynamo_")
# What `mark_dynamic(…, max=8)` puts on a tensor: before 2.15, torch guards that the size may vary,
# and not how far.
_BOUNDS = "_dynamo_dynamic_range"


def of_guarded(guards: Iterable[Any], get: Callable[[Any], Any]) -> dict[str, str]:
    """By the name of its source, a digest of what each object holds that guards look at; those that
    hold nothing are left out. `get` gives what stands at a source.
    """
    sources, compared = {}, set()
    for guard in guards:
        sources[guard.originating_source.name] = guard.originating_source
        if guard.create_fn_name() in _BY_EQUALITY:
            compared.add(guard.originating_source.name)
    held = {}
    for name, source in sources.items():
        try:
            value = get(source)
        except Exception:  # of a guard without an object, or one that is not there
            continue
        words = [_constant(value)] if name in compared else list(_words(value))
        if any(words) and not _is_of_python(source, get):
            held[name] = short_digest("\n".join(words))
    return held


def differing(found: Mapping[str, str], was: Mapping[str, str]) -> str | None:
    """The name of an object that holds something else."""
    return next((name for name in {**was, **found} if found.get(name) != was.get(name)), None)


def _is_of_python(source: Any, get: Callable[[Any], Any]) -> bool:
    """Whether a module of Python's or torch's holds it, as the table of all modules: that grows in
    its own way.
    """
    found = map(get, bases(source))
    return any(isinstance(base, types.ModuleType) and is_pinned(base.__name__) for base in found)


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, (*_TOLD_APART, *BUILTINS)):
        return
    if (constant := torch_constant(value)) is not None:
        yield constant
    if _is_torchs(value):
        return
    if isinstance(value, _VALUES):
        yield f"{type_name(type(value))} {value!r}"
    for kind in _CONSTANTS:
        if isinstance(value, kind) and type(value) not in (kind, bool):
            yield kind.__repr__(value)  # of a class of the program's
    if isinstance(value, _MAPPINGS):
        keys = [key for key, _ in pairs_of(value)]
        if "__builtins__" not in keys:  # the globals of a module
            yield from map(_key, keys)
    items = items_of(value) if isinstance(value, set | frozenset) else []
    if all(map(is_hashed_alike, items)):
        yield from map(canonical, items)
    try:
        attributes = object.__getattribute__(value, "__dict__")
    except Exception:  # the program's own, if it has one
        attributes = {}
    yield from (f".{name}" for name in attributes if not str(name).startswith(_OF_DYNAMO))
    bounded = (one for one in attributes.get(_BOUNDS, ()) if (one.min, one.max) != (None, None))
    yield from sorted(f"size {one.dim} within {one.min} {one.max}" for one in bounded)
    for cls in type(value).__mro__:
        if not is_pinned(cls.__module__):
            yield from (f".{name}" for name in _slots(cls) if _has(cls, value, name))


def _is_torchs(value: Any) -> bool:
    """Whether torch gives it attributes as it goes: an operator, say."""
    import torch

    is_of_torch = type(value).__module__.partition(".")[0] == "torch"
    return is_of_torch and not isinstance(value, torch.nn.Module | torch.Tensor)


def _slots(cls: type) -> Iterator[str]:
    for name, member in vars(cls).items():
        if isinstance(member, types.MemberDescriptorType):
            yield name


def _has(cls: type, value: Any, slot: str) -> bool:
    try:
        vars(cls)[slot].__get__(value, cls)
    except AttributeError:
        return False
    return True


def _key(key: Any) -> str:
    if type(key) is str:
        return f"str {key}"
    try:
        return identity(key)
    except UnportableError:
        return f"a {type_name(type(key))}"  # whose own words are another matter


def _constant(value: Any) -> str:
    try:
        return canonical(value)
    except UnportableError:
        return ""
