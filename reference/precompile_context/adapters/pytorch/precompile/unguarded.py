"""What dynamo takes for constant of the objects that a frame meets, without a guard.

In one process that is seldom noticed, for the object stays what it is; in another it may be another
one. A version that holds such a constant is not saved.
"""

import contextlib
import types
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from precompile_context.adapters.pytorch.precompile.collecting import Collector
from precompile_context.adapters.pytorch.precompile.digests import (
    UnportableError,
    is_pinned_file,
    type_name,
)
from precompile_context.session.patches import Patches

# What torch's guard of a tensor tells, of what dynamo answers with a constant.
_GUARDED = (
    *("device", "dtype", "grad", "itemsize", "layout"),
    *("names", "nbytes", "ndim", "requires_grad", "shape"),
)
# Behind what a trace holds a constant of.
NOT_GUARDED = "is taken for constant, and torch does not guard it"
_HASHED_ALIKE = (bool, int, float, complex)


@dataclass(frozen=True)
class Value:
    """What dynamo met in a frame.

    Attributes:
        source: how it was reached.
        value: the object.
        only_called: whether it is not traced, but called where it stands then.
        other: the source of the same object where that is guarded; None without one.
    """

    source: Any
    value: Any
    only_called: bool
    other: Any = None


@dataclass
class Met:
    """What dynamo met while it traced a frame.

    Attributes:
        values: each value that was reached by a source, after its output graph.
        untold: why the trace holds a constant that no guard tells; None so far.
    """

    values: list[tuple[Any, Value]] = field(default_factory=list)
    untold: str | None = None


tracing = Collector(Met)


def watch(patches: Patches) -> None:
    """Begin to see what dynamo meets."""
    from torch._dynamo.side_effects import SideEffects
    from torch._dynamo.variables.builder import VariableBuilder
    from torch._dynamo.variables.builtin import BuiltinVariable
    from torch._dynamo.variables.tensor import TensorVariable, UntypedStorageVariable

    patches.wrap(VariableBuilder, "__call__", _build)
    name = "var_getattr" if "var_getattr" in vars(TensorVariable) else "tp_getattro_impl"
    patches.wrap(TensorVariable, name, _get_attribute)
    patches.wrap(UntypedStorageVariable, "__init__", _get_storage)
    patches.wrap(BuiltinVariable, "call_hash", _hash)
    patches.wrap(BuiltinVariable, "call_id", _id)
    patches.wrap(SideEffects, "track_new_user_defined_object", _make)


def _build(original: Callable[..., Any], builder: Any, value: Any) -> Any:
    built = original(builder, value)
    if tracing.notes is not None:
        found = [Value(builder.source, value, _is_only_called(built)), *_of_method(builder, value)]
        tracing.notes.values += ((builder.tx.output, one) for one in found)
    return built


def _of_method(builder: Any, value: Any) -> Iterator[Value]:
    """Whose method it is, where torch guards that it is one, and answers a call of it itself: what
    torch.no_grad() puts around a function.
    """
    from torch._dynamo.source import AttrSource
    from torch.utils._contextlib import _DecoratorContextManager

    owner = value.__self__ if isinstance(value, types.MethodType) else None
    if isinstance(owner, _DecoratorContextManager):
        source = AttrSource(AttrSource(builder.source, "__self__"), "__class__")
        yield Value(source, type(owner), only_called=False)


def _is_only_called(variable: Any) -> bool:
    from torch._dynamo.variables import SkipFunctionVariable

    return isinstance(variable, SkipFunctionVariable)


def _get_attribute(original: Callable[..., Any], variable: Any, tx: Any, name: str) -> Any:
    import torch

    found = original(variable, tx, name)
    if variable.source is not None and isinstance(name, str) and hasattr(torch.Tensor, name):
        is_guarded = name in _GUARDED or (name.startswith(("__", "is_")) and name != "is_leaf")
        if name == "_base" or (not is_guarded and _is_constant(found)):
            untold(f"{variable.source.name}.{name}")
    return found


def _get_storage(
    original: Callable[..., None], variable: Any, tensor: Any, *args: Any, **kwargs: Any
) -> None:
    if tensor.source is not None:
        untold(f"the storage of {tensor.source.name}")
    original(variable, tensor, *args, **kwargs)


