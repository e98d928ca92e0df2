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


WRAPPED = """\
import torch
from torch.utils._pytree import tree_map_only

class Wrapper(torch.Tensor):
    @staticmethod
    def __new__(cls, inner, unit):
        about = {"dtype": inner.dtype, "device": inner.device}
        made = torch.Tensor._make_wrapper_subclass(cls, inner.shape, **about)
        made.inner, made.unit = inner, unit
        return made

    def __tensor_flatten__(self):
        return ["inner"], self.unit

    @staticmethod
    def __tensor_unflatten__(inner, unit, size, stride):
        return Wrapper(inner["inner"], unit)

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        unit = next(value.unit for value in args if isinstance(value, Wrapper))
        result = function(*tree_map_only(Wrapper, lambda w: w.inner, args), **(kwargs or {}))
        return tree_map_only(torch.Tensor, lambda tensor: Wrapper(tensor, unit), result)

    def _stable_hash_for_caching(self):
        return self.unit

@torch.compile
def turned(x):
    return x.t()

with torch.no_grad():
    for unit in ("metre", "foot", "mile", "inch"):
        print(turned(Wrapper(torch.ones(2, 3), unit)).unit)
"""


def test_versions_for_what_a_tensor_keeps_beside_tensors_stand_beside_each_other(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    programs.write(program=WRAPPED)
    cold, warm = programs.precompile(), programs.precompile()
    assert cold.stdout == warm.stdout == "metre\nfoot\nmile\ninch\n"
    assert (cold.frames, warm.frames) == ((0, 4, 4), (4, 0, 0))


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


BOUNDED = """\
import torch

x = torch.ones(4, 3)
torch._dynamo.mark_dynamic(x, 0, min=2, max=«8¦3»)

@torch.compile
def product(x):
    return x @ x.t()

try:
    print(product(x).tolist())
except Exception as error:
    print(type(error).__name__)
"""


def test_a_size_that_varies_does_so_within_bounds(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    programs.write(program=variant(BOUNDED, edited=False))
    assert programs.precompile().frames == (0, 1, 1)
    assert programs.precompile().frames == (1, 0, 0)
    programs.write(program=variant(BOUNDED, edited=True))
    assert programs.precompile().stdout == programs.plain().stdout == "ConstraintViolationError\n"


INHERITED = """\
import torch

class Mixin:
    @property
    def turned(self):
        return «False¦True»

class Base(Mixin):
    @property
    def other(self):
        return 1

class Settings(Base):
    def __getattribute__(self, name):
        return super().__getattribute__(name)

settings = Settings()

@torch.compile
def product(x):
    return settings.other * (x.t() @ x if settings.turned else x @ x)

print(product(torch.arange(4.0).reshape(2, 2)).tolist())
"""


def test_a_property_of_a_base_behind_one_that_has_others_is_served(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    """As transformers' configurations have them."""
    programs = Programs(tmp_path, interpreters)
    programs.write(program=variant(INHERITED, edited=False))
    cold, warm = programs.precompile(), programs.precompile()
    assert (cold.frames, cold.reasons, warm.frames) == ((0, 1, 1), {}, (1, 0, 0))
    programs.write(program=variant(INHERITED, edited=True))
    assert programs.precompile().stdout == programs.plain().stdout != warm.stdout
