"""A frame's graph that DistributedDataParallel has cut: its pieces, and how they go together.

torch cuts it where a bucket of gradients is full, so that these are reduced while the rest of the
backward runs, has each piece compiled by itself, and calls them from a graph around them. Pieces
are saved as other graphs are; the graph around them is told in steps, and made anew of them.
"""

import itertools
import operator
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from precompile_context.adapters.pytorch.precompile.digests import UnportableError

# The attribute of a graph in which dynamo keeps the number of its compile, while it records.
NUMBER = "_backend_id"
_cutting = threading.local()
_CONSTANTS = (bool, int, float, str, type(None))


@dataclass(frozen=True)
class Value:
    """Stands in the arguments of a step for an input, or after all of them for what a step gave."""

    place: int


@dataclass(frozen=True)
class Step:
    """A piece that is called, or an element that is taken of what one gave.

    Attributes:
        piece: the piece's name; "" takes the element.
        arguments: constants and values, in tuples and lists.
        is_single: whether a piece that answers a tuple stands for the tuple's first.
    """

    piece: str
    arguments: tuple[Any, ...]
    is_single: bool = False


@dataclass(frozen=True)
class SplitGraph:
    """The graph around the pieces: inputs, steps, and what comes out."""

    inputs: tuple[str, ...]
    steps: tuple[Step, ...]
    output: Any

    @property
    def pieces(self) -> tuple[str, ...]:
        """The names of the pieces, as they are called."""
        return tuple(step.piece for step in self.steps if step.piece)

    def function(self, pieces: Mapping[str, Callable[..., Any]]) -> Callable[..., Any]:
        """The graph, of pieces that are compiled, as torch makes it."""
        import torch

        graph, root = torch.fx.Graph(), torch.nn.Module()
        values = [graph.placeholder(name) for name in self.inputs]

        def with_values(told: Any) -> Any:
            if isinstance(told, Value):
                return values[told.place]
            return type(told)(map(with_values, told)) if isinstance(told, list | tuple) else told

        for step in self.steps:
            arguments = with_values(step.arguments)
            if step.piece:
                name = f"compiled_submod_{len(values)}"
                root.add_module(name, _piece(pieces[step.piece], step.is_single))
                values.append(graph.call_module(name, arguments))
            else:
                values.append(graph.call_function(operator.getitem, arguments))
        graph.output(with_values(self.output))
        return torch.fx.GraphModule(root, graph)


def chosen_backend(compiler: Any) -> tuple[Any, str]:
    """The backend that the user chose, and into buckets of how many bytes its graphs are cut."""
    from torch._dynamo.backends.distributed import DDPOptimizer
    from torch._dynamo.eval_frame import innermost_backend

    backend = innermost_backend(compiler)
    optimizer = getattr(backend, "__self__", None)
    if not isinstance(optimizer, DDPOptimizer):
        return backend, ""
    sizes = f"{optimizer.first_bucket_cap} {optimizer.bucket_bytes_cap}"
    return innermost_backend(optimizer.backend_compile_fn), sizes


def compile_cut(
    original: Callable[..., Any], optimizer: Any, module: Any, *args: Any, **kwargs: Any
) -> Any:
    """In the place of what cuts a graph: gives each piece a name of its own before its compile."""
    graph = getattr(module, NUMBER, None)
    if graph is None:  # nothing is recorded
        return original(optimizer, module, *args, **kwargs)
    compile_one = optimizer.backend_compile_fn
    count = itertools.count()

    def compile_piece(piece: Any, *args: Any, **kwargs: Any) -> Any:
        if piece is not module:  # one bucket holds all: it is compiled uncut
            setattr(piece, NUMBER, _piece_name(graph, next(count)))
        return compile_one(piece, *args, **kwargs)

    optimizer.backend_compile_fn = compile_piece
    outer, _cutting.is_recorded = getattr(_cutting, "is_recorded", False), True
    try:
        return original(optimizer, module, *args, **kwargs)
    finally:
        optimizer.backend_compile_fn, _cutting.is_recorded = compile_one, outer


def check_cacheable(original: Callable[..., None], module: Any) -> None:
    """torch caches no piece: one that it found would not tell the next piece its strides.

    That is about finding one, so that those of here are saved, and `look_up` finds none.
    """
    import torch

    tracing = torch._guards.TracingContext.try_get()
    if tracing is None or not getattr(_cutting, "is_recorded", False):
        return original(module)
    tells, tracing.fakify_first_call = tracing.fakify_first_call, False
    try:
        return original(module)
    finally:
        tracing.fakify_first_call = tells


def look_up(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What AOTAutograd's cache finds: nothing where the next piece waits for strides."""
    import torch

    tracing = torch._guards.TracingContext.try_get()
    if tracing is not None and tracing.fakify_first_call:
        return None
    return original(*args, **kwargs)


def told_in_steps(compiled: Any, graph: str) -> SplitGraph | None:
    """What torch has made of the graph of this name; None where it was not cut.

    Raises:
        UnportableError: the graph around the pieces has more than pieces and their elements.
    """
    import torch

    around = getattr(compiled, "__self__", compiled)  # the graph, or its `forward`
    if not isinstance(around, torch.fx.GraphModule) or not any(map(_is_piece, around.children())):
        return None
    places: dict[Any, Value] = {}

    def told(argument: Any) -> Any:
        if isinstance(argument, torch.fx.Node):
            return places[argument]
        if isinstance(argument, list | tuple):
            kind = list if isinstance(argument, list) else tuple
            return kind(map(told, argument))
        if type(argument) in _CONSTANTS:
            return argument
        raise UnportableError(f"a piece of its graph is given a {type(argument).__name__}")

    inputs, steps, output, pieces = [], [], None, 0
    for node in around.graph.nodes:
        if node.op == "output":
            output = told(node.args[0])
            continue
        if node.op == "placeholder":
            inputs.append(node.name)
        elif node.op == "call_module" and _is_piece(module := around.get_submodule(node.target)):
            single = bool(module.unwrap_singleton_tuple)
            steps.append(Step(_piece_name(graph, pieces), told(node.args), single))
            pieces += 1
        elif node.op == "call_function" and node.target is operator.getitem:
            steps.append(Step("", told(node.args)))
        else:
            raise UnportableError(
                f"DistributedDataParallel cut its graph, and {node.op} stands around the pieces;"
                " where torch._dynamo.config.optimize_ddp is False, it is not cut"
            )
        places[node] = Value(len(places))
    return SplitGraph(tuple(inputs), tuple(steps), output)


def _is_piece(module: Any) -> bool:
    return hasattr(module, "unwrap_singleton_tuple")


def _piece_name(graph: str, index: int) -> str:
    return f"{graph}_piece{index}"


def _piece(function: Callable[..., Any], is_single: bool) -> Any:
    import torch

    class Piece(torch.nn.Module):
        def forward(self, *args: Any) -> Any:
            answer = function(*args)
            return answer[0] if is_single and isinstance(answer, tuple | list) else answer

    return Piece()
