"""Programs that compile under settings of their own: warm runs give the same bits, or are cold."""

from pathlib import Path

import pytest

from tests.forking import Interpreters
from tests.programs import Programs, variant

pytestmark = pytest.mark.torch
pytest.importorskip("torch")

BEGIN = """
import hashlib
import torch
from torch._inductor import config

FUSED = {"cpp.enable_floating_point_contract_flag": "fast"}
x, y, z = (torch.arange(3000.0).add(first).sin() for first in range(3))

def show(name, *tensors):
    data = b"".join(tensor.detach().numpy().tobytes() for tensor in tensors)
    print(name, hashlib.sha256(data).hexdigest())

def product(x, y, z):
    return (x * y + z).tanh() * x * (y * z + x)
"""
OPTIONS = (
    BEGIN
    + """
import threading

for options in None, FUSED, {"cpp.simdlen": 1}:
    leaf = x.clone().requires_grad_()
    result = torch.compile(product, options=options)(leaf, y, z)
    backward = threading.Thread(target=result.sum().backward)
    backward.start()
    backward.join()
    show(options, result, leaf.grad)
"""
)


def test_what_was_compiled_under_options_is_loaded_under_them(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    programs.write(program=OPTIONS)
    plain, cold, warm = programs.plain(), programs.precompile(), programs.precompile()
    assert len({line.split()[-1] for line in plain.stdout.splitlines()}) > 1  # they count
    assert plain.stdout == cold.stdout == warm.stdout
    assert (cold.frames, warm.frames) == ((0, 3, 3), (3, 0, 0))
    assert warm.report["kernels"]["built"] == warm.report["artifacts"]["recorded"] == 0


BACKWARD = (
    BEGIN
    + """
import contextlib

def other(x, y, z):
    return product(x, y, z) + 1

for function, backward in (product, contextlib.nullcontext()), (other, config.patch(FUSED)):
    leaf = x.clone().requires_grad_()
    with config.patch(FUSED):
        result = torch.compile(function)(leaf, y, z)
    with backward:
        result.sum().backward()
    show(function.__name__, result, leaf.grad)
"""
)


def test_backward_that_is_compiled_under_other_settings_is_not_kept_with_its_forward(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    programs.write(program=BACKWARD)
    plain, cold, warm = programs.plain(), programs.precompile(), programs.precompile()
    tracing = programs.run()
    assert plain.stdout == cold.stdout == warm.stdout == tracing.stdout
    assert (cold.frames, warm.frames) == ((0, 2, 1), (1, 1, 0))
    (reason,) = warm.reasons.values()
    assert "its backward was compiled under other settings of inductor" in reason
    assert cold.reasons == warm.reasons == {"__main__.product": reason}
    for ran in (warm, tracing):
        assert ran.report["kernels"]["built"] == ran.report["artifacts"]["recorded"] == 0


def test_settings_that_follow_from_options_are_those_of_a_compile() -> None:
    from torch._inductor import config

    from precompile_context.adapters.pytorch.precompile.compile_settings import in_force

    options = {"triton.cudagraphs": True, "graph_partition": True}
    with in_force(options):
        assert config.triton.cudagraphs
    with in_force(options | {"cpp_wrapper": True}):
        assert not config.triton.cudagraphs
    assert not config.triton.cudagraphs


RECOMPILED = """
import torch

torch._dynamo.config.error_on_recompile = True

@torch.compile
def square(x):
    return x @ x

with torch.no_grad():
    for size in «6, 7¦7, 6»:
        try:
            print(square(torch.ones(size, size)).sum().item())
        except torch._dynamo.exc.RecompileError:
            print("refused")
"""


def test_version_is_not_served_where_torch_refuses_to_compile_again(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    programs.write(program=variant(RECOMPILED, edited=False))
    cold, warm = programs.precompile(), programs.precompile()
    assert cold.stdout == warm.stdout == "216.0\nrefused\n"
    assert (cold.frames, warm.frames) == ((0, 1, 1), (1, 0, 0))
    programs.write(program=variant(RECOMPILED, edited=True))
    edited = programs.precompile()
    assert edited.stdout == "343.0\nrefused\n"
    assert edited.frames == (0, 1, 1)


BOUNDED = """
import torch

def «before¦after»(x):
    return x.t() @ x * x.shape[0]

x = torch.ones(4, 2)
torch._dynamo.mark_dynamic(x, 0, min=2, max=«8¦16»)
with torch.no_grad():
    print(torch.compile(«before¦after»)(x).sum().item())
"""


@pytest.mark.parametrize("options", [(), ("--precompile",)], ids=["graphs", "frames"])
def test_graph_of_sizes_within_other_bounds_is_another(
    options: tuple[str, ...], tmp_path: Path, interpreters: Interpreters
) -> None:
    """torch would take it for this one, and refuse its guards by an error."""
    programs = Programs(tmp_path, interpreters)
    programs.write(program=variant(BOUNDED, edited=False))
    programs.run(*options)
    warm = programs.run(*options)
    assert warm.report["kernels"]["built"] == warm.report["artifacts"]["recorded"] == 0
    programs.write(program=variant(BOUNDED, edited=True))
    assert programs.run(*options).stdout == "64.0\n"
    assert programs.run(*options).report["artifacts"]["recorded"] == 0
