"""What the program has told torch to keep in a graph though nothing uses its result."""

from typing import Any

from precompile_context.adapters.pytorch.precompile.operators import is_of_program, operator_name

# What torch itself has told so, of kinds that a program might add more of. The rest of its own
# depends on which of its modules a process has imported.
_AT_FIRST = frozenset(("_operator.setitem",))
_OF_ATEN_AT_FIRST = ("aten::_assert_", "aten::sym_constrain_range")


def side_effects() -> list[str]:
    """The names of operators and functions for which the program has called `has_side_effect`.

    While torch compiles, it does so with operators that have effects registered, which are told
    with what else is registered for these.
    """
    from torch._higher_order_ops.effects import has_effects
    from torch.fx.node import _side_effectful_functions

    named = [(_name(function), function) for function in _side_effectful_functions]
    return sorted(name for name, function in named if name and not has_effects(function))


def _name(function: Any) -> str:
    """Of what a program has added; "" for torch's own."""
    import torch

    if isinstance(function, torch._ops.OpOverload | torch._ops.OpOverloadPacket):
        name = operator_name(function)
        is_of_aten = name.startswith("aten::") and not name.startswith(_OF_ATEN_AT_FIRST)
        return str(function) if is_of_aten or is_of_program(function) else ""
    module = str(getattr(function, "__module__", None) or "torch")
    name = f"{module}.{getattr(function, '__qualname__', '')}"
    return "" if module.partition(".")[0] == "torch" or name in _AT_FIRST else name
