"""Sees which names traced code looks for in modules: torch guards what is there, and not what is
not. A name that a module lacks is looked for among the builtins, or answered with False.
"""

import sys
import types
from collections.abc import Callable, Mapping
from typing import Any

from precompile_context.adapters.pytorch.precompile.asked import tracing
from precompile_context.adapters.pytorch.precompile.digests import is_pinned_file, module_name
from precompile_context.session.patches import Patches


def watch(patches: Patches) -> None:
    """Begin to see which names dynamo looks for."""
    from torch._dynamo.symbolic_convert import InstructionTranslatorBase
    from torch._dynamo.variables.misc import PythonModuleVariable

    patches.wrap(InstructionTranslatorBase, "load_builtin_from_argval", _load_builtin)
    for name in ("call_obj_hasattr", "var_getattr", "tp_getattro_impl"):
        if name in vars(PythonModuleVariable):  # torch 2.13 has others than 2.14
            patches.wrap(PythonModuleVariable, name, _get_attribute)


def _load_builtin(original: Callable[..., Any], tx: Any, name: Any) -> Any:
    _note(tx.f_globals, tx, name)
    return original(tx, name)


def _get_attribute(original: Callable[..., Any], variable: Any, tx: Any, name: Any) -> Any:
    _note(vars(variable.value), tx, name)
    return original(variable, tx, name)


def _note(names: Mapping[str, Any], tx: Any, name: Any) -> None:
    if tracing.notes is None or is_pinned_file(tx.f_code.co_filename):
        return
    module = names.get("__name__")
    found = sys.modules.get(module) if isinstance(module, str) else None
    if isinstance(found, types.ModuleType) and vars(found) is names and isinstance(name, str):
        tracing.notes.names.add((module_name(found.__name__), name))
