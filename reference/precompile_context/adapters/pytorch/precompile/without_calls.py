"""Graphs that call nothing, forward or backward: compiled, as all others, so that they are saved.

The backward of `x + y` hands its gradient on. torch makes a plain function of such a graph, which
it cannot save, nor the other half, however much there is to compute. Its own mode for saving
compiles it as any other; it is asked for by a switch that makes other keys.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from precompile_context.session.patches import Patches


class _Local(threading.local):
    """Whether this thread compiles a graph that is to be saved."""

    saves: bool = False


_local = _Local()


def watch(patches: Patches) -> None:
    """Put the hooks in."""
    from torch._dynamo import utils
    from torch._inductor import compile_fx

    patches.wrap(compile_fx, "_compile_fx_inner", _compile)
    patches.wrap(utils, "count_calls", _count)


def _compile(
    original: Callable[..., Any], module: Any, inputs: Sequence[Any], *args: Any, **kwargs: Any
) -> Any:
    # Recorded in a CUDA graph, it would hand on memory that the next call overwrites.
    recorded = kwargs.get("cudagraphs") and any(map(_is_on_gpu, inputs))
    _local.saves = not recorded
    try:
        return original(module, inputs, *args, **kwargs)
    finally:
        _local.saves = False


def _count(original: Callable[..., int], graph: Any) -> int:
    """inductor asks whether there are any before it compiles; nobody asks by this name later."""
    saves, _local.saves = _local.saves, False
    return original(graph) or int(saves)


def _is_on_gpu(value: Any) -> bool:
    return getattr(getattr(value, "device", None), "type", "cpu") != "cpu"
