"""Kinds of programs that were stale once, or saved by each run and served by none."""

import functools
import pkgutil
from pathlib import Path

import pytest

from tests.forking import Interpreters
from tests.programs import Programs, variant

pytestmark = pytest.mark.torch
pytest.importorskip("torch")

# Nothing but products of matrices, for which no kernel is built. `«one¦other»` is edited.
PROGRAM = """\
import enum
import torch
from torch.nn.functional import linear

library = torch.library.Library("aten", "IMPL")
library.impl("linear", lambda x, w, b=None: x @ «w¦w.t() @ w», "CompositeImplicitAutograd")

torch.Tensor.__mod__ = lambda x, y: x @ y @ «x¦y»
torch.Tensor.__floordiv__ = torch.enable_grad()(lambda x, y: «x @ y¦y @ x»)

def one(x):
    return x @ «x¦x.t()»

def other(x):
    return x.t() @ x

class Choice(enum.Enum):
    ONE = «1¦2»
    OTHER = 3

class Flag(enum.Flag):
    ONE = 1
    OTHER = «2¦4»

FUNCTIONS = {one: 1, other: 2}
TUPLES = {("a", one): 1, ("b", other): «2¦3»}
CHOICES = {Choice.ONE: 1, Choice.OTHER: 2}
LISTED = {other: 1«¦, one: 2»}

@torch.compile
def of_functions(x):
    for function, times in FUNCTIONS.items():
        x = function(x) @ x if times == 1 else function(x)
    return x

@torch.compile
def of_tuples(x, table):
    for (name, function), times in table.items():
        x = function(x) if name == "a" or times == 2 else function(x) @ x
    return x

@torch.compile
def of_choices(x):
    for choice in CHOICES:
        x = x @ x if choice.value == 1 else x.t() @ x
    return x

@torch.compile
def is_listed(x):
    return other(x) if one in LISTED else one(x)

@torch.compile
def overridden(x):
    return linear(x, x.t())

@torch.compile
def patched(x):
    return x % x.t()

@torch.compile
def wrapped(x):
    return x // x.t()

@torch.compile
def combined(x):
    return x @ x if (Flag.ONE | Flag.OTHER).value == 3 else x @ x.t()

weight = torch.nn.Parameter(torch.ones(2, 2))
weight.grad = torch.ones(2, 2)

@torch.compile
def with_gradient(x):
    return x @ weight @ «x¦x.t()»

x = torch.arange(4.0).reshape(2, 2) / 4
with torch.no_grad():
    for result in (
        of_functions(x), of_tuples(x, TUPLES), of_choices(x), is_listed(x), overridden(x),
        patched(x), wrapped(x), with_gradient(x), combined(x),
    ):
        print([round(number, 4) for number in result.flatten().tolist()])
"""


