"""Texts that Python makes of objects for dynamo, which takes them for constant.

What code of the object's ran for one, and what that read, nobody sees; an address in one is another
in each process.
"""

import re
import types
from collections.abc import Callable
from typing import Any

from precompile_context.adapters.pytorch.precompile import unguarded
from precompile_context.adapters.pytorch.precompile.digests import (
    is_pinned,
    is_pinned_file,
    type_name,
)
from precompile_context.session.patches import Patches

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def watch(patches: Patches) -> None:
    """Begin to see which texts dynamo has made."""
    from torch._dynamo.variables.builtin import BuiltinVariable

    for name in ("call_str", "call_repr"):
        patches.wrap(BuiltinVariable, name, _text)
    patches.wrap(BuiltinVariable, "call_dir", _dir)
    patches.wrap(BuiltinVariable, "call_getitem", _item)


def _text(original: Callable[..., Any], builtin: Any, tx: Any, variable: Any) -> Any:
    made = original(builtin, tx, variable)
    text = None if made is None else vars(made).get("value")
    if text is None or is_pinned_file(tx.f_code.co_filename):
        return made  # no constant, or none that the program sees
    if _ADDRESS.search(str(text)):
        unguarded.untold("a text with the address of an object, which is another in each process,")
    elif builtin.fn is str and (cls := _class_whose_code_ran(variable)) is not None:
        unguarded.untold(f"the text that str() makes of a {type_name(cls)}")
    return made


def _dir(original: Callable[..., Any], builtin: Any, tx: Any, variable: Any) -> Any:
    found = original(builtin, tx, variable)
    if found is not None and not is_pinned_file(tx.f_code.co_filename):
        unguarded.untold("what dir() lists")
    return found


def _item(
    original: Callable[..., Any], builtin: Any, tx: Any, variable: Any, *args: Any, **kwargs: Any
) -> Any:
    cls = vars(variable).get("value")
    if isinstance(cls, type) and not is_pinned_file(tx.f_code.co_filename):
        methods = getattr(cls, "__class_getitem__", None), getattr(type(cls), "__getitem__", None)
        if any(map(_is_of_program, methods)):
            unguarded.untold(f"what {type_name(cls)}[...] gives")
    return original(builtin, tx, variable, *args, **kwargs)


def _is_of_program(method: Any) -> bool:
    function = getattr(method, "__func__", method)
    return isinstance(function, types.FunctionType) and not is_pinned_file(
        function.__code__.co_filename
    )


def _class_whose_code_ran(variable: Any) -> type | None:
    """Of an object without a `__str__`, the class whose `__repr__` Python calls."""
    value = vars(variable).get("value")
    if value is None or (isinstance(value, type) and is_pinned(type(value).__module__)):
        return None
    texts: Any = vars(object)
    cls: Any = type(value)
    is_pythons = cls.__str__ is texts["__str__"] and cls.__repr__ is not texts["__repr__"]
    return cls if is_pythons else None
