"""What functions say of a process whose results dynamo takes for constant: its rank, limits, and
what is installed there.
"""

import importlib.util
import sys
from typing import Any

_OF_RANKS = ("get_rank", "get_world_size", "is_initialized")
_FIND_SPEC = "importlib.util.find_spec"
_VERSION = "importlib.metadata.version"
# Of Python's interpreter, which the program can set.
_LIMITS = {
    f"sys.{limit.__name__}": limit for limit in (sys.getrecursionlimit, sys.get_int_max_str_digits)
}


def name_of(function: Any) -> str:
    """The name of a function that tells of its process; "" for others."""
    if function is importlib.util.find_spec:
        return _FIND_SPEC
    if function is _of_module("importlib.metadata", "version"):
        return _VERSION
    for limit, known in _LIMITS.items():
        if function is known:
            return limit
    name = getattr(function, "__name__", None)
    is_of_ranks = name in _OF_RANKS and function is _of_module("torch.distributed", name)
    return f"torch.distributed.{name}" if is_of_ranks else ""


def _of_module(module: str, name: str) -> Any:
    """It; an object that is nothing else where the module is not imported."""
    return getattr(sys.modules.get(module), name, _NOTHING)


_NOTHING = object()


def ask(name: str, given: tuple[str, ...]) -> str:
    """What a function of this name says here."""
    if name in _LIMITS:
        return str(_LIMITS[name]())
    if name not in (_FIND_SPEC, _VERSION):
        return _ask_ranks(name.rpartition(".")[2])
    from importlib.metadata import version

    try:
        if name == _VERSION:
            return version(*given)
        return "nothing" if importlib.util.find_spec(*given) is None else "a module"
    except Exception as error:  # of a module around it, which is imported, among others
        return type(error).__name__


def _ask_ranks(name: str) -> str:
    """A rank is asked for where there are some."""
    import torch.distributed as ranks

    if not (ranks.is_available() and ranks.is_initialized()):
        return "nothing"
    return str(getattr(ranks, name)())
