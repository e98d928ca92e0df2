"""What torch and Python have one of, and what `torch.compile` made within what is compiled."""

from pathlib import Path

import pytest

from tests.forking import Interpreters
from tests.programs import Programs
from tests.test_pytorch_constants import is_served_until_edited

pytestmark = pytest.mark.torch
pytest.importorskip("torch")

PROGRAM = """\
import dataclasses
import functools
import sys
import types
import torch

x = torch.arange(4.0).reshape(2, 2) / 4
«¦sys.float_info = type(sys.float_info)([2.0, *sys.float_info[1:]])»
«¦type(dataclasses.KW_ONLY).factor = 3»

class Settings:
    memory_format = torch.«contiguous_format¦preserve_format»
    floats, integers = torch.finfo(torch.«half¦float»), torch.iinfo(torch.«int8¦int16»)
    scheme = torch.«per_tensor_affine¦per_channel_affine»
    layout, device, size = torch.strided, torch.device("cpu"), torch.Size([«2¦3»])
    default = dataclasses.«MISSING¦KW_ONLY»

SETTINGS, INFO = Settings(), sys.float_info
vars(SETTINGS).update(vars(Settings))
BY_OBJECT = {dataclasses.MISSING: 1}

def moved(x):
    y = x.t().clone(memory_format=SETTINGS.memory_format)
    return y @ x if y.is_contiguous() else x @ x.t()

# Nothing but the number is guarded, and pickles of guards call the others.
GIVEN = {"get": getattr, "class": torch.device, "torch": torch, "dtype": x.dtype, "n": «1¦2»}

def beside_what_none_looks_at(x, given=GIVEN, dtype=x.dtype, types=(torch.Size, torch.Tensor)):
    return x @ x if given["n"] == 1 else x @ x.t()

def limits(x, floats, integers):
    return x @ x if floats.max < 1e5 and integers.bits == 8 else x @ x.t()

def scheme(x):
    return x @ x if SETTINGS.scheme == torch.per_tensor_affine else x @ x.t()

def other_scheme(x, scheme=SETTINGS.scheme):
    return x @ x.t() if scheme is torch.per_channel_affine else x @ x

def shaped(x):
    y = x.to(SETTINGS.device) if x.layout is SETTINGS.layout else x
    return x @ y if SETTINGS.size[0] == 2 else x @ y.t()

def default(x, value=SETTINGS.default):
    return x @ x if value is dataclasses.MISSING and value in BY_OBJECT else x @ x.t()

def looked_for_in_vain(x):
    return x @ x if getattr(dataclasses.KW_ONLY, "factor", 2) == 2 else x @ x.t()

def of_python(x):
    return x @ x if sys.float_info.max > 2 and sys.version_info >= (3, 10) else x @ x.t()

def of_python_by_another_name(x, info=INFO):
    return x @ x if info[0] > 2 and not sys.flags.dev_mode else x @ x.t()

def marked(x):
    torch._dynamo.mark_static(x, 0)
    return x @ «x¦x.t()»

def slow(x):
    return x @ «x¦x.t()»

def other(x):
    return x.t() @ x

def made(times, compiled):
    def inner(x, power=«1¦2»):
        return x @ x if times * power == 1 else x @ x.t()
    return compiled(inner)

def slow_method(self, x):
    return x @ slow(x)

class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.act = torch.compile(functools.partial(torch.«matmul¦nn.functional.linear»))
        self.end = torch.compile(slow, options={"max_autotune": True})

    def forward(self, x):
        return self.act(self.end(x), x)

def put_on(module, function):
    module.forward = types.MethodType(function, module)
    return module

patched = torch.nn.Sequential(
    put_on(torch.nn.Tanh(), lambda self, x: x @ «x¦x.t()»), put_on(torch.nn.Tanh(), slow_method)
)

@torch.library.custom_op("kinds_test::mapped", mutates_args=())
def mapped(x: torch.Tensor) -> torch.Tensor:
    return x @ x

mapped.register_fake(lambda x: torch.empty_like(x))
mapped.register_vmap(lambda info, dims, x: (mapped(x) @ «x¦x.mT», 0))

def vmapped(x):
    return torch.vmap(mapped)(x.expand(2, 2, 2))

fast, anonymous = torch.compile(slow), torch.compile(lambda x: x @ «x¦x.t()»)
plain, compiled = «slow¦torch.compile(slow)», «torch.compile(other)¦slow»
another, closed = torch.compile(«slow¦other»), made(1, torch.compile)
whole = torch.compile(other, fullgraph=«True¦False»)
TABLE = {"end": torch.compile(lambda x: «x¦x.t()» @ x)}

def called(x):
    return fast(x) @ anonymous(x)

def exchanged(x):
    return plain(x) @ compiled(x) @ another(x)

def held(x):
    return closed(x) @ TABLE["end"](x) @ whole(x)

def given(x, function):
    return function(x)

calls = [
    (moved, x), (limits, x, SETTINGS.floats, SETTINGS.integers), (scheme, x), (other_scheme, x),
    (shaped, x), (default, x), (of_python, x), (of_python_by_another_name, x), (marked, x),
    (called, x), (exchanged, x), (held, x), (given, x, torch.compile(lambda x: x @ «x¦x.t()»)),
    (Model(), x), (patched, x), (vmapped, x), (looked_for_in_vain, x),
    (beside_what_none_looks_at, x),
]
with torch.no_grad():
    for number, (function, *arguments) in enumerate(calls):
        print(number, torch.compile(function)(*arguments).flatten().tolist())
"""


def test_it_is_served_until_it_is_another(tmp_path: Path, interpreters: Interpreters) -> None:
    is_served_until_edited(Programs(tmp_path, interpreters), PROGRAM)
