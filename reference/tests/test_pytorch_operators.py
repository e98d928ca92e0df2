"""The automatic mode serves what calls the program's own operators, until one is edited."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.forking import Interpreters
from tests.programs import QUICK, Programs, variant

pytestmark = pytest.mark.torch
pytest.importorskip("torch")

# Nothing but products of matrices, for which no kernel is built.
OPERATORS = """\
import torch

def helper(gradient):
    return gradient @ gradient

def make(name, backward):
    @torch.library.custom_op(f"operators_test::{name}", mutates_args=())
    def operator(x: torch.Tensor) -> torch.Tensor:
        return x @ x
    operator.register_autograd(backward)
    return operator

unchanged = make("unchanged", lambda context, gradient: gradient @ gradient @ gradient)
unchanged.register_fake(lambda x: torch.empty_like(x))
gradient = make("gradient", lambda context, gradient: gradient @ gradient)
gradient.register_fake(lambda x: torch.empty_like(x))
helped = make("helped", lambda context, gradient: helper(gradient))
helped.register_fake(lambda x: torch.empty_like(x))
faked = make("faked", lambda context, gradient: gradient @ gradient)
faked.register_fake(lambda x: torch.empty_like(x))
attributed = make("attributed", lambda context, gradient: gradient @ gradient)
attributed.register_fake(lambda x: torch.empty_like(x))
attributed.times = 1
"""
EDITS = {
    'make("gradient", lambda context, gradient: gradient @ gradient)': (
        'make("gradient", lambda context, gradient: gradient)'
    ),
    "    return gradient @ gradient\n": "    return gradient @ gradient @ gradient\n",
    "faked.register_fake(lambda x: torch.empty_like(x))": (
        "faked.register_fake(lambda x: x.new_empty(x.shape))"
    ),
    "attributed.times = 1": "attributed.times = 2",
}
PROGRAM = """\
import json
import sys

import torch

import operators_of_test as operators
from operators_of_test import attributed
from precompile_context import UNSIGNED
from precompile_context.adapters import pytorch

def unchanged(x):
    return operators.unchanged(x)

def by_namespace(x):
    return torch.ops.operators_test.unchanged(x)

def gradient(x):
    return operators.gradient(x)

def helped(x):
    return torch.ops.operators_test.helped.default(x)

def faked(x):
    return torch.ops.operators_test.faked(x)

def times(x):
    return attributed(x) if attributed.times == 1 else attributed(attributed(x))

rows = {}
for function in (unchanged, by_namespace, gradient, helped, faked, times):
    # A bundle each: `served` is of one function then.
    with pytorch.caching_precompile(f"{function.__name__}.precompile", trust=UNSIGNED) as report:
        results = []
        for call in (function, torch.compile(function)):
            x = torch.ones(2, 2, requires_grad=True)
            result = call(x)
            result.sum().backward()
            results.append([result.tolist(), x.grad.tolist()])
        done = report.precompile.as_json()
    rows[function.__name__] = {"equal": results[0] == results[1], **done}
json.dump(rows, sys.stdout)
"""


def _run(interpreters: Interpreters, place: Path, number: int) -> dict[str, Any]:
    caches = {"TORCHINDUCTOR_CACHE_DIR": str(place / f"cache{number}")}
    done = interpreters.run(["program.py"], cwd=place, env={**os.environ, **QUICK, **caches})
    assert done.returncode == 0, done.stderr
    rows: dict[str, Any] = json.loads(done.stdout)
    assert all(row["equal"] for row in rows.values()), rows
    return rows


def test_an_operator_is_served_until_what_is_registered_for_it_is_edited(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    module = tmp_path / "operators_of_test.py"
    module.write_text(OPERATORS)
    cold = _run(interpreters, tmp_path, 0)
    assert {name: (row["saved"], row["cold"]) for name, row in cold.items()} == dict.fromkeys(
        cold, (1, {})
    )
    text = OPERATORS
    for before, after in EDITS.items():
        assert text.count(before) == 1
        text = text.replace(before, after)
    module.write_text(text)
    warm = _run(interpreters, tmp_path, 1)
    served = {name for name, row in warm.items() if row["served"]}
    assert served == {"unchanged", "by_namespace"}, warm
    for name in warm.keys() - served:
        assert warm[name]["compiled"] == 1
        assert warm[name]["differs"], warm[name]


# What a program tells torch's compiler of operators, functions and how graphs are made, each with
# what is printed before and after it is edited.
TOLD = {
    "side effect": (
        """\
@torch.library.custom_op("told_test::tell", mutates_args=())
def tell(x: torch.Tensor) -> torch.Tensor:
    print("told")
    return x.clone()

tell.register_fake(torch.empty_like)
if EDITED:
    torch.fx.node.has_side_effect(torch.ops.told_test.tell.default)
