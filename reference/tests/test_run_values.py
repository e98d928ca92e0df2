"""Kinds of values that functions take and give: served, and then as their code is edited."""

from pathlib import Path

import pytest

from tests.forking import Interpreters
from tests.programs import Programs, variant

pytestmark = pytest.mark.torch
pytest.importorskip("torch")

# Nothing but products of matrices, for which no kernel is built. `«one¦other»` is edited, and all
# stands elsewhere then.
PROGRAM = """\
«¦# Moved.

»import collections
import traceback
import typing
import torch

class Pair(typing.NamedTuple):
    left: torch.Tensor
    right: torch.Tensor
    times: int = «2¦3»

class Labelled(Pair):
    def both(self):
        return self.left @ «self.right¦self.left»

Point = collections.namedtuple("Point", "x y", defaults=(«1¦2»,))

class Doubled(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        result = super().__torch_function__(function, types, args, kwargs or {})
        return «result @ result¦result» if function is torch.Tensor.t else result

class Scaled(torch.Tensor):
    power = «2¦3»

    def raised(self):
        return self.t() if self.power == 2 else self.view(4)

def row(tensor):
    return [round(number, 3) for number in tensor.as_subclass(torch.Tensor).flatten().tolist()]

def place(function, *arguments):
    try:
        function(*arguments)
    except ValueError as error:
        return [(frame.name, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]

@torch.compile
def pair(x):
    return Pair(x @ x, x)

@torch.compile
def point(x):
    return Point(x @ x)

@torch.compile
def labelled(x):
    return Labelled(x, x.t()).both()

@torch.compile
def generated(x, generator):
    return x @ x, generator

@torch.compile
def closed(x):
    y = x @ x
    def inner(z, times=«2¦3»):
        if z is None:
            raise ValueError
        return y @ z * times
    return inner

def make(y):
    return lambda z: y @ «z¦z.t()»

@torch.compile
def made(x):
    return make(x @ x)

@torch.compile
def behind(x):
    y = x @ x
    torch._dynamo.graph_break()
    if x is not y:
        raise ValueError
    return y

@torch.compile
def overridden(x):
    return x.t()

@torch.compile
def of_class(x):
    return x.raised()

x = torch.arange(4.0).reshape(2, 2) / 4
with torch.no_grad():
    print(type(pair(x)), pair(x).times, row(pair(x).left))
    print(type(point(x)), point(x).y, row(point(x).x))
    print(row(labelled(x)))
    print(row(generated(x, torch.Generator().manual_seed(1))[0]))
    print(row(closed(x)(x)), place(closed(x), None), closed(x).__code__.co_firstlineno)
    print(row(made(x)(x)), made(x).__code__.co_firstlineno)
    print(place(behind, x))
    print(type(overridden(x.as_subclass(Doubled))), row(overridden(x.as_subclass(Doubled))))
    print(row(of_class(x.as_subclass(Scaled))))
"""


def test_what_functions_take_and_give_is_served_and_then_as_it_is_edited(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    for edited in (False, True):
        programs.write(program=variant(PROGRAM, edited=edited))
        plain, cold, warm = programs.plain(), programs.precompile(), programs.precompile()
        assert cold.stdout == warm.stdout == plain.stdout
        assert (warm.frames, warm.reasons) == ((9, 0, 0), {}), warm.reasons
        assert warm.report["artifacts"]["recorded"] == 0
        if edited:
            assert cold.frames[0] >= 2, "what is not edited is served at its new line"


LOCAL = """\
import collections
import torch

def within():
    Point = collections.namedtuple("Point", "x y")
    return torch.compile(lambda x: Point(x @ x, x))

within()(torch.eye(2))
"""


def test_a_named_tuple_that_no_name_leads_to_is_told(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    programs.write(program=LOCAL)
    cold = programs.precompile()
    assert cold.frames == (0, 1, 0)
    assert set(cold.reasons.values()) == {
        "it reads globals that are no module's, but those of namedtuple_Point"
    }
