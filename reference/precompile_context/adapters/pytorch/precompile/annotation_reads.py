"""Functions whose annotations traced code reads: dynamo takes these for constant, without a guard
before torch 2.15, and guards what it knows a way to.
"""

import types
from collections.abc import Callable
from typing import Any

from precompile_context.adapters.pytorch.precompile.collecting import Collector
from precompile_context.adapters.pytorch.precompile.digests import functions_of, is_pinned_file
from precompile_context.session.patches import Patches

# By its id, each function of the program that dynamo asks for them.
reads: Collector[dict[int, types.FunctionType]] = Collector(dict)


def watch(patches: Patches) -> None:
    """Begin to see what dynamo asks functions for, where this release of torch does it."""
    from torch._dynamo.variables import functions

    for name in ("fn_var_getattr", "fn_getattro_impl"):  # torch 2.13, 2.14
        if hasattr(functions, name):
            patches.wrap(functions, name, _get_attribute)
            return
    patches.wrap(functions.UserFunctionVariable, "read_func_slot", _read_slot)


def _get_attribute(
    original: Callable[..., Any], tx: Any, function: Any, source: Any, name: str
) -> Any:
    _note(function, name)
    return original(tx, function, source, name)


def _read_slot(original: Callable[..., Any], variable: Any, tx: Any, name: str) -> Any:
    _note(variable.fn, name)
    return original(variable, tx, name)


def _note(function: Any, name: str) -> None:
    if name == "__annotations__" and reads.notes is not None:
        asked = [function] if isinstance(function, types.FunctionType) else functions_of(function)
        reads.notes |= {
            id(item): item
            for item in asked
            if isinstance(item, types.FunctionType)
            and not is_pinned_file(item.__code__.co_filename)
        }