def _hash(original: Callable[..., Any], builtin: Any, tx: Any, value: Any) -> Any:
    found = original(builtin, tx, value)
    of_program = not is_pinned_file(tx.f_code.co_filename)
    if of_program and _is_constant(found) and not (_is_traced(value) or _hashes_alike(value)):
        untold("a hash, which is another in each process,")
    return found


def _is_traced(variable: Any) -> bool:
    """Whether it is an object that has a `__hash__` of its own, whose code dynamo traces."""
    value = vars(variable).get("value")
    return isinstance(getattr(type(value), "__hash__", None), types.FunctionType)


def _hashes_alike(variable: Any) -> bool:
    try:
        value = variable.as_python_constant()
    except Exception:  # an object that is made within the frame
        return False
    items = value if type(value) in (tuple, frozenset) else (value,)
    return all(type(item) in _HASHED_ALIKE for item in items)


def _id(original: Callable[..., Any], builtin: Any, tx: Any, *args: Any) -> Any:
    found = original(builtin, tx, *args)
    if not is_pinned_file(tx.f_code.co_filename) and _is_constant(found):
        untold("an id(), which is another in each process,")
    return found


def _make(
    original: Callable[..., Any], effects: Any, base: Any, cls: Any, *args: Any, **kwargs: Any
) -> Any:
    if hasattr(cls.value, "__del__"):  # which torch calls at a compile, and never again
        untold(f"the end of an object of {type_name(cls.value)}, which has a __del__,")
    return original(effects, base, cls, *args, **kwargs)


def _is_constant(variable: Any) -> bool:
    from torch._dynamo.variables import ConstantVariable

    return isinstance(variable, ConstantVariable)


def untold(what: str) -> None:
    """What is traced in this thread takes this for constant, and torch does not guard it."""
    if (met := tracing.notes) is not None and met.untold is None:
        met.untold = f"{what} {NOT_GUARDED}"


def unguarded(guards: Iterable[Any], output_graph: Any, get: Callable[[Any], Any]) -> list[Value]:
    """Each value that no guard tells. `get` gives what stands at a source.

    Raises:
        UnportableError: the trace holds what has no source.
    """
    import torch
    from torch._dynamo.source import TorchFunctionModeStackSource

    if (met := tracing.notes) is None:
        return []
    if met.untold is not None:
        raise UnportableError(met.untold)
    guarded = {guard.originating_source.name for guard in guards}
    values = [found for output, found in met.values if output is output_graph]
    elsewhere = {id(one.value): one.source for one in values if one.source.name in guarded}
    left = {}
    for one in values:
        skipped = _where_guards_are_skipped(one.source)
        if one.source.name in guarded if skipped is None else _is_of_a_module(skipped):
            continue
        if isinstance(one.value, types.ModuleType):
            continue  # which dynamo reaches by a name of its own
        if isinstance(one.value, torch.SymInt | torch.SymFloat | torch.SymBool):
            continue  # of which there are guards of shapes
        if isinstance(one.source, TorchFunctionModeStackSource):
            continue  # torch guards the stack as a whole
        if one.source.name.endswith(".__annotations__"):
            continue  # those are told apart
        if isinstance(one.value, types.GetSetDescriptorType) and not _is_at(one, get):
            continue  # it is of the class of an object that is guarded
        left[one.source.name] = replace(one, other=elsewhere.get(id(one.value)))
    return list(left.values())


def _is_at(one: Value, get: Callable[[Any], Any]) -> bool:
    with contextlib.suppress(Exception):  # what dynamo knows no way to
        return get(one.source) is one.value
    return False


def _where_guards_are_skipped(source: Any) -> Any:
    """The source whose object torch takes for what it was, with all that is reached through it."""
    from torch._dynamo.source import SkipGuardSource

    while source is not None and not isinstance(source, SkipGuardSource):
        source = getattr(source, "base", None)
    return None if source is None else source.base


def _is_of_a_module(source: Any) -> bool:
    """Whether it is a global of a module of the standard library's, which torch imports."""
    from torch._dynamo.source import AttrSource, GlobalSource

    return isinstance(source, AttrSource) and isinstance(source.base, GlobalSource)
