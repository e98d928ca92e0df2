"""Graphs that DistributedDataParallel cuts where a bucket of gradients is full."""

import operator
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.forking import Interpreters
from tests.programs import Programs

pytestmark = pytest.mark.torch
pytest.importorskip("torch")

PROGRAM = """
import os, tempfile
import torch, torch.distributed
from torch import nn
from torch.nn.parallel import DistributedDataParallel
import helpers

torch.distributed._DEFAULT_FIRST_BUCKET_BYTES = 64
COMPILES = os.environ.get("COMPILES", "1") == "1"

class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(8, 8) for _ in range(2)])

    def forward(self, batch, scale=2):
        found = batch
        for layer in self.layers:
            found = helpers.activation(layer(found)) + batch
        return found, (found.sum() * scale, batch.shape[0])

torch.manual_seed(0)
with tempfile.NamedTemporaryFile() as meeting:
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{meeting.name}", rank=0, world_size=1
    )
    network = DistributedDataParallel(Network(), bucket_cap_mb=0.0002)
    called = torch.compile(network) if COMPILES else network
    for rows in (4, 6, 5):
        found, (total, size) = called(torch.randn(rows, 8))
        (found.square().mean() + total * 1e-3).backward()
        gradients = [parameter.grad.sum().item() for parameter in network.parameters()]
        print(size, total.item(), *gradients)
        network.zero_grad()
    torch.distributed.destroy_process_group()
"""
HELPERS = "import torch\n\ndef activation(x):\n    return torch.tanh(x)\n"


def about(stdout: str) -> Any:
    """The numbers that were printed, as far as compiled and eager code agree on them."""
    return pytest.approx(figures(stdout), abs=1e-3)


def figures(stdout: str) -> list[float]:
    return [float(word) for word in stdout.split()]


def test_pieces_are_served_with_the_graph_around_them_and_sizes_that_vary(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    programs.write(program=PROGRAM, helpers=HELPERS)
    eager = programs.plain(COMPILES="0")
    cold, warm = programs.precompile(), programs.precompile()
    assert cold.stdout == warm.stdout
    assert figures(cold.stdout) == about(eager.stdout)
    served, compiled, saved = cold.frames
    assert (served, saved, cold.reasons) == (0, compiled, {})
    # Forward and backward of two pieces, for one size and for any.
    assert cold.report["graphs"]["compiled"] == 8
    assert warm.frames == (compiled, 0, 0)
    assert warm.report["graphs"]["compiled"] == warm.report["kernels"]["built"] == 0
    assert warm.report["artifacts"]["recorded"] == 0

    programs.write(helpers=HELPERS.replace("tanh", "sin"))
    edited, again = programs.precompile(), programs.precompile()
    otherwise = programs.plain(COMPILES="0")
    assert edited.stdout == again.stdout
    assert figures(edited.stdout) == about(otherwise.stdout) != figures(eager.stdout)
    assert edited.frames[1] == edited.frames[2] > 0
    assert again.frames[1] == 0


def test_where_a_graph_is_cut_is_part_of_how_it_is_compiled() -> None:
    import torch
    from torch._dynamo.backends.distributed import DDPOptimizer

    from precompile_context.adapters.pytorch.precompile.key import settings_digest

    inductor: Any = torch._TorchCompileInductorWrapper
    chosen = inductor("default", None, None)
    compilers = [chosen, *(DDPOptimizer(size, chosen, 64).compile_fn for size in (64, 128))]
    digests = [settings_digest(compiler, False, None) for compiler in compilers]
    again = DDPOptimizer(64, chosen, 64).compile_fn
    assert len(set(digests)) == len(digests)
    assert settings_digest(again, False, None) == digests[1]


def test_the_graph_around_pieces_is_made_anew_as_it_was() -> None:
    from precompile_context.adapters.pytorch.precompile.split_graphs import SplitGraph, Step, Value

    steps = (
        Step("g_piece0", (Value(0), [Value(1), 3])),
        Step("", (Value(2), 1)),
        Step("g_piece1", (Value(3),), is_single=True),
    )
    cut = SplitGraph(("a", "b"), steps, (Value(4), (Value(0), None)))
    pieces: dict[str, Callable[..., Any]] = {
        "g_piece0": lambda a, others: (a, a + others[0] * others[1]),
        "g_piece1": lambda a: (a * 2,),
    }
    assert cut.pieces == ("g_piece0", "g_piece1")
    assert cut.function(pieces)(1, 10) == (62, (1, None))


def test_what_is_no_piece_around_pieces_keeps_a_version_from_being_saved() -> None:
    import torch

    from precompile_context.adapters.pytorch.precompile.digests import UnportableError
    from precompile_context.adapters.pytorch.precompile.split_graphs import told_in_steps

    class Piece(torch.nn.Module):
        unwrap_singleton_tuple = True

        def forward(self, x: object) -> object:
            return x

    def around(target: Callable[..., Any], *arguments: Any) -> torch.fx.GraphModule:
        graph = torch.fx.Graph()
        x = graph.placeholder("x")
        y = graph.call_module("piece", (x, *arguments))
        graph.output(graph.call_function(target, (y, 0)))
        return torch.fx.GraphModule({"piece": Piece()}, graph)

    told = told_in_steps(around(operator.getitem), "g")
    assert told is not None
    assert (told.inputs, told.pieces) == (("x",), ("g_piece0",))
    assert told_in_steps(SimpleNamespace(), "g") is None
    with pytest.raises(UnportableError, match="call_function stands around the pieces"):
        told_in_steps(around(operator.add), "g")
    with pytest.raises(UnportableError, match="a piece of its graph is given a dtype"):
        told_in_steps(around(operator.getitem, torch.float32), "g")
