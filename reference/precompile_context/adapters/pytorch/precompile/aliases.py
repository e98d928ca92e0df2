"""Which of the objects that guards look at are one object.

torch guards that two are one, where both are local or neither is, and of tensors that they are two:
of lists, modules and parameters, code that was traced for two objects would be taken for one.
"""

import enum
import functools
import types
from collections.abc import Callable, Iterable
from typing import Any

from precompile_context.adapters.pytorch.precompile.identity import BUILTINS
from precompile_context.adapters.pytorch.precompile.saved_guards import Aliases

# What is one object or another without that it matters, or another one each time it is asked for.
_WITHOUT_IDENTITY = (
    *(type(None), bool, int, float, complex, str, bytes, type(Ellipsis), slice, range),
    *(tuple, frozenset, type, types.ModuleType, types.MethodType, types.CodeType, enum.Enum),
    *BUILTINS,
)


def of_guarded(guards: Iterable[Any], get: Callable[[Any], Any]) -> Aliases:
    """The names under which guards look at one object, of each that has several. `get` gives what
    stands at a source.
    """
    sources = {guard.originating_source.name: guard.originating_source for guard in guards}
    names: dict[int, list[str]] = {}
    without_identity = _without_identity()
    kept = []  # no object gets the id of one that was made for its source alone
    for name, source in sorted(sources.items()):
        try:
            value = get(source)
        except Exception:  # of a guard without an object, or one that is not there
            continue
        if not isinstance(value, without_identity):
            kept.append(value)
            names.setdefault(id(value), []).append(name)
    return tuple(tuple(group) for group in names.values() if len(group) > 1)


@functools.cache
def _without_identity() -> tuple[type, ...]:
    import torch

    constants = (torch.dtype, torch.device, torch.layout, torch.memory_format, torch.qscheme)
    return (*_WITHOUT_IDENTITY, *constants)
