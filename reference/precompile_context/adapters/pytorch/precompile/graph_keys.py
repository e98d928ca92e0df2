"""Keys of compiled graphs that know the program's own code in them, and where inputs lie.

torch's keys name an operator of the program's, or a function that is allowed in a graph, and
do not say what it does: with other code under the same name, they find the graph that was
compiled before. Here the code becomes part of the key. Graphs without any keep torch's keys.
"""

import base64
import contextlib
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from precompile_context.adapters.pytorch.precompile import (
    bounds,
    dispatching,
    inductor_code,
    observed,
    overlaps,
    unguarded,
)
from precompile_context.adapters.pytorch.precompile.collecting import Collector
from precompile_context.adapters.pytorch.precompile.digests import is_pinned, short_digest
from precompile_context.adapters.pytorch.precompile.operators import (
    has_table,
    is_of_program,
    operator_digest,
    operator_name,
    table_digest,
)
from precompile_context.adapters.pytorch.precompile.overridden import (
    overridden,
    patched,
    replaced,
)
from precompile_context.adapters.pytorch.precompile.patterns import patterns_digest
from precompile_context.adapters.pytorch.precompile.side_effects import side_effects
from precompile_context.adapters.pytorch.precompile.switches_read import switched
from precompile_context.adapters.pytorch.precompile.words import all_words
from precompile_context.session.patches import Patches

# Operators of torch's that run a function that they are given.
_RUNNING_OTHERS = frozenset(("flat_apply", "invoke_leaf_function"))
# As long as torch's own.
_KEY_CHARACTERS = 51


_operators: Collector[set[str]] = Collector(set)


@contextlib.contextmanager
def collecting() -> Iterator[set[str]]:
    """The names of the program's operators in graphs for which this thread makes keys meanwhile."""
    outer = _operators.notes
    with _operators.collecting() as names:
        try:
            yield names
        finally:
            if outer is not None:
                outer |= names


def collected() -> set[str]:
    """The names that the innermost block of this thread has collected so far."""
    return _operators.notes or set()


def install(patches: Patches) -> None:
    """Have torch make such keys."""
    from torch._functorch._aot_autograd import autograd_cache
    from torch._inductor import codecache

    patches.wrap(autograd_cache, "autograd_cache_key", _autograd_key)
    patches.wrap(codecache, "compiled_fx_graph_hash", _inductor_key)


def _autograd_key(
    original: Callable[..., tuple[str, list[str]]], module: Any, *args: Any, **kwargs: Any
) -> tuple[str, list[str]]:
    from torch._functorch._aot_autograd.autograd_cache import BypassAOTAutogradCache

    graph = getattr(module, "gm", module)
    inputs = args[0] if args else ()
    _observe(graph, inputs)
    if _takes_from_storages(graph):
        unguarded.untold("where a tensor that as_strided() looks at begins in its storage")
    key, lines = original(module, *args, **kwargs)
    return _with_program(key, lines, graph, BypassAOTAutogradCache, inputs)


def _inductor_key(
    original: Callable[..., tuple[str, list[str]]], module: Any, *args: Any, **kwargs: Any
) -> tuple[str, list[str]]:
    from torch._inductor.codecache import BypassFxGraphCache

    _observe(module, ())
    key, lines = original(module, *args, **kwargs)
    inputs = args[0] if args and _takes_from_storages(module) else ()
    return _with_program(key, lines, module, BypassFxGraphCache, inputs)


def _observe(module: Any, inputs: Any) -> None:
    """Have it observed where code of the program runs in a compile of this graph."""
    classes = {type(value) for value in inputs}
    if (
        inductor_code.is_there()
        or not all(is_pinned(cls.__module__) for cls in classes)
        or has_table()
        or any(is_untraced(node.target) for node in _calls(module))
    ):
        observed.needed()


def _calls(module: Any) -> Iterator[Any]:
    """The nodes of a graph, and of the graphs within it, that call a function."""
    return (node for node in _nodes(module) if node.op == "call_function")


def _methods(module: Any) -> set[str]:
    """The names of tensors' methods that a graph calls."""
    return {node.target for node in _nodes(module) if node.op == "call_method"}


def _nodes(module: Any) -> Iterator[Any]:
    import torch

    for graph in module.modules():
        if isinstance(graph, torch.fx.GraphModule):
            yield from graph.graph.nodes


def _takes_from_storages(module: Any) -> bool:
    """Whether a graph takes a tensor's place in its storage for another's."""
    called = (str(getattr(node.target, "__name__", "")) for node in _calls(module))
    return any(name.startswith("as_strided") for name in (*called, *_methods(module)))


def is_untraced(target: Any) -> bool:
    """Whether what a graph calls runs code of the program's."""
    named = str(getattr(target, "__name__", ""))
    return named in _RUNNING_OTHERS or is_of_program(target) or not is_pinned(_module_of(target))


def _with_program(
    key: str, lines: list[str], module: Any, bypass: type[Exception], inputs: Any = ()
) -> tuple[str, list[str]]:
    try:
        code = program_code(module)
        code += dispatching.of_inputs(inputs)
        code += [f"size within {size}" for size in bounds.of_sizes()]
        code += [f"inputs that overlap {group}" for group in overlaps.of_inputs(inputs)]
        if inputs and _takes_from_storages(module):
            code.append(f"inputs that begin at {overlaps.offsets(inputs)}")
    except Exception as error:  # torch's own way to say that a graph cannot be cached
        raise bypass(f"the program's code in the graph is not known: {error}") from error
    if not code:
        return key, lines
    digest = hashlib.sha256("\n".join([key, *code]).encode(errors="surrogatepass")).digest()
    text = base64.b32encode(digest).decode().lower()[:_KEY_CHARACTERS]
    line = f"[{short_digest(''.join(code))}] code of the program: {', '.join(code)}"
    return key[:1] + text, [*lines, line] if lines else lines


def program_code(module: Any) -> list[str]:
    """The program's own code that a graph names, each with what it does, and what the program has
    switched in torch; none in most graphs.

    Raises:
        UnportableError: it cannot be told in words.
    """
    found = {name: operator_digest(name) for name in overridden()}
    found |= patched(_methods(module)) | replaced()
    for node in _calls(module):
        if is_of_program(node.target):
            name = operator_name(node.target)
            if name not in found:
                found[name] = operator_digest(name)
        elif not is_pinned(_module_of(node.target)):
            name = f"{_module_of(node.target)}.{getattr(node.target, '__qualname__', '')}"
            if name not in found:
                found[name] = short_digest(all_words(node.target, name))
    if _operators.notes is not None:
        _operators.notes.update(name for name in found if "::" in name)
    if table := table_digest():
        found["lowerings and decompositions"] = table
    if patterns := patterns_digest():
        found["patterns"] = patterns
    if called := inductor_code.inductor_code_digest():
        found["passes and backends"] = called
    if kept := side_effects():
        found["side effects"] = short_digest(" ".join(kept))
    if texts := switched():
        found["switches"] = short_digest(texts)
    return [f"{name} {digest}" for name, digest in sorted(found.items())]


def _module_of(target: Any) -> str:
    return str(getattr(target, "__module__", None) or "builtins")
