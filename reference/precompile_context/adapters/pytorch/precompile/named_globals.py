"""Objects of the program for which dynamo makes up global names, of addresses: they get names that
are the same in any process, after the class that leads to them.
"""

import types
from dataclasses import dataclass
from typing import Any

from precompile_context.adapters.pytorch.precompile.digests import module_name
from precompile_context.adapters.pytorch.precompile.program import find_class
from precompile_context.adapters.pytorch.precompile.saved_guards import DiffersError

# What the `__new__` of a named tuple calls the class that it makes a tuple of.
_CLASS = "_cls"


@dataclass(frozen=True)
class Named:
    """A class that is found by its name, or the globals of its `__new__`, as a named tuple's are
    those of no module.
    """

    module: str
    name: str
    is_scope: bool = False

    @property
    def alias(self) -> str:
        """The global name."""
        kind = "scope_of" if self.is_scope else "class"
        return f"__{kind}_{self.module}.{self.name}".replace(".", "_dot_")

    def value(self) -> Any:
        """The object of this process.

        Raises:
            DiffersError: there is none.
        """
        cls = find_class(self.module, self.name)
        if not self.is_scope:
            return cls
        if (scope := _scope_of(cls)) is None:
            raise DiffersError(f"class {self.module}.{self.name} is no named tuple here")
        return scope


def named_class(cls: type) -> Named | None:
    """A class; None where it is not found by its name."""
    return _if_found(Named(module_name(cls.__module__), cls.__qualname__), cls)


def named_scope(graph: Any, scope: Any) -> Named | None:
    """The globals of the `__new__` of a named tuple that dynamo is tracing into; None of others."""
    traced = graph.current_tx.symbolic_locals.get(_CLASS)
    if traced is None or not traced.is_python_constant():
        return None
    for cls in traced.as_python_constant().__mro__:
        if _scope_of(cls) is scope:
            return _if_found(Named(module_name(cls.__module__), cls.__qualname__, True), scope)
    return None


def _scope_of(cls: type) -> dict[str, Any] | None:
    new = getattr(vars(cls).get("__new__"), "__func__", None)
    return new.__globals__ if isinstance(new, types.FunctionType) else None


def _if_found(named: Named, value: Any) -> Named | None:
    try:
        return named if named.value() is value else None
    except DiffersError:
        return None