""",
        "[[1.0, 3.0], [3.0, 13.0]]\n",
        "told\n[[1.0, 3.0], [3.0, 13.0]]\n",
    ),
    "code of a pattern": (
        """\
@pattern_matcher.register_graph_pattern(
    pattern_matcher.CallFunction(
        torch.ops.aten.mm.default, pattern_matcher.KeywordArg("a"), pattern_matcher.KeywordArg("b")
    ),
    pass_dict=post_grad.pass_patterns[1],
)
def replace(match, a, b):
    match.replace_by_example(lambda a, b: b @ «a¦b», [a, b])
""",
        "[[4.0, 6.0], [6.0, 10.0]]\n",
        "[[2.0, 6.0], [3.0, 11.0]]\n",
    ),
    "added pattern": (
        """\
def first(a):
    return a @ a.t()

def other(a):
    return a.t() @ a

if EDITED:
    pattern_matcher.register_replacement(
        first, other, [X], pattern_matcher.fwd_only, joint_graph.patterns
    )
""",
        "[[1.0, 3.0], [3.0, 13.0]]\n",
        "[[4.0, 6.0], [6.0, 10.0]]\n",
    ),
    "added lowering": (
        """\
mm = lowering.lowerings[torch.ops.aten.mm.default]
if EDITED:
    lowering.lowerings[torch.ops.aten.mm.default] = lambda a, b: mm(b, a)
""",
        "[[1.0, 3.0], [3.0, 13.0]]\n",
        "[[4.0, 6.0], [6.0, 10.0]]\n",
    ),
    "constant substitution": (
        """\
@torch.compiler.substitute_in_graph(binascii.crc_hqx, can_constant_fold_through=«True¦False»)
def one(data, crc, /):
    return 1

def transposes():
    return binascii.crc_hqx(b"", 2) == 2
""",
        "[[1.0, 3.0], [3.0, 13.0]]\n",
        "[[2.0, 3.0], [6.0, 11.0]]\n",
    ),
    "added substitution": (
        """\
def two():
    return 2

def transposes():
    return two() == 2

if EDITED:
    torch.compiler.substitute_in_graph(two)(lambda: 1)
""",
        "[[1.0, 3.0], [3.0, 13.0]]\n",
        "[[2.0, 3.0], [6.0, 11.0]]\n",
    ),
    "method that torch calls": (
        """\
def softmax(x, *args, **options):
    return x * «1¦2»

torch.Tensor.softmax = softmax
finish = torch.nn.Softmax(-1)
""",
        "[[1.0, 3.0], [3.0, 13.0]]\n",
        "[[2.0, 6.0], [6.0, 26.0]]\n",
    ),
    "object that torch calls": (
        """\
class Scaled:
    __name__ = "layer_norm"  # torch asks for it

    def __call__(self, x, *args):
        return x * self.factor

torch.layer_norm = Scaled()
torch.layer_norm.factor = «1¦2»
finish = torch.nn.LayerNorm(2)
""",
        "[[1.0, 3.0], [3.0, 13.0]]\n",
        "[[2.0, 6.0], [6.0, 26.0]]\n",
    ),
    "torch's function in another's place": (
        """\
torch.selu = torch.«abs¦neg»
finish = torch.nn.SELU()
""",
        "[[1.0, 3.0], [3.0, 13.0]]\n",
        "[[-1.0, -3.0], [-3.0, -13.0]]\n",
    ),
}
TELLING = """\
import binascii
import torch
from torch._inductor import lowering, pattern_matcher
from torch._inductor.fx_passes import joint_graph, post_grad

EDITED = «False¦True»
X = torch.arange(4.0).reshape(2, 2)

def tell(x):
    pass

def transposes():
    return True

def finish(x):
    return x

{told}
@torch.compile
def product(x):
    tell(x)
    return finish(x @ (x.t() if transposes() else x))

with torch.no_grad():
    print(product(X).tolist())
"""


@pytest.mark.parametrize("told", TOLD)
def test_what_a_program_tells_the_compiler_is_part_of_frames_and_graphs_in_any_mode(
    tmp_path: Path, interpreters: Interpreters, told: str
) -> None:
    text, before, after = TOLD[told]
    program = TELLING.format(told=text)
    programs = Programs(tmp_path, interpreters)
    programs.write(program=variant(program, edited=False))
    runs = [programs.precompile(), programs.precompile()]
    assert [run.stdout for run in runs] == [before] * 2
    assert [run.frames for run in runs] == [(0, 1, 1), (1, 0, 0)]
    assert runs[1].report["artifacts"]["recorded"] == 0
    programs.write(program=variant(program, edited=True))
    assert [programs.run().stdout, programs.precompile().stdout] == [after] * 2
