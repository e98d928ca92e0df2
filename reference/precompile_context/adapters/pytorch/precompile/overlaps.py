"""Tensors that lie over each other in one storage.

A graph that writes to such a tensor holds how they lie, and in what. torch guards little of it, and
its key of a graph does not know.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from precompile_context.adapters.pytorch.precompile.saved_guards import Overlaps


def of_guarded(guards: Iterable[Any], get: Callable[[Any], Any]) -> Overlaps:
    """The names of guarded tensors that overlap others, as they lie. `get` gives what stands at a
    source.
    """
    return _groups(
        {
            guard.originating_source.name: get(guard.originating_source)
            for guard in guards
            if guard.create_fn_name() == "TENSOR_MATCH"
        }
    )


def of_inputs(inputs: Iterable[Any]) -> Overlaps:
    """The numbers of a graph's inputs that overlap others, as they lie."""
    return _groups({str(number): value for number, value in enumerate(inputs)})


def offsets(inputs: Iterable[Any]) -> list[str]:
    """Where in their storages a graph's inputs begin."""
    import torch

    return [
        str(value.storage_offset())
        for value in inputs
        if isinstance(value, torch.Tensor) and value.layout is torch.strided and not value.is_nested
    ]


def _groups(tensors: Mapping[str, Any]) -> Overlaps:
    by_storage: dict[tuple[int, int], list[tuple[int, int, str]]] = {}
    met = set()
    for name, tensor in sorted(tensors.items()):
        if id(tensor) not in met and (place := _place(tensor)) is not None:
            met.add(id(tensor))
            storage, first, end = place
            by_storage.setdefault(storage, []).append((first, end, name))
    groups = []
    for (_, size), places in by_storage.items():
        places.sort()
        ends = itertools.accumulate((end for _, end, _ in places), max)
        if any(first < end for (first, _, _), end in zip(places[1:], ends, strict=False)):
            groups.append((("", size), *((name, first) for first, _, name in places)))
    return tuple(sorted(groups))


def _place(tensor: Any) -> tuple[tuple[int, int], int, int] | None:
    """A tensor's storage and its size, and where in it the tensor begins and ends, in bytes; None
    of others.
    """
    import torch
    from torch.utils._python_dispatch import is_traceable_wrapper_subclass

    if not isinstance(tensor, torch.Tensor) or tensor.layout is not torch.strided:
        return None
    if is_traceable_wrapper_subclass(tensor) or tensor.is_nested:
        return None
    try:
        storage = tensor.untyped_storage()
    except (RuntimeError, NotImplementedError):
        return None
    first: Any = tensor.storage_offset()
    shape, steps = tensor.shape, tensor.stride()
    if not all(isinstance(number, int) for number in (first, *shape, *steps)):
        return (storage._cdata, 0), 0, 1  # of no known place: it may lie over any other
    if 0 in shape:
        return None
    length: Any = 1 + sum((size - 1) * step for size, step in zip(shape, steps, strict=True))
    size: Any = storage.nbytes()
    whole = storage._cdata, size if isinstance(size, int) else 0
    return whole, first * tensor.itemsize, (first + length) * tensor.itemsize
