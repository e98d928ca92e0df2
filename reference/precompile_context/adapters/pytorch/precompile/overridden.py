"""What the program has put in the place of torch's own: kernels, and operators of tensors.

A compiled graph holds what such code did while it was traced, and names nothing of it.
"""

import contextlib
import functools
import re
import types
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from precompile_context.adapters.pytorch.precompile.digests import (
    code_digest,
    is_pinned,
    is_pinned_file,
    module_name,
    short_digest,
)
from precompile_context.adapters.pytorch.precompile.operators import naming
from precompile_context.adapters.pytorch.precompile.program import find_class
from precompile_context.adapters.pytorch.precompile.taking_apart import behind_wrapper
from precompile_context.adapters.pytorch.precompile.words import all_words

_HEAP_TYPE = 1 << 9  # Python's flag of a class that was not made in C


def overridden() -> list[str]:
    """The names of torch's own operators for which the program has registered kernels: a compile
    of any graph may come upon one, and a graph does not name it.
    """
    import torch

    kernels = {
        kernel
        for kernel in torch.library._impls
        if kernel.startswith("aten/") and not kernel.endswith("/Meta")
    }
    others = [kernel for kernel in sorted(kernels) if not _is_from_torch(kernel)]
    if not others or not naming("aten"):
        return []
    return sorted({_operator_of(kernel) for kernel in others})


@functools.cache
def _is_from_torch(kernel: str) -> bool:
    """Whether torch's dispatcher says that a file of torch's has registered a kernel; what is
    registered through torch.library's functions has their file.
    """
    import torch

    dump = torch._C._dispatch_dump(kernel.rpartition("/")[0].replace("/", "::"))
    key = re.escape(kernel.rpartition("/")[2])
    found = re.search(rf"^{key}(?:\[alias\])?: registered at (.*?):\d+ ::", dump, re.MULTILINE)
    return found is not None and found[1] != torch.library.__file__ and is_pinned_file(found[1])


def _operator_of(kernel: str) -> str:
    return kernel.rpartition("/")[0].partition(".")[0].replace("/", "::")


def patched(called: Collection[str] = ()) -> dict[str, str]:
    """By name, what the program has put into torch.Tensor for what an operator of Python's asks
    for, as `__add__`, or for methods that torch's code or a graph calls, each with a digest of what
    it does.

    Raises:
        UnportableError: one cannot be told in words.
    """
    import torch

    return {
        f"torch.Tensor.{name}": short_digest(all_words(value, f"torch.Tensor.{name}"))
        for name, value in sorted(vars(torch.Tensor).items())
        if (name.startswith("__") or name in called or hasattr(torch._C.TensorBase, name))
        and (_is_put(value) or _is_of_another_name(name, value))
    }


def replaced() -> dict[str, str]:
    """By name, what stands in torch's modules of functions under a name of one, and is none of
    torch's or another one, each with a digest of what it does: torch's own functions call them by
    these names, where neither dynamo nor a guard sees it.

    Raises:
        UnportableError: one cannot be told in words.
    """
    import torch

    modules = (torch.functional, torch.nn.functional, torch.linalg, torch.fft, torch.special)
    members = [(m.__name__, name, value) for m in modules for name, value in vars(m).items()]
    members += [("torch", name, vars(torch).get(name)) for name in _operators()]
    found = {
        f"{module}.{name}": value
        for module, name, value in members
        if not name.startswith("_") and (_is_put(value) or _is_another(module, name, value))
    }
    return {name: short_digest(all_words(value, name)) for name, value in sorted(found.items())}


@functools.cache
def _operators() -> tuple[str, ...]:
    """The names of torch's functions that are operators, or made of some."""
    import torch

    return *dir(torch._C._VariableFunctions), *torch.functional.__all__


def _is_put(value: Any) -> bool:
    """Whether it is a function of the program's, wrapped or not, or another object of its own."""
    if isinstance(value, types.BuiltinFunctionType):
        return False  # of a thousand, nearly all
    return not is_pinned(type(value).__module__) or any(map(_is_of_program, _behind(value)))


def _is_another(module: str, name: str, value: Any) -> bool:
    """Whether it is a function of another name, as `neg` for `relu`. Its own may begin with its
    module's, as `linalg_inv`, and have other underscores.
    """
    if not isinstance(value, types.BuiltinFunctionType | types.FunctionType):
        return False
    own, name = value.__name__.replace("_", ""), name.replace("_", "")
    return own not in (name, module.rpartition(".")[2] + name)


def patched_classes(classes: Iterable[type]) -> tuple[tuple[str, str, str], ...]:
    """Torch's and Python's classes among these that a program can change, each after its module and
    qualified name with what it has put in there.
    """
    mutable = {cls for cls in classes if cls.__flags__ & _HEAP_TYPE and is_pinned(cls.__module__)}
    return tuple(
        sorted(
            (module_name(cls.__module__), cls.__qualname__, patched_class(cls))
            for cls in mutable
            if _is_found(cls)
        )
    )


def _is_found(cls: type) -> bool:
    """Whether a class stands under its name, where it can be looked at again."""
    with contextlib.suppress(Exception):  # as a class of pybind11's, or one that a function makes
        return find_class(module_name(cls.__module__), cls.__qualname__) is cls
    return False


def patched_class(cls: type) -> str:
    """A digest of the program's functions in a class of torch's or Python's, which is told apart
    where they are traced; "" without any.
    """
    codes = [
        f"{name} {code_digest(function.__code__)}"
        for name, value in sorted(vars(cls).items())
        for function in _functions_of_member(value)
        if _is_of_program(function)
    ]
    codes += [
        f"{name} {value.__name__}"
        for name, value in sorted(vars(cls).items())
        if _is_of_another_name(name, value)
    ]
    return short_digest("\n".join(codes)) if codes else ""


def _is_of_another_name(name: str, value: Any) -> bool:
    """Whether a method that is made in C stands for another one, as `sign` for `cos`; Python's own
    operators share some.
    """
    is_native = isinstance(value, types.MethodDescriptorType) and not name.startswith("__")
    return is_native and value.__name__ != name


def _functions_of_member(value: Any) -> tuple[Any, ...]:
    """What a class calls for one of its members: this is asked for each class of each version."""
    if isinstance(value, staticmethod | classmethod):
        return (value.__func__,)
    if isinstance(value, property):
        return value.fget, value.fset, value.fdel
    return (value.func if isinstance(value, functools.cached_property) else value,)


def _behind(value: Any) -> Iterator[Any]:
    """What stands there, and what it is wrapped around."""
    met: set[int] = set()
    while value is not None and id(value) not in met:  # some say that they wrap themselves
        met.add(id(value))
        yield value
        value = getattr(value, "__wrapped__", None) or (behind_wrapper(value) or (None,))[0]


def _is_of_program(value: Any) -> bool:
    return isinstance(value, types.FunctionType) and not is_pinned_file(value.__code__.co_filename)
