"""Functions that dynamo's bytecode makes, as those that a frame returns: constants of it hold their
code and their globals, which are the program's own in each process.
"""

import sys
import types
from dataclasses import dataclass
from typing import Any

from precompile_context.adapters.pytorch.precompile.digests import (
    UnportableError,
    code_digest,
    is_pinned_file,
    module_name,
    nested_codes,
)
from precompile_context.adapters.pytorch.precompile.named_functions import NamedFunctions
from precompile_context.adapters.pytorch.precompile.program import imported
from precompile_context.adapters.pytorch.precompile.saved_guards import DiffersError


@dataclass(frozen=True)
class Globals:
    """Stands for the globals of a module; "" is that of the frame's function."""

    module: str


@dataclass(frozen=True)
class Code:
    """Stands for the program's code of this digest."""

    name: str
    digest: str


def taken_out(
    code: types.CodeType, frame: types.CodeType, frame_globals: dict[str, Any]
) -> types.CodeType:
    """The bytecode, with what stands for the program's own code and globals.

    Raises:
        UnportableError: one of them is not found again.
    """
    constants = tuple(_stand_in(value, frame_globals) for value in code.co_consts)
    told = code.replace(co_consts=constants)
    try:
        put_in(told, frame, frame_globals)
    except DiffersError as error:
        raise UnportableError(str(error)) from error
    return told


def put_in(
    code: types.CodeType, frame: types.CodeType, frame_globals: dict[str, Any]
) -> types.CodeType:
    """The bytecode, with the code and the globals that are here.

    Raises:
        DiffersError: one of them is not found.
    """
    codes = [value for value in code.co_consts if isinstance(value, Code)]
    scopes = [value for value in code.co_consts if isinstance(value, Globals)]
    if not (codes or scopes):
        return code
    found: dict[Any, Any] = {
        scope: vars(imported(scope.module)) if scope.module else frame_globals for scope in scopes
    }
    known = {code_digest(nested): nested for nested in nested_codes(frame)}
    if any(value.digest not in known for value in codes):
        own = module_name(frame_globals.get("__name__"))
        known |= NamedFunctions(imported(scope.module or own) for scope in scopes).codes
    for value in codes:
        if value.digest not in known:
            raise DiffersError(f"the code of {value.name} cannot be found again by a name")
        found[value] = known[value.digest]
    constants = (
        found[value] if isinstance(value, Code | Globals) else value for value in code.co_consts
    )
    return code.replace(co_consts=tuple(constants))


def _stand_in(value: Any, frame_globals: dict[str, Any]) -> Any:
    if isinstance(value, types.CodeType) and not is_pinned_file(value.co_filename):
        return Code(value.co_qualname, code_digest(value))
    if type(value) is not dict or "__builtins__" not in value:
        return value
    if value is frame_globals:
        return Globals("")
    name = str(value.get("__name__"))
    if getattr(sys.modules.get(name), "__dict__", None) is not value:
        raise UnportableError(f"it makes a function of globals that are no module's, but of {name}")
    return Globals(module_name(name))
