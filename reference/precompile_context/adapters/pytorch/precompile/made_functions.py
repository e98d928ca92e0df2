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

_NOT_FOUND = "the code of {} cannot be found again by a name"


@dataclass(frozen=True)
class Globals:
    """Stands for the globals of a module; "" is that of the frame's function."""

    module: str


@dataclass(frozen=True)
class Code:
    """Stands for code of this digest."""

    name: str
    digest: str


def taken_out(
    code: types.CodeType, frame: types.CodeType, frame_globals: dict[str, Any]
) -> types.CodeType:
    """The bytecode, with what stands for the code and the globals of functions that it makes.

    Raises:
        UnportableError: one of them is not found again.
    """
    constants = [_stand_in(value, frame_globals) for value in code.co_consts]
    made = [value for value in constants if isinstance(value, types.CodeType)]
    try:
        known = _known([code_digest(one) for one in made], constants, frame, frame_globals)
    except DiffersError as error:
        raise UnportableError(str(error)) from error
    for number, value in enumerate(constants):
        if isinstance(value, types.CodeType):
            if (digest := code_digest(value)) in known:
                constants[number] = Code(value.co_qualname, digest)
            elif not is_pinned_file(value.co_filename):
                raise UnportableError(_NOT_FOUND.format(value.co_qualname))
    return code.replace(co_consts=tuple(constants))


def put_in(
    code: types.CodeType, frame: types.CodeType, frame_globals: dict[str, Any]
) -> types.CodeType:
    """The bytecode, with the code and the globals that are here.

    Raises:
        DiffersError: one of them is not found.
    """
    constants = list(code.co_consts)
    made = [value.digest for value in constants if isinstance(value, Code)]
    known = _known(made, constants, frame, frame_globals)
    for number, value in enumerate(constants):
        if isinstance(value, Globals):
            constants[number] = vars(imported(value.module)) if value.module else frame_globals
        elif isinstance(value, Code):
            if value.digest not in known:
                raise DiffersError(_NOT_FOUND.format(value.name))
            constants[number] = known[value.digest]
    return code.replace(co_consts=tuple(constants))


def _known(
    made: list[str], constants: list[Any], frame: types.CodeType, frame_globals: dict[str, Any]
) -> dict[str, types.CodeType]:
    """Code by its digest: the frame's and, where that is not all, what the modules name of whose
    globals functions are made.
    """
    known = {code_digest(nested): nested for nested in nested_codes(frame)}
    if not known.keys() >= set(made):
        own = module_name(frame_globals.get("__name__"))
        modules = [value.module or own for value in constants if isinstance(value, Globals)]
        known |= NamedFunctions(imported(module) for module in modules).codes
    return known


def _stand_in(value: Any, frame_globals: dict[str, Any]) -> Any:
    if type(value) is not dict or "__builtins__" not in value:
        return value
    if value is frame_globals:
        return Globals("")
    name = str(value.get("__name__"))
    if getattr(sys.modules.get(name), "__dict__", None) is not value:
        raise UnportableError(f"it makes a function of globals that are no module's, but of {name}")
    return Globals(module_name(name))
