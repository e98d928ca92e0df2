"""Functions whose annotations traced code reads: dynamo takes these for constant, with no guard."""

import contextlib
import threading
import types
from collections.abc import Callable, Iterator
from typing import Any

from precompile_context.adapters.pytorch.precompile.digests import functions_of, is_pinned_file


class _Local(threading.local):
    functions: dict[int, types.FunctionType] | None = None


_local = _Local()


@contextlib.contextmanager
def traced_reads() -> Iterator[dict[int, types.FunctionType]]:
    """By its id, each function of the program that dynamo asks for them in this thread."""
    outer = _local.functions
    functions = _local.functions = {}
    try:
        yield functions
    finally:
        _local.functions = outer


def get_attribute(
    original: Callable[..., Any], tx: Any, function: Any, source: Any, name: str
) -> Any:
    """Around dynamo's reading of a function's attribute: is it its annotations?"""
    if name == "__annotations__" and _local.functions is not None:
        asked = [function] if isinstance(function, types.FunctionType) else functions_of(function)
        _local.functions |= {
            id(item): item
            for item in asked
            if isinstance(item, types.FunctionType)
            and not is_pinned_file(item.__code__.co_filename)
        }
    return original(tx, function, source, name)
