"""What an object is called in any process, where torch guards on its identity.

An identity is a text. Two objects with one text are interchangeable for a compiled graph:
the same module, the same builtin, a function with the same code, defaults and closure.
"""

import enum
import functools
import re
import sys
import types
import typing
from collections.abc import Mapping
from typing import Any

from precompile_context.adapters.pytorch.precompile import singletons
from precompile_context.adapters.pytorch.precompile.digests import (
    UnportableError,
    canonical,
    class_digest,
    code_digest,
    function_name,
    is_pinned,
    module_name,
    short_digest,
    type_name,
)
from precompile_context.adapters.pytorch.precompile.scope import is_of_torch, package_version
from precompile_context.adapters.pytorch.precompile.taking_apart import behind_annotation

BUILTINS = (
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.ClassMethodDescriptorType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
    types.MethodWrapperType,
)
# What dynamo puts on functions, some when it first meets them.
OF_DYNAMO = ("_torchdynamo", "__dynamo_")
_MOST_NESTED = 20
# What Python gives a member of an enum.
_OF_MEMBERS = frozenset(("_value_", "_name_", "_sort_order_", "__objclass__"))


def identity(value: Any, depth: int = 0) -> str:
    """The identity of an object.

    Raises:
        UnportableError: it is one object among others of its kind, which only its own
            process can tell apart.
    """
    if depth > _MOST_NESTED:
        raise UnportableError("it is nested too deeply")
    if isinstance(value, type):
        return class_identity(value)
    if isinstance(value, types.FunctionType):
        return _function(value, depth)
    if isinstance(value, types.ModuleType):
        return _module(value)
    if isinstance(value, BUILTINS):
        return _builtin(value, depth)
    if isinstance(value, types.MethodType):
        return f"{identity(value.__func__, depth + 1)} of {identity(value.__self__, depth + 1)}"
    if isinstance(value, enum.Enum):
        given = {k: v for k, v in sorted(vars(value).items()) if k not in _OF_MEMBERS}
        words = [f" .{name}={identity(item, depth + 1)}" for name, item in given.items()]
        return f"{class_identity(type(value))} {value.name}{''.join(words)}"
    if isinstance(value, functools.partial):
        parts = [value.func, *value.args, *sorted(value.keywords), *_sorted_values(value.keywords)]
        return f"partial of {', '.join(identity(part, depth + 1) for part in parts)}"
    if isinstance(value, re.Pattern):
        return f"pattern {value.pattern!r} {value.flags}"
    if type(value) is tuple:
        return f"tuple [{', '.join(identity(item, depth + 1) for item in value)}]"
    text = torch_constant(value) or _context(value)
    text = text or _annotation(value, depth) or _of_torchs_package(value) or _singleton(value)
    if text is not None:
        return text
    try:
        return canonical(value)
    except UnportableError:
        raise UnportableError(f"one object of {type_name(type(value))} among others") from None


def _of_torchs_package(value: Any) -> str | None:
    """An object that a package which torch compiles with has under its own name, as numpy's
    functions; None for others.
    """
    kind = type(value)
    package, name = kind.__module__.partition(".")[0], getattr(value, "__name__", None)
    if not is_of_torch(package) or not isinstance(name, str):
        return None
    module = getattr(value, "__module__", None) or package
    if getattr(sys.modules.get(module), name, None) is not value:
        return None
    return f"{type_name(kind)} {module}.{name} of {package_version(package)}"


def _singleton(value: Any) -> str | None:
    """An object of torch's or Python's own that holds nothing, by its name; None for others."""
    if (found := singletons.standing(value)) is None:
        return None
    module, name = found
    return f"{type_name(type(value))} {module.__name__}.{name}"


def _annotation(value: Any, depth: int) -> str | None:
    """An object of typing, by the name under which it is found, or by those that it is made of;
    None of other objects.
    """
    if (apart := behind_annotation(value)) is None:
        return None
    module, name = getattr(value, "__module__", ""), getattr(value, "__name__", "")
    if not typing.get_origin(value) and (
        not name or getattr(sys.modules.get(module), name, None) is not value
    ):
        return None
    text, parts = apart
    named = ", ".join(identity(part, depth + 1) for part in parts)
    return f"{text} {named}" if named else text


def guard_identity(guard: str, kind: str, value: Any) -> str:
    """The identity of what a guard of this name and kind compares with.

    Raises:
        UnportableError: as `identity`; the text names the guard.
    """
    from torch.utils import _pytree

    try:
        if value is _pytree.SUPPORTED_NODES:
            return _registered_nodes(value)
        if kind == "TYPE_MATCH":
            return class_identity(type(value))
        if kind == "CLOSURE_MATCH" and isinstance(value, types.FunctionType):
            return code_identity(value)
        return identity(value)
    except UnportableError as error:
        raise UnportableError(f"{guard} is guarded by identity: {error}") from error


def _registered_nodes(nodes: Mapping[type, Any]) -> str:
    """pytree's table of node types, which torch guards by its version: what is registered."""
    return f"pytree nodes {' '.join(sorted(map(type_name, nodes)))}"


def class_identity(cls: type) -> str:
    """A class by its name and, where it is the program's own, by what it defines."""
    name = type_name(cls)
    return f"class {name}" if is_pinned(cls.__module__) else f"class {name}#{class_digest(cls)}"


