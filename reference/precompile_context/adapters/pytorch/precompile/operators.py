"""The program's own operators: what Python code says of them to torch's compiler.

A compiled graph holds an operator by its name. What the operator means to a compile is in
its schema and in what was registered for it: a fake implementation, a gradient, rules for vmap
and autocast, a decomposition, a lowering.
"""

import functools
import hashlib
import inspect
import os
import re
import sys
import types
from collections.abc import Iterator
from typing import Any

from precompile_context.adapters.pytorch.precompile.digests import (
    UnportableError,
    has_state,
    is_pinned,
    nested_codes,
    short_digest,
)
from precompile_context.adapters.pytorch.precompile.living_functions import (
    functions_within,
    held_natively,
)
from precompile_context.adapters.pytorch.precompile.scope import is_of_torch
from precompile_context.adapters.pytorch.precompile.words import all_words

# Namespaces of operators that are part of torch, whose version is a fact of the environment.
_OF_TORCH = frozenset(
    [
        "aten",
        "prim",
        "prims",
        "rngprims",
        "debugprims",
        "quantized",
        "quantized_decomposed",
        "_quantized",
        "inductor",
        "_inductor_test",
        "higher_order",
        "c10d",
        "_c10d_functional",
        "_c10d_functional_autograd",
        "c10d_functional",
        "_dtensor",
        "fsdp",
        "symm_mem",
        "mkldnn",
        "mkldnn_prepacked",
        "mkl",
        "onednn",
        "xnnpack",
        "prepacked",
        "profiler",
        "sparse",
        "static_runtime",
        "streams",
        "debug_log",
        "export",
        "torch_attn",
        "vulkan_prepack",
        "ao",
        "debug_mode_ops",
        "mempool",
        "pippy",
        "cuda",
        "mtia",
        "nccl",
    ]
)
# What a CustomOpDef refers to, and is not; torch's keys hold Triton's sources.
_OF_DYNAMO = ("torch_dynamo_resume_in_", "__compiled_fn")
_OURS = "precompile_context"
_OF_THE_DISPATCHER = frozenset(("_lib", "_opoverload", "_disabled_kernel", "_used_triton_kernels"))


def is_of_program(operator: Any) -> bool:
    """Whether a target of a graph is an operator that torch does not come with."""
    import torch

    if not isinstance(operator, torch._ops.OpOverload | torch._ops.OpOverloadPacket):
        return False
    return operator_name(operator).partition("::")[0] not in _OF_TORCH


def operator_name(operator: Any) -> str:
    """Namespace and name, without the overload's."""
    import torch

    packet = operator.overloadpacket if isinstance(operator, torch._ops.OpOverload) else operator
    return str(packet._qualified_op_name)


def operator_digest(name: str) -> str:
    """Equal where an operator means the same to a compile.

    Raises:
        UnportableError: part of what is registered has no words.
    """
    namespace, _, base = name.partition("::")
    lines = []
    for overload in _overloads(namespace, base):
        path = f"operator {name}"
        lines.append(str(overload._schema))
        lines.append(" ".join(sorted(str(tag) for tag in overload.tags)))
        lines += [f"{what} {all_words(value, path)}" for what, value in _registered(overload)]
    lines += _others(name)
    return short_digest("\n".join(lines))


def functions_registered(name: str) -> Iterator[Any]:
    """What is registered for an operator of this name, functions and what holds some."""
    namespace, _, base = name.partition("::")
    for overload in _overloads(namespace, base):
        for _, value in _registered(overload):
            yield value


def _overloads(namespace: str, base: str) -> list[Any]:
    import torch

    packet = getattr(getattr(torch.ops, namespace), base, None)
    return [] if packet is None else [getattr(packet, name) for name in sorted(packet.overloads())]


def _registered(overload: Any) -> Iterator[tuple[str, Any]]:
    from torch._inductor import lowering
    from torch._inductor.decomposition import decompositions
    from torch._library import simple_registry
    from torch._library.custom_ops import OPDEFS

    name = overload._schema.name
    definition = OPDEFS.get(name)
    if definition is not None:
        for attribute, value in sorted(vars(definition).items()):
            if attribute not in _OF_THE_DISPATCHER:
                yield attribute, value
    full = name if overload._overloadname == "default" else f"{name}.{overload._overloadname}"
    entry: Any = simple_registry.singleton.get(full)
    if entry is not None:  # torch makes one with nothing in it where it looks for one
        if kernels := [_checked(kernel.func) for kernel in entry.fake_impl.kernels]:
            yield "fake", kernels
        if rules := list(entry.torch_dispatch_rules._data.items()):
            yield "dispatch", rules
        if (effect := entry.effect._effect) is not None:
            yield "effect", str(effect)
    for key, kernel in sorted(overload.py_kernels.items(), key=lambda item: str(item[0])):
        if not _is_torchs(kernel):
            yield f"kernel {key}", kernel
    for what, table in (("lowering", lowering.lowerings), ("decomposition", decompositions)):
        if (function := table.get(overload)) is not None and not _is_torchs(function):
            yield what, function


