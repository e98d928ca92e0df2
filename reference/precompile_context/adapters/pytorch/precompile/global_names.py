"""The global names that dynamo makes up while it traces, made the same in any process."""

import sys
import types
from collections.abc import Callable
from typing import Any

from precompile_context.adapters.pytorch.precompile.digests import module_name
from precompile_context.adapters.pytorch.precompile.guard_saving import NO_MODULE
from precompile_context.adapters.pytorch.precompile.named_globals import (
    Named,
    named_class,
    named_scope,
)
from precompile_context.adapters.pytorch.precompile.recorder import FrameRecorder, alias_of


def install(original: Callable[..., str], graph: Any, prefix: str, value: Any) -> str:
    """Dynamo makes up a global name, of an address; a module's is that of an import.

    Guards name it, too: so do those of `type(x) is torch.Tensor`.
    """
    package, scope = graph.package, graph.global_scope
    if not isinstance(package, FrameRecorder):
        return original(graph, prefix, value)
    if isinstance(value, types.ModuleType):
        module = module_name(value.__name__)
        is_imported = sys.modules.get(module) is value
        name = alias_of(module)
        if is_imported and scope.setdefault(name, value) is value:
            package.add_import_source(name, module)
            return name
    named = named_scope(graph, value) if prefix == NO_MODULE else None
    return _kept(graph, named, value) or original(graph, prefix, value)


def of_class(original: Callable[..., str], tx: Any, root: str, value: Any) -> str:
    """Dynamo is about to make up a global name for a class, of which tensors are."""
    is_recorded = isinstance(tx.output.package, FrameRecorder) and isinstance(value, type)
    named = named_class(value) if is_recorded else None
    return _kept(tx.output, named, value) or original(tx, root, value)


def _kept(graph: Any, named: Named | None, value: Any) -> str:
    """The global name of an object that has one of its own; "" where it has none to use."""
    if named is None or graph.global_scope.setdefault(named.alias, value) is not value:
        return ""
    graph.package.add_named(named)
    return named.alias
