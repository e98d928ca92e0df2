"""Backwards that keep their graph (`retain_graph`), of graphs that were compiled before.

torch compiles a backward when it is first called. Where that call keeps the graph, the code may
write into nothing that was saved for it; otherwise it may, and a later call that keeps the graph is
refused. One from a cache was compiled for the first call of another process. Where it may write, a
call that keeps the graph gives it copies to write into, and is refused where torch would refuse it.
"""

import copy
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from precompile_context.session.patches import Patches


def install(patches: Patches) -> None:
    """Have backwards from torch's caches take their first call as those that are compiled."""
    from torch._functorch._aot_autograd.runtime_wrappers import AOTDispatchAutograd

    patches.wrap(AOTDispatchAutograd, "post_compile", _put_together)


def _put_together(original: Callable[[Any], Any], spec: Any) -> Any:
    # Where it is compiled here, a compiler is told, too.
    is_cached = spec.bw_compiler is None and getattr(spec.compiled_bw_func, "_boxed_call", False)
    if not (is_cached and spec.fw_metadata.bw_donated_idxs):
        return original(spec)
    # torch refuses by these numbers, and is told them once they count.
    metadata = copy.copy(spec.fw_metadata)
    metadata.bw_donated_idxs = []
    backward = _Backward(spec.compiled_bw_func, spec.fw_metadata.bw_donated_idxs, metadata)
    return original(replace(spec, compiled_bw_func=backward, fw_metadata=metadata))


class _Backward:
    """A compiled backward that may write into some of what it is given, by their numbers."""

    _boxed_call = True

    def __init__(self, compiled: Any, written: list[int], metadata: Any) -> None:
        self._compiled = compiled
        self._written = written
        self._metadata = metadata
        self._is_first = True

    def __call__(self, given: list[Any]) -> Any:
        """As the compiled one; the list is its own."""
        import torch

        keeps = torch._C._autograd._get_current_graph_task_keep_graph()
        if self._is_first and not keeps:
            self._metadata.bw_donated_idxs = self._written
        self._is_first = False
        if keeps:
            _copy(given, self._written)
        return self._compiled(given)


def _copy(given: list[Any], numbers: Iterable[int]) -> None:
    """Copies of tensors of these numbers in their place, lying as they do."""
    import torch

    for number in numbers:
        tensor = given[number]
        ends = [(n - 1) * step for n, step in zip(tensor.size(), tensor.stride(), strict=True)]
        length = sum(ends) + 1 if tensor.numel() else 0
        flat = torch.as_strided(tensor, (length,), (1,)).clone()
        given[number] = torch.as_strided(flat, tensor.size(), tensor.stride(), 0)