def test_kinds_are_served_and_then_as_they_are_edited(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    programs.write(program=variant(PROGRAM, edited=False))
    cold = programs.precompile()
    assert cold.frames == (0, 9, 9), cold.reasons
    warm = programs.precompile()
    assert (warm.frames, warm.stdout) == ((9, 0, 0), cold.stdout)
    assert warm.report["artifacts"]["recorded"] == 0
    programs.write(program=variant(PROGRAM, edited=True))
    plain = programs.plain()
    assert programs.precompile().stdout == plain.stdout != cold.stdout
    assert programs.precompile().frames == (9, 0, 0)


class Called:
    """Stands for a function of torch's."""

    __name__ = "called"

    def __call__(self, x: object) -> object:
        return x


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        ("torch", "relu", "neg"),
        ("torch", "sin", "arcsin"),  # whose name ends as the other does
        ("torch", "mm", "bmm"),
        ("torch.linalg", "inv", "pinv"),
        ("torch.nn.functional", "softmax", "log_softmax"),
        ("torch.nn.functional", "softmax", lambda x: x),
        ("torch.nn.functional", "pad", functools.partial(lambda x: x)),
        ("torch", "bmm", functools.wraps(abs)(lambda x: x)),
        ("torch.functional", "einsum", Called()),
        ("torch.Tensor", "softmax", Called()),
        ("torch.Tensor", "sin", "arcsin"),
        ("torch.Tensor", "pow", lambda x: x),
    ],
)
def test_what_stands_in_the_place_of_a_function_of_torchs_is_seen(
    module: str, name: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from precompile_context.adapters.pytorch.precompile.overridden import patched, replaced

    assert patched() | replaced() == {}
    owner = pkgutil.resolve_name(module)
    other = getattr(owner, value) if isinstance(value, str) else value
    monkeypatch.setattr(owner, name, other)
    assert f"{module}.{name}" in patched() | replaced()


def test_a_wrapper_that_says_it_wraps_itself_is_looked_through_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch

    from precompile_context.adapters.pytorch.precompile.overridden import patched

    around = functools.partial(len)
    around.__wrapped__ = around  # type: ignore[attr-defined]
    monkeypatch.setattr(torch.Tensor, "__divmod__", around, raising=False)
    assert patched() == {}


MADE = """\
import gc
import time
import torch

gc.disable()
BEGUN = torch.tensor(time.time())

def make(squares, kept=None):
    def kernel(x, w=None, b=None):
        return x @ x if squares else x @ x.t()
    kernel.kept = kernel, kept
    return kernel

library = torch.library.Library("aten", "IMPL")
for name in ("linear", "hardswish"):
    library.impl(name, make(SQUARES), "CompositeImplicitAutograd")
make(time.time())  # which keeps itself

@torch.compile
def overridden(x):
    torch._check(x.shape[0] == 2, lambda: "two")
    return torch.nn.functional.linear(x, x)

@torch.compile
def through_a_registry(x):
    return torch.nn.functional.hardswish(x)

@torch.compile
def closed(x):
    y = x @ x
    return lambda: y

with torch.no_grad():
    x = torch.arange(4.0).reshape(2, 2)
    print(closed(x)().tolist(), overridden(x).tolist())
    through_a_registry(x)
"""


def test_a_kernel_that_a_function_makes_counts_and_what_else_comes_and_goes_does_not(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    for squares, product in (
        ("True", "[[2.0, 3.0], [6.0, 11.0]]"),
        ("False", "[[1.0, 3.0], [3.0, 13.0]]"),
    ):
        programs.write(program=MADE.replace("SQUARES", squares))
        cold, warm = programs.precompile(), programs.precompile()
        assert [(ran.stdout, ran.frames) for ran in (cold, warm)] == [
            (f"[[2.0, 3.0], [6.0, 11.0]] {product}\n", (0, 3, 3)),
            (f"[[2.0, 3.0], [6.0, 11.0]] {product}\n", (3, 0, 0)),
        ], warm.report["precompile"]


FROZEN = """\
import gc
import torch

library = torch.library.Library("aten", "IMPL")
library.impl("linear", lambda x, w, b=None: x @ w * TIMES, "CompositeImplicitAutograd")
gc.freeze()

@torch.compile
def overridden(x):
    return torch.nn.functional.linear(x, x)

with torch.no_grad():
    print(overridden(torch.ones(2, 2)).tolist())
"""


def test_functions_that_a_program_has_frozen_are_seen(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    for times, printed in ((2, "[[4.0, 4.0], [4.0, 4.0]]\n"), (3, "[[6.0, 6.0], [6.0, 6.0]]\n")):
        programs.write(program=FROZEN.replace("TIMES", str(times)))
        cold, warm = programs.precompile(), programs.precompile()
        assert [(ran.stdout, ran.frames) for ran in (cold, warm)] == [
            (printed, (0, 1, 1)),
            (printed, (1, 0, 0)),
        ]


SWITCHED = """\
import os
import torch
torch.backends.cuda.enable_flash_sdp(os.environ["SWITCH"] == "1")

@torch.compile
def attention(x):
    return torch.nn.functional.scaled_dot_product_attention(x, x, x)

with torch.no_grad():
    attention(torch.ones(1, 1, 2, 2))
"""


def test_a_switch_of_torchs_that_a_trace_reads_is_part_of_the_version(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    programs.write(program=SWITCHED)
    frames = [programs.precompile(SWITCH=switch).frames for switch in "1011"]
    assert frames == [(0, 1, 1), (0, 1, 1), (1, 0, 0), (1, 0, 0)]


def test_a_graphs_key_knows_switches_that_are_not_as_a_process_begins_with_them() -> None:
    import torch

    from precompile_context.adapters.pytorch.precompile.graph_keys import program_code

    graph = torch.fx.symbolic_trace(lambda x: x @ x)
    assert program_code(graph) == []
    torch.backends.cuda.enable_flash_sdp(False)
    try:
        (line,) = program_code(graph)
    finally:
        torch.backends.cuda.enable_flash_sdp(True)
    assert line.startswith("switches ")
    assert program_code(graph) == []


HOOKED = """\
import contextlib
import os
import torch

def graph(text):
    return torch.fx.symbolic_trace(eval(text))

hooks = os.environ["HOOKS"].split()
around = contextlib.nullcontext()
if hooks:
    around = torch.autograd.graph.saved_tensors_hooks(*(graph(f"lambda x: x{h}") for h in hooks))

@torch.compile
def cube(x):
    return x @ x @ x

x = torch.ones(2, 2, requires_grad=True)
with around:
    cube(x).sum().backward()
print(x.grad.tolist())
"""


@pytest.mark.parametrize("first", ["", "*2 *2"])
def test_hooks_of_saved_tensors_that_become_part_of_a_graph_are_never_served(
    tmp_path: Path, interpreters: Interpreters, first: str
) -> None:
    programs = Programs(tmp_path, interpreters)
    programs.write(program=HOOKED)
    assert programs.precompile(HOOKS=first).frames == (0, 1, not first)
    ran = programs.precompile(HOOKS="*3 *2")
    assert (ran.frames, ran.stdout) == ((0, 1, 0), programs.plain(HOOKS="*3 *2").stdout)
    assert ran.reasons == {"__main__.cube": "hooks of saved tensors are part of its graph"}


ALTERNATING = """\
import torch

@torch.compile
def square(x):
    return x @ x

with torch.no_grad():
    square(torch.ones(2, 2))
    torch.set_default_dtype(torch.float64)
    square(torch.ones(2, 2, dtype=torch.float32))
"""


def test_versions_for_other_states_of_torch_stand_beside_each_other(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    programs.write(program=ALTERNATING)
    assert programs.precompile().frames == (0, 2, 2)
    warm = programs.precompile()
    assert (warm.frames, warm.report["artifacts"]["recorded"]) == ((2, 0, 0), 0)


NESTED = """\
import torch

@torch.compiler.nested_compile_region
def product(x, y):
    return x @ y

@torch.compile
def twice(x, y):
    return product(product(x, y), y)

x = torch.arange(4.0).reshape(2, 2).requires_grad_()
with torch.device("cpu"):  # a mode around torch's functions
    twice(x, x.detach().clone()).sum().backward()
print(x.grad.tolist())
"""


def test_graphs_within_a_graph_are_served(tmp_path: Path, interpreters: Interpreters) -> None:
    programs = Programs(tmp_path, interpreters)
    programs.write(program=NESTED)
    cold, warm = programs.precompile(), programs.precompile()
    assert (cold.frames, warm.frames) == ((0, 1, 1), (1, 0, 0))
    assert cold.stdout == warm.stdout == "[[5.0, 17.0], [5.0, 17.0]]\n"
    assert warm.report["artifacts"]["recorded"] == 0
