"""Tensors that say themselves what an operator does with them, by `__torch_dispatch__`.

AOTAutograd runs that where it traces, and what comes of it is the graph. torch's keys have of such
a tensor its class's name and what it is made of.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from precompile_context.adapters.pytorch.precompile.digests import (
    is_pinned,
    short_digest,
    type_name,
)
from precompile_context.adapters.pytorch.precompile.words import all_words


def of_inputs(inputs: Iterable[Any]) -> list[str]:
    """The program's own classes of such tensors, within others too, each with what it does.

    Raises:
        UnportableError: one cannot be told in words.
    """
    classes = {cls for value in inputs for cls in _classes(value)}
    return sorted(
        f"{name} {short_digest(all_words(cls, name))}"
        for cls, name in ((cls, type_name(cls)) for cls in classes)
        if not is_pinned(cls.__module__)
    )


def _classes(value: Any) -> Iterator[type]:
    import torch
    from torch.utils._python_dispatch import is_traceable_wrapper_subclass

    if not isinstance(value, torch.Tensor):
        return
    if type(value).__torch_dispatch__ is not torch.Tensor.__torch_dispatch__:
        yield type(value)
    if is_traceable_wrapper_subclass(value):
        for name in value.__tensor_flatten__()[0]:
            yield from _classes(getattr(value, name))
