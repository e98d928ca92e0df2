"""Sets whose order is in a trace: by the hashes of strings and objects, it is another one in each
process, where torch takes it for what it was.
"""

import operator
import os
from collections.abc import Callable, Iterable
from typing import Any

from precompile_context.adapters.pytorch.precompile import unguarded
from precompile_context.adapters.pytorch.precompile.collecting import Collector
from precompile_context.adapters.pytorch.precompile.containers import is_hashed_alike
from precompile_context.adapters.pytorch.precompile.digests import (
    UnportableError,
    is_pinned_file,
)
from precompile_context.adapters.pytorch.precompile.key_order import bases
from precompile_context.session.patches import Patches

_UNTOLD = "the order of a set, which is another in each process,"
_IN_ORDER = (min, max, sum, list, tuple, enumerate, zip, iter, map, filter, dict)
_MOST_NESTED = 20
# What makes texts, of what containers hold, too.
_TEXTS = (str, repr, str.format, format, operator.mod)
_POLYFILLS = os.path.join("torch", "_dynamo", "polyfills", "")
# Of those, what makes sets of sets, compares them or looks for an item.
_OF_SETS = ("set_", "dict", "impl_")
# Where a set is gone through, and no order comes of it.
_orderless: Collector[list[None]] = Collector(list)


def watch(patches: Patches) -> None:
    """Begin to see which sets dynamo goes through."""
    from torch._dynamo.variables.builtin import BuiltinVariable
    from torch._dynamo.variables.constant import ConstantVariable
    from torch._dynamo.variables.lists import ListVariable
    from torch._dynamo.variables.sets import FrozensetVariable, SetVariable

    # Releases of torch have different methods in different classes.
    for name in ("tp_iter_impl", "unpack_var_sequence", "repr_impl", "tp_repr_impl"):
        for cls in _owners((SetVariable, FrozensetVariable), name):
            patches.wrap(cls, name, _go_through)
    for cls in _owners(
        (SetVariable, FrozensetVariable, ListVariable, ConstantVariable), "call_method"
    ):
        patches.wrap(cls, "call_method", _call)
    patches.wrap(BuiltinVariable, "call_function", _call_builtin)
    for name in ("call_sorted", "call_set", "call_frozenset"):
        patches.wrap(BuiltinVariable, name, _without_order)


def check_places(source: Any, get: Callable[[Any], Any]) -> None:
    """Raise UnportableError where a source leads to an object by its place in such a set: so torch
    guards what is in a set of the program's own class. `get` gives what stands at a source.
    """
    from torch._dynamo.source import NonSerializableSetGetItemSource

    for part in (source, *bases(source)):
        if isinstance(part, NonSerializableSetGetItemSource):
            items = get(part.base)
            if len(items) > 1 and not all(map(is_hashed_alike, items)):
                raise UnportableError(f"{_UNTOLD} is guarded")


def _owners(classes: Iterable[type], name: str) -> list[type]:
    """The classes that these have a method of, each once."""
    owners = ([base for base in cls.__mro__ if name in vars(base)] for cls in classes)
    return list(dict.fromkeys(found[0] for found in owners if found))


def _go_through(original: Callable[..., Any], variable: Any, tx: Any, *args: Any) -> Any:
    _note(variable, tx)
    return original(variable, tx, *args)


def _call(
    original: Callable[..., Any],
    variable: Any,
    tx: Any,
    name: str,
    args: Any,
    *rest: Any,
    **kwargs: Any,
) -> Any:
    if name == "pop":
        _note(variable, tx)
    elif name in ("extend", "join"):
        for argument in args:
            _note(argument, tx)
    elif name in ("format", "format_map", "__mod__"):
        for argument in (*args, *kwargs.values(), *_named(rest)):
            _note_within(argument, tx)
    return original(variable, tx, name, args, *rest, **kwargs)


def _call_builtin(
    original: Callable[..., Any], builtin: Any, tx: Any, args: Any, kwargs: Any
) -> Any:
    # Of constants alone, Python computes it.
    if builtin.fn in _TEXTS:
        for argument in (*args, *kwargs.values()):
            _note_within(argument, tx)
    elif builtin.fn in _IN_ORDER:
        for argument in args:
            _note(argument, tx)
    return original(builtin, tx, args, kwargs)


def _without_order(
    original: Callable[..., Any], builtin: Any, tx: Any, *args: Any, **kwargs: Any
) -> Any:
    if "key" in kwargs:  # those that it takes for equal stay in their order
        return original(builtin, tx, *args, **kwargs)
    with _orderless.collecting():
        return original(builtin, tx, *args, **kwargs)


def _named(rest: tuple[Any, ...]) -> list[Any]:
    """The arguments that a method is given by name."""
    return [value for given in rest if isinstance(given, dict) for value in given.values()]


def _note_within(variable: Any, tx: Any, depth: int = 0) -> None:
    from torch._dynamo.variables.dicts import ConstDictVariable
    from torch._dynamo.variables.lists import BaseListVariable
    from torch._dynamo.variables.sets import FrozensetVariable, SetVariable

    variable = variable.realize()
    if isinstance(variable, SetVariable | FrozensetVariable):
        _note(variable, tx)
    elif depth > _MOST_NESTED:
        unguarded.untold(_UNTOLD)
    elif isinstance(variable, BaseListVariable):
        for item in variable.items:
            _note_within(item, tx, depth + 1)
    elif isinstance(variable, ConstDictVariable):
        for item in variable.items.values():
            _note_within(item, tx, depth + 1)


def _note(variable: Any, tx: Any) -> None:
    from torch._dynamo.variables.sets import FrozensetVariable, OrderedSetVariable, SetVariable

    if not isinstance(variable, SetVariable | FrozensetVariable):
        return
    if isinstance(variable, OrderedSetVariable) or _orderless.notes is not None:
        return
    if _is_for_program(tx):
        items = list(variable.items)
        if len(items) > 1 and not all(map(_is_same_everywhere, items)):
            unguarded.untold(_UNTOLD)


def _is_for_program(tx: Any) -> bool:
    """Whether the program gets to see the order. Some of Python's builtins are traced in functions
    of torch's, and so are the methods of sets, which make others of them.
    """
    while tx is not None and _POLYFILLS in tx.f_code.co_filename:
        if tx.f_code.co_name.startswith(_OF_SETS):
            return False
        tx = getattr(tx, "parent", None)
    return tx is not None and not is_pinned_file(tx.f_code.co_filename)


def _is_same_everywhere(item: Any) -> bool:
    try:
        value = getattr(item, "vt", item).as_python_constant()
    except Exception:  # an object that is made within the frame
        return False
    return is_hashed_alike(value)
