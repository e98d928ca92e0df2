"""Modules and classes of the program, by name: nothing is imported on its behalf."""

import importlib
import sys
import types
from typing import Any

from precompile_context.adapters.pytorch.precompile.digests import is_pinned, module_name
from precompile_context.adapters.pytorch.precompile.saved_guards import DiffersError


def imported(name: str) -> types.ModuleType:
    """A module that the program has imported; torch's and Python's own are imported here.

    Raises:
        DiffersError: it has not.
    """
    name = module_name(name)
    if name not in sys.modules and is_own(name):
        importlib.import_module(name)
    if (module := sys.modules.get(name)) is None:
        raise DiffersError(f"module {name} is not imported here: import it before the call")
    return module


def is_own(name: str) -> bool:
    """Whether a module that is not imported yet may be: it is torch's, Python's or ours."""
    top = name.partition(".")[0]
    return is_pinned(name) or top in sys.stdlib_module_names or top == "precompile_context"


def find_class(module: str, qualified_name: str) -> type:
    """A class that the program has defined.

    Raises:
        DiffersError: it has not.
    """
    found: Any = imported(module)
    for part in qualified_name.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, type):
        raise DiffersError(f"there is no class {module}.{qualified_name}")
    return found
