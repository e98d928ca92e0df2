"""Graphs that call nothing, where CUDA graphs would record them: left to torch, and told."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from torch._inductor import compile_fx
from torch._inductor.output_code import OutputCode
from torch._inductor.utils import BoxedBool
from torch._subclasses import FakeTensorMode

from precompile_context.adapters import pytorch
from precompile_context.adapters.pytorch.precompile import without_calls
from precompile_context.session.patches import Patches

pytestmark = pytest.mark.torch


class _OnGpu:
    device = torch.device("cuda")


def test_it_stays_a_function_where_cuda_graphs_would_record_it() -> None:
    patches = Patches()
    without_calls.watch(patches)
    try:
        given: Any
        for is_recorded, given in ((True, _OnGpu()), (False, torch.ones(3))):
            module = torch.fx.symbolic_trace(lambda x: (x,))
            with FakeTensorMode(allow_non_fake_inputs=True):
                made = compile_fx.compile_fx_inner(module, [given], cudagraphs=BoxedBool(True))
            assert isinstance(made, OutputCode) != is_recorded
    finally:
        patches.undo()


def test_what_torch_does_not_save_is_not_blamed_on_a_backward_that_was_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(without_calls, "_count", lambda original, graph: original(graph))
    torch._dynamo.reset()
    with pytorch.caching_precompile(tmp_path / "b.precompile") as report:
        added = torch.compile(lambda x: x + x.detach())
        added(torch.ones(3, requires_grad=True)).sum().backward()
    assert report.precompile is not None
    (reason,) = report.precompile.cold.values()
    assert "torch keeps none of it" in reason
