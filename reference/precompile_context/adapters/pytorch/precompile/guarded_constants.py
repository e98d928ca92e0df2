"""Constants of torch's and Python's own among guarded values, as they travel.

There is one of each, under its name. Such a one is the process's where it is unpickled, and what
guards compare in it travels beside, as what they compare in a module does.
"""

import operator
import sys
from typing import Any

from precompile_context.adapters.pytorch.precompile import singletons
from precompile_context.adapters.pytorch.precompile.program import imported

# Types of what Python tells of itself, as `sys.flags`, whose name in `sys` is the object's.
OF_SYS = tuple(
    {type(v) for v in vars(sys).values() if isinstance(v, tuple) and type(v) is not tuple}
)


def reduce_constant(value: Any) -> tuple[Any, ...] | None:
    """How a pickle has a constant; None for other values."""
    import torch

    if isinstance(value, torch.dtype | torch.layout | torch.memory_format | torch.qscheme):
        return constant, ("torch", str(value).removeprefix("torch."))
    if isinstance(value, torch.finfo | torch.iinfo):
        return type(value), (getattr(torch, value.dtype),)
    if isinstance(value, OF_SYS) and vars(sys).get(type(value).__name__) is value:
        return constant, ("sys", type(value).__name__)
    if (standing := singletons.standing(value)) is None:
        return None
    module, name = standing
    return constant, (module.__name__, name)


def constant(module: str, name: str) -> Any:
    """What pickles call, which may hold neither `getattr` nor modules: torch leaves out what
    arguments hold and no guard looks at, wherever else in the pickle it stands.
    """
    return operator.attrgetter(name)(imported(module))