def code_identity(function: types.FunctionType) -> str:
    """A function by its code and the names of its attributes: what those are is guarded apart.

    That there is no attribute of a name, torch does not guard: in one process it takes
    it for as good as constant.
    """
    check_names(function.__kwdefaults__ or {}, function_name(function))
    digest = code_digest(function.__code__)
    names = " ".join(_attributes(function))
    return f"code of {function_name(function)}#{digest}{names and f' with {names}'}"


def check_names(values: Mapping[str, Any], function: str) -> None:
    """Raise where a name in a function holds the address of its value, as code that beartype makes.

    Raises:
        UnportableError: it does, so that the code is other code in each process.
    """
    for name, value in values.items():
        if name.endswith(address := str(id(value))):
            begin = name.removesuffix(address)
            raise UnportableError(f"{function} has the address of an object in a name, {begin}...")


def _attributes(function: types.FunctionType) -> list[str]:
    """The names of a function's attributes, but for those that torch adds."""
    return sorted(name for name in vars(function) if not name.startswith(OF_DYNAMO))


def _function(function: types.FunctionType, depth: int) -> str:
    name = function_name(function)
    if is_pinned(function.__module__) and found(function) is function:
        return f"function {name}"
    parts = [code_digest(function.__code__), *_attributes(function)]
    defaults = function.__kwdefaults__ or {}
    check_names(defaults, name)
    values = [*(function.__defaults__ or ()), *sorted(defaults), *_sorted_values(defaults)]
    for cell in function.__closure__ or ():
        try:
            values.append(cell.cell_contents)
        except ValueError:
            parts.append("empty")
    parts += [identity(value, depth + 1) for value in values]
    return f"function {name}#{short_digest(' '.join(parts))}"


def _sorted_values(mapping: dict[str, Any]) -> list[Any]:
    return [mapping[name] for name in sorted(mapping)]


def found(function: types.FunctionType) -> Any:
    found: Any = sys.modules.get(function.__module__)
    for part in function.__qualname__.split("."):
        found = getattr(found, part, None)
    return found


def _module(module: types.ModuleType) -> str:
    if (namespace := operator_namespace(module)) is not None:
        return f"operators {namespace}"
    if sys.modules.get(module.__name__) is not module:
        raise UnportableError(f"module {module.__name__} is not the one that is imported")
    return f"module {module_name(module.__name__)}"


def _builtin(value: Any, depth: int) -> str:
    owner = getattr(value, "__objclass__", None)
    bound = getattr(value, "__self__", None)
    name = f"{type(value).__name__} {value.__qualname__}"
    if isinstance(value, types.MethodWrapperType):
        return f"{name} of {identity(bound, depth + 1)}"
    if owner is not None:
        return f"{name} of {class_identity(owner)}"
    if bound is None:
        return f"{name} of module {value.__module__}"
    if isinstance(bound, types.ModuleType):
        return f"{name} of module {bound.__name__}"
    if (of_extension := builtin_of_extension(value)) is not None:
        return of_extension
    return f"{name} of {identity(bound, depth + 1)}"


def builtin_of_extension(value: Any) -> str | None:
    """A builtin that is bound to no module, by its name in one, if it stands there: pybind11 binds
    its functions, as those behind torch.func's, to an object that has no name.
    """
    module, name = sys.modules.get(value.__module__ or ""), str(value.__name__)
    if module is None or isinstance(value.__self__, types.ModuleType | types.NoneType):
        return None
    if vars(module).get(name) is not value:
        return None
    return f"{type(value).__name__} {name} of module {module.__name__}"


def torch_constant(value: Any) -> str | None:
    import torch

    constants = (torch.dtype, torch.device, torch.layout, torch.memory_format, torch.Size)
    others = (torch.qscheme, torch.finfo, torch.iinfo)
    operators = (torch._ops.OpOverload, torch._ops.OpOverloadPacket)
    if isinstance(value, constants + others + operators):
        return f"{type(value).__name__} {value}"
    if (name := operator_defined(value)) is not None:
        return f"operator {name}"  # what is registered for it is told apart
    return None


def _context(value: Any) -> str | None:
    """A context manager of torch's by what dynamo takes of it; None for other objects."""
    import torch
    from torch.amp.autocast_mode import autocast

    parts: tuple[Any, ...]
    if isinstance(value, autocast):
        parts = value.device, value.fast_dtype, value._enabled, value._cache_enabled
    elif isinstance(value, torch.autograd.profiler.record_function):
        parts = value.name, value.args
    else:
        return None
    return f"{class_identity(type(value))} {', '.join(map(identity, parts))}"


def operator_namespace(module: types.ModuleType) -> str | None:
    """The name of the part of `torch.ops` that a module is; None of other modules."""
    import torch

    if isinstance(module, torch._ops._OpNamespace) and vars(torch.ops).get(module.name) is module:
        return str(module.name)
    return None


def operator_packet(value: Any) -> tuple[str, str] | None:
    """Namespace and name of an operator with all its overloads, as `torch.ops` has it."""
    import torch

    if not isinstance(value, torch._ops.OpOverloadPacket):
        return None
    namespace, _, name = value._qualified_op_name.partition("::")
    found = getattr(getattr(torch.ops, namespace), name, None)
    return (namespace, name) if found is value else None


def operator_defined(value: Any) -> str | None:
    """The name of an operator that `torch.library.custom_op` made, if it is still the one."""
    from torch._library.custom_ops import OPDEFS, CustomOpDef

    definition: Any = value
    if isinstance(value, CustomOpDef) and OPDEFS.get(definition._qualname) is value:
        return str(definition._qualname)
    return None
