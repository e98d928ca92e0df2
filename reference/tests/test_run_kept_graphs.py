"""Backwards that keep their graph, and such as do not, after a run that did the other."""

from pathlib import Path

import pytest

from tests.forking import Interpreters
from tests.programs import Programs

pytestmark = pytest.mark.torch

PROGRAM = """
import os, torch

@torch.compile
def step(x):
    return x.sin().sum() * x

x = torch.linspace(-1, 1, 30).requires_grad_()
for keeps in map(int, os.environ["KEEPS"]):
    loss = step(x).cos().sum()
    try:
        loss.backward(retain_graph=bool(keeps))
        if keeps:
            loss.backward()
        print(x.grad.sum().item().hex())
    except RuntimeError as error:
        print(error)
"""


@pytest.mark.parametrize("options", [(), ("--precompile",)], ids=["graphs", "frames"])
def test_a_first_backward_may_keep_its_graph_where_the_run_before_kept_none(
    options: tuple[str, ...], tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    programs.write(program=PROGRAM)
    cold = programs.run(*options, KEEPS="00")
    # A torch that does not keep the graph at first refuses to keep it later.
    for keeps in ("00", "10", "11", "01"):
        plain = programs.plain(KEEPS=keeps)
        assert ("donated" in plain.stdout) == (keeps == "01")
        warm = programs.run(*options, KEEPS=keeps)
        assert (warm.stdout, warm.stderr) == (plain.stdout, plain.stderr)
        assert warm.report["artifacts"]["recorded"] == 0
        assert warm.report["kernels"]["built"] == 0
    assert cold.report["artifacts"]["recorded"] > 0


WITHIN = """
import torch

torch._dynamo.config.error_on_recompile = True
torch.manual_seed(0)
x = torch.ones(2, 2)

first, second = torch.nn.Linear(2, 2), torch.nn.Linear(2, 3)

def one(x):
    loss = first(x).square().sum()
    loss.backward()
    return loss

def two(x):
    loss = second(x).square().sum()
    loss.backward()
    return loss

for step in map(torch.compile, (one, two)):
    print(step(x).item())
"""


@pytest.mark.parametrize("options", [(), ("--precompile",)], ids=["graphs", "frames"])
def test_what_of_ours_a_backward_calls_is_not_compiled_as_the_programs(
    options: tuple[str, ...], tmp_path: Path, interpreters: Interpreters
) -> None:
    """A backward within a compiled function is run while dynamo looks out for frames."""
    programs = Programs(tmp_path, interpreters)
    programs.write(program=WITHIN)
    plain = programs.plain()
    runs = [programs.run(*options) for _ in range(3)]
    assert {(ran.stdout, ran.stderr) for ran in runs} == {(plain.stdout, "")}
    if options:
        assert [ran.frames for ran in runs] == [(0, 2, 2), (2, 0, 0), (2, 0, 0)]
    assert [ran.report["artifacts"]["recorded"] for ran in runs[1:]] == [0, 0]
