"""Operators among guarded values, as they travel, the program's own above all.

What is guarded of them by identity is looked up where guards are loaded, and what is registered
for them is told apart. So no function of theirs travels; an attribute that the program has put
there does, for a guard may compare with its value.
"""

import types
from typing import Any

from precompile_context.adapters.pytorch.precompile.identity import (
    operator_defined,
    operator_namespace,
    operator_packet,
)

# What torch asks a definition for where it makes guards: its name, as text, and the operator.
_ABOUT = ("_namespace", "_name", "_opoverload")


def reduce_operator(value: Any) -> tuple[Any, ...] | None:
    """How a pickle has an operator with all its overloads, or a namespace; None for others."""
    if isinstance(value, types.ModuleType):
        namespace = operator_namespace(value)
        return None if namespace is None else (_namespace, (namespace,))
    if (name := operator_packet(value)) is not None:
        return _packet, name
    if operator_defined(value) is not None:
        told = {name: vars(value)[name] for name in _ABOUT}
        told |= {name: item for name, item in vars(value).items() if not name.startswith("_")}
        return _definition, (told,)
    return None


def _namespace(name: str) -> Any:
    import torch

    return getattr(torch.ops, name)


def _packet(namespace: str, name: str) -> Any:
    return getattr(_namespace(namespace), name)


def _definition(attributes: dict[str, Any]) -> Any:
    """An operator's definition that nothing calls: guards look at its class and attributes."""
    from torch._library.custom_ops import CustomOpDef

    definition = CustomOpDef.__new__(CustomOpDef)
    vars(definition).update(attributes)
    return definition
