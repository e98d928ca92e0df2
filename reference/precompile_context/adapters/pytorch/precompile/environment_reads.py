"""Environment variables that a program reads while it is compiled.

Dynamo traces through `os.getenv` and takes what it gives for constant. What code reads that
Python runs meanwhile, nobody tells: there, all variables count that the code names.
"""

import collections.abc
import contextlib
import os
import types
from collections.abc import Callable, Iterable
from typing import Any

from precompile_context.adapters.pytorch.precompile.collecting import Collector
from precompile_context.adapters.pytorch.precompile.digests import short_digest
from precompile_context.adapters.pytorch.precompile.observed import Calls

_Read = type(os.environ).__getitem__
_READS = frozenset((os.getenv.__code__, _Read.__code__))
# What asks an environment as it would any mapping.
_ASKS = frozenset(
    (collections.abc.Mapping.get.__code__, collections.abc.Mapping.__contains__.__code__)
)


# The names of variables that dynamo meets.
reads: Collector[set[str]] = Collector(set)


def inline_call(
    original: Callable[..., Any], cls: Any, parent: Any, function: Any, *args: Any, **kwargs: Any
) -> Any:
    """Around dynamo's tracing into a function: is it one that reads the environment?"""
    if reads.notes is not None and function.get_code() in _READS:
        for argument in args[0] if args else ():
            with contextlib.suppress(Exception):  # no constant, whose value nobody knows yet
                value = argument.as_python_constant()
                reads.notes.update({value} if isinstance(value, str) else ())
    return original(cls, parent, function, *args, **kwargs)


def reads_meanwhile(calls: Calls, codes: Iterable[types.CodeType]) -> bool:
    """Whether one of these codes asked for a variable."""
    asking = set(map(id, codes))
    asks = {code for code, callers in calls.values() if any(id(c) in asking for c in callers)}
    if not asks.isdisjoint(_READS):
        return True
    return not asks.isdisjoint(_ASKS) and any(code in _READS for code, _ in calls.values())


def variables(names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """The variables of these names, each with a digest of its value: "" where it is not set."""
    return tuple(
        (name, short_digest(os.environ[name]) if name in os.environ else "")
        for name in sorted(set(names))
    )