def _checked(function: Any) -> Any:
    """What torch calls behind a check that it makes once, and notes in a closure that it did."""
    code = getattr(function, "__code__", None)
    if code is None or not code.co_qualname.startswith("_check_pystubs_once."):
        return function
    return dict(zip(code.co_freevars, function.__closure__, strict=True))["func"].cell_contents


def _is_torchs(function: Any) -> bool:
    """Whether torch has put it there, as it does with fallbacks while it compiles."""
    return is_pinned(getattr(function, "__module__", None) or "torch")


def has_table() -> bool:
    """Whether the program has put anything into torch's tables of lowerings and decompositions."""
    return any(True for _ in _in_tables())


def table_digest() -> str:
    """Of what the program has put into torch's tables of lowerings and decompositions; "": nothing.

    Raises:
        UnportableError: one of them has no words.
    """
    lines = [
        f"{what} {operator} {all_words(function, f'the {what} of {operator}')}"
        for what, operator, function in _in_tables()
    ]
    return short_digest("\n".join(sorted(lines))) if lines else ""


def _in_tables() -> Iterator[tuple[str, Any, Any]]:
    from torch._decomp import global_decomposition_table
    from torch._inductor import lowering
    from torch._inductor.decomposition import decompositions

    tables = {"lowering": lowering.lowerings, "decomposition": decompositions}
    tables.update(global_decomposition_table)
    for what, table in tables.items():
        # Asked for each graph, of thousands of functions in a few hundred modules, nearly always
        # torch's.
        modules = {getattr(function, "__module__", None) for function in table.values()}
        if all(is_pinned(module or "torch") for module in modules):
            continue
        for operator, function in table.items():
            if not _is_torchs(function):
                yield what, operator, function


def _others(name: str) -> Iterator[str]:
    """What else an operator's meaning may be in.

    Kernels that Library.impl was given are known to torch's dispatcher alone: all functions
    count of the modules that name the operator's namespace. And libraries with operators in C++.
    """
    import torch

    namespace = name.partition("::")[0]
    if any(key.startswith(f"{name.replace('::', '/')}/") for key in _plain_kernels()):
        modules = naming(namespace)
        if not modules:
            raise UnportableError(f"what is registered for operator {name} is not known")
        yield from sorted(_functions_of(modules))
    for path in sorted(torch.ops.loaded_libraries):
        yield f"library {os.path.basename(path)} {_file_digest(path)}"


def naming(namespace: str) -> list[str]:
    """The program's modules that name a namespace of operators, in quotation marks."""
    return [name for name, file in _program_files().items() if _names(file, namespace)]


@functools.cache
def _names(file: str, namespace: str) -> bool:
    named = rf"""["']{re.escape(namespace)}(::|["'])""".encode()
    return re.search(named, _content(file)) is not None


def _functions_of(modules: list[str]) -> set[str]:
    """The words of the functions that there are of some modules and that may be a kernel.

    One that another one makes is told by the code of that, unless it holds something; and then it
    is one of many, there for as long as something holds it, of which a kernel's is the dispatcher.
    """
    scopes = [vars(sys.modules[name]) for name in modules]
    names = dict(zip(map(id, scopes), modules, strict=True))
    found = [function for function in functions_within(scopes) if _is_written(function.__code__)]
    made = {id(code) for f in found for code in nested_codes(f.__code__) if code is not f.__code__}
    functions = [f for f in found if id(f.__code__) not in made]
    functions += held_natively([f for f in found if id(f.__code__) in made and has_state(f)])
    return {
        all_words(function, f"{names[id(function.__globals__)]}.{function.__qualname__}")
        for function in functions
    }


def _is_written(code: types.CodeType) -> bool:
    """Whether code is that of a function which the program has: dynamo makes some, and Python runs
    the body of a module or a class as one, which reads whatever the program computes.
    """
    from torch._dynamo.convert_frame import output_codes

    is_of_dynamo = code.co_name.startswith(_OF_DYNAMO) or code in output_codes
    return bool(code.co_flags & inspect.CO_OPTIMIZED) and not is_of_dynamo


def _plain_kernels() -> set[str]:
    """Namespace, name and key of what Library.impl was given, but for what custom_op does."""
    import torch
    from torch._library.custom_ops import OPDEFS

    defined = {name.replace("::", "/") for name in OPDEFS}
    return {
        key
        for key in torch.library._impls
        if key.rpartition("/")[0].partition(".")[0] not in defined and not key.endswith("/Meta")
    }


def _program_files() -> dict[str, str]:
    """The source files of the modules that are neither torch's, nor Python's own, nor ours."""
    files = {}
    for name, module in list(sys.modules.items()):
        file = vars(module).get("__file__") if isinstance(module, types.ModuleType) else None
        apart = is_pinned(name) or is_of_torch(name) or name.partition(".")[0] == _OURS
        if isinstance(file, str) and file.endswith(".py") and not apart:
            files[name] = file
    return files


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


@functools.cache
def _file_digest(path: str) -> str:
    return hashlib.sha256(_content(path)).hexdigest()
