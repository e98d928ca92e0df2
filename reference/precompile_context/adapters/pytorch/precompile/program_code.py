"""The program's own code among all that Python ran, and the modules in which code is found."""

import functools
import hashlib
import importlib.machinery
import logging
import os
import sys
import types
import warnings
from collections.abc import Iterable

import precompile_context
from precompile_context.adapters.pytorch.precompile.digests import (
    UnportableError,
    code_digest,
    is_pinned,
    is_pinned_file,
    module_name,
)
from precompile_context.adapters.pytorch.precompile.living_functions import functions_alive
from precompile_context.adapters.pytorch.precompile.named_functions import NamedFunctions
from precompile_context.adapters.pytorch.precompile.observed import Calls
from precompile_context.adapters.pytorch.precompile.scope import is_of_torch

_OUR_OWN = os.path.dirname(precompile_context.__file__) + os.sep
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_OPTIMIZED = 0x1  # what only functions are
_SERVICES = (logging.__file__, warnings.__file__)


def of_program(calls: Calls) -> tuple[list[types.CodeType], set[str]]:
    """Code of the program's functions that ran, and the packages that torch compiles with."""
    from torch._inductor.runtime.cache_dir_utils import cache_dir

    made_by_torch = ("<eval_with_key>", cache_dir() + os.sep)  # graphs and kernels
    program: list[types.CodeType] = []
    without_file: list[types.CodeType] = []
    packages = set()
    for code in _not_of_services(calls):
        file = code.co_filename
        if is_pinned_file(file) or file.startswith((_OUR_OWN, *made_by_torch)):
            continue
        if is_of_torch(package := _installed_package(file)):
            packages.add(package)
        elif code.co_flags & _OPTIMIZED:
            (without_file if file.startswith("<") else program).append(code)
    return [*program, *_made_by_program(without_file, calls)], packages


def _not_of_services(calls: Calls) -> list[types.CodeType]:
    """What was called otherwise than by an import, to write a log or a warning, or by a search
    through all modules.
    """
    lazy, apart = _ids_of_lazy_modules() if calls else set(), set[int]()
    while True:
        new = {
            key
            for key, (_, callers) in calls.items()
            if key not in apart
            and callers
            and all(_is_service(apart, one) or (key in lazy and _pickles(one)) for one in callers)
        }
        if not new:
            return [code for key, (code, _) in calls.items() if key not in apart]
        apart |= new


def _ids_of_lazy_modules() -> set[int]:
    """The ids of modules' `__getattr__`. A pickler of torch's asks every module there is for an
    object's name, to see whether it is that very object.
    """
    functions = (vars(module).get("__getattr__") for module in _modules())
    return {id(f.__code__) for f in functions if isinstance(f, types.FunctionType)}


def _modules() -> list[types.ModuleType]:
    return [module for module in list(sys.modules.values()) if type(module) is types.ModuleType]


def _pickles(code: types.CodeType) -> bool:
    return code.co_qualname.endswith("Pickler.dumps") and is_pinned_file(code.co_filename)


def _is_service(apart: set[int], code: types.CodeType) -> bool:
    if id(code) in apart or not code.co_flags & _OPTIMIZED:
        return True
    return code.co_filename.startswith("<frozen importlib") or code.co_filename in _SERVICES


def _installed_package(file: str) -> str:
    """The top name of an installed file's module; "" for others."""
    for place in _INSTALLED:
        if place in file:
            return file.rpartition(place)[2].partition(os.sep)[0].removesuffix(".py")
    return ""


def _made_by_program(codes: list[types.CodeType], calls: Calls) -> list[types.CodeType]:
    """Code from no file, as that of dataclasses, whose functions are the program's own.

    Where no function of it is left, what it did is told by what made and called it.
    """
    alive = functions_alive([code for code in codes if id(code) not in _known])
    unnamed = []
    for code in codes:
        if id(code) not in _known and (functions := alive[id(code)]):
            if any(modules := list(map(module_of, functions))):
                _known[id(code)] = code, any(map(_is_of_program, modules))
            else:
                unnamed.append(code)
    known = [code for code in codes if id(code) in _known and _known[id(code)][1]]
    return [*known, *_unnamed(unnamed, alive, calls)]


