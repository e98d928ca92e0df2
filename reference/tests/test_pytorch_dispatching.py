"""What a tensor of the program's says of operators is part of graphs that are traced with it."""

from pathlib import Path

import pytest

from tests.forking import Interpreters
from tests.programs import Programs, variant

pytestmark = pytest.mark.torch
pytest.importorskip("torch")

# Nothing but products of matrices, for which no kernel is built. `«one¦other»` is edited.
PROGRAM = """\
import torch
from torch.utils._pytree import tree_map_only

class Wrapping(torch.Tensor):
    @staticmethod
    def __new__(cls, inner):
        about = {"dtype": inner.dtype, "device": inner.device}
        return torch.Tensor._make_wrapper_subclass(cls, inner.shape, **about)

    def __init__(self, inner):
        self.inner = inner

    def __tensor_flatten__(self):
        return ["inner"], None

    @classmethod
    def __tensor_unflatten__(cls, inner, meta, size, stride):
        return cls(inner["inner"])

    @classmethod
    def __torch_dispatch__(cls, operator, types, args=(), kwargs=None):
        args = tree_map_only(cls, lambda value: value.inner, args)
        if operator is torch.ops.aten.detach.default:
            return cls(args[0])
        return cls.after(operator(*args, **kwargs or {}))

    def _stable_hash_for_caching(self):
        return "1"

def helper(x):
    return x @ «x¦x.t()»

class Helped(Wrapping):
    def after(x):
        return Helped(helper(x))

class Edited(Wrapping):
    def after(x):
        return Edited(«x @ x¦x @ x.t()»)

class Counting(Wrapping):
    turned = «False¦True»
    def after(x):
        return Counting(x.t() @ x if Counting.turned else x @ x)

class Rebuilt(Wrapping):
    @classmethod
    def __tensor_unflatten__(cls, inner, meta, size, stride):
        return cls(«inner["inner"]¦inner["inner"].t().contiguous()»)

    def after(x):
        return Rebuilt(x)

class Weight(Wrapping):
    def after(x):
        return helper(x)

class Outer(Wrapping):
    def after(x):
        return Outer(x)

x = torch.arange(4.0).reshape(2, 2) / 4

def shown(name, f, *arguments):
    result = torch.compile(f, dynamic=False)(*arguments)
    while isinstance(result, Wrapping):
        result = result.inner
    print(name, result.tolist())

def product(a):
    return torch.mm(a, a)

class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(Weight(x), requires_grad=False)

    def forward(self, y):
        return torch.mm(y, self.weight)

for cls in (Helped, Edited, Counting, Rebuilt):
    shown(cls.__name__, product, cls(x))
shown("Layer", Layer(), x)
shown("Outer", product, Outer(Helped(x)))
"""


def test_a_graph_is_of_what_its_inputs_do_with_operators(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    programs.write(program=variant(PROGRAM, edited=False))
    plain, cold = programs.plain(), programs.precompile()
    assert (cold.stdout, cold.stderr) == (plain.stdout, plain.stderr)
    warm = programs.precompile()
    assert (warm.stdout, warm.frames, warm.reasons) == (plain.stdout, (6, 0, 0), {})
    programs.write(program=variant(PROGRAM, edited=True))
    plain, edited = programs.plain(), programs.precompile()
    assert edited.stdout == plain.stdout != warm.stdout
    assert edited.frames == (0, 6, 6)