# By the id of a code, which is kept: whether its functions are of modules of the program.
_known: dict[int, tuple[types.CodeType, bool]] = {}


def _unnamed(
    codes: list[types.CodeType], alive: dict[int, list[types.FunctionType]], calls: Calls
) -> list[types.CodeType]:
    """Code that `exec` made in globals of no name, where a module of the program's has it,
    or its code calls it; torch makes such code, too.
    """
    found = {id(code): code for code in codes if any(map(_modules_with, alive[id(code)]))}
    while new := [
        code
        for code in codes
        if id(code) not in found
        and any(id(caller) in found or _is_in_program(caller) for caller in calls[id(code)][1])
    ]:
        found |= {id(code): code for code in new}
    return list(found.values())


def _modules_with(function: types.FunctionType) -> list[str]:
    """The modules of the program that have a function under some name."""
    names = [name for name, module in list(sys.modules.items()) if type(module) is types.ModuleType]
    return [
        name
        for name in names
        if _is_of_program(name) and any(f is function for f in vars(sys.modules[name]).values())
    ]


def _is_in_program(code: types.CodeType) -> bool:
    file = code.co_filename
    apart = is_pinned_file(file) or file.startswith(("<", _OUR_OWN))
    return not (apart or is_of_torch(_installed_package(file)))


def _is_of_program(module: str) -> bool:
    is_ours = module.partition(".")[0] == "precompile_context"
    return module in sys.modules and not (is_pinned(module) or is_of_torch(module) or is_ours)


def module_of(function: types.FunctionType) -> str:
    """The name of the module whose globals a function has, or that it says; "" without one."""
    return str(function.__globals__.get("__name__") or function.__module__ or "")


class Modules:
    """The modules in which code is found by looking through what they hold."""

    def __init__(self) -> None:
        self._named: dict[str, NamedFunctions] = {}

    def of(self, code: types.CodeType) -> str:
        """The module of a function's code.

        Raises:
            UnportableError: there is none.
        """
        digest = code_digest(code)
        if code.co_filename.startswith("<"):
            functions = functions_alive([code])[id(code)]
            names = [name for name in map(module_of, functions) if name]
            names = names or [name for function in functions for name in _modules_with(function)]
        else:
            names = self._by_file.get(os.path.abspath(code.co_filename), [])
        for name in names:
            if name in sys.modules and self._of(name).holds(digest):
                return module_name(name)
        raise UnportableError(f"the code of {code.co_qualname} cannot be found again by a name")

    @functools.cached_property
    def _by_file(self) -> dict[str, list[str]]:
        """Of thousands of modules; most compiles need none, for guards tell all that was traced."""
        found: dict[str, list[str]] = {}
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if isinstance(file, str) and not is_pinned(name):
                found.setdefault(os.path.abspath(file), []).append(name)
        return found

    def _of(self, name: str) -> NamedFunctions:
        if name not in self._named:
            self._named[name] = NamedFunctions([sys.modules[name]])
        return self._named[name]


def files_of(modules: Iterable[str]) -> dict[str, str]:
    """The modules by their source files."""
    files = ((getattr(sys.modules.get(name), "__file__", None), name) for name in modules)
    return {file: name for file, name in files if isinstance(file, str)}


def source_digest(name: str) -> str:
    """Of a module's file, which is found without importing it; "" where there is none."""
    origin = getattr(sys.modules.get(name), "__file__", None)
    path = None
    for end in range(1, len(parts := name.split(".")) + 1):
        if origin is not None:
            break
        spec = importlib.machinery.PathFinder.find_spec(".".join(parts[:end]), path)
        path = spec.submodule_search_locations if spec else []
        if end == len(parts) and spec is not None:
            origin = spec.origin
    try:
        with open(origin or "", "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except OSError:
        return ""
