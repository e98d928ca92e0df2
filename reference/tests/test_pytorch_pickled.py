"""Objects whose classes say how they are made or pickled: guards are of what they hold, nothing of
the program's runs, and nothing is written into what it has.
"""

import collections
import io
import pickle
from pathlib import Path
from typing import Any

import pytest

from precompile_context.adapters.pytorch.precompile.guarded_objects import reduce_object
from tests.forking import Interpreters
from tests.programs import Programs, variant
from tests.test_pytorch_constants import BEGIN, is_served_until_edited

pytestmark = pytest.mark.torch
pytest.importorskip("torch")

PROGRAM = (
    BEGIN
    + """\
import collections
import copyreg
import dataclasses
import enum
import os
import types

CALLS = []

class Single:
    one = None

    def __new__(cls, *arguments):
        if cls.one is None:
            cls.one = super().__new__(cls)
            cls.one.factor, cls.one.process = «2¦3», os.getpid()
            cls.one.tensor, cls.one.layer = X, torch.nn.Identity()
        return cls.one

class Space(types.SimpleNamespace):
    one = None

    def __new__(cls, **given):
        cls.one = cls.one or super().__new__(cls)
        return cls.one

    def __init__(self, **given):
        CALLS.append(given)
        super().__init__(**given)

class ByName:
    def __reduce__(self):
        return "BY_NAME"

class Less:
    def __getstate__(self):
        CALLS.append("asked for its state")
        return {"items": [], "factor": 1, "dtype": torch.float64}

    def __setstate__(self, state):
        CALLS.append("given its state")

class Made:
    def __init__(self, factor=1):
        self.factor, self.items, self.dtype = factor, [], torch.float64

    def __reduce__(self):
        return Made, ()

class Registered(Made):
    pass

copyreg.pickle(Registered, lambda value: (Registered, ()))

class Slotted:
    __slots__ = ("items", "factor", "dtype", "__private")

    def __getstate__(self):
        return None, {"factor": 1}

    def __setattr__(self, name, value):
        CALLS.append(name)
        object.__setattr__(self, name, value)

@dataclasses.dataclass(frozen=True)
class Frozen:
    factor: int = 1
    items: tuple = ()

    def __reduce__(self):
        return Frozen, ()

class OwnDict(dict):
    def __reduce__(self):
        return OwnDict, ({"a": 1},)

class OwnOrdered(collections.OrderedDict):
    def __setitem__(self, key, value):
        CALLS.append(key)
        super().__setitem__(key, value)

class OwnList(list):
    def __reduce__(self):
        return OwnList, ([1],)

    def extend(self, items):
        CALLS.append("extended")

class OwnTuple(tuple):
    def __new__(cls, items):
        CALLS.append(items)
        return super().__new__(cls, items)

class OwnSet(set):
    def __reduce__(self):
        return OwnSet, ((1,),)

class OwnText(str):
    def __reduce__(self):
        return OwnText, ("a",)

class OwnError(Exception):
    def __init__(self, factor):
        super().__init__(factor)

class Which(enum.Enum):
    TWO, THREE = 2, 3

    def __reduce_ex__(self, protocol):
        return getattr, (Which, "TWO")

class Layer(torch.nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def __getstate__(self):
        return {**vars(self), "factor": 1}

    def forward(self, x):
        return x @ x if self.factor == 2 else x @ x.t()

FACTOR = «2¦3»
items, dtype = [0] * FACTOR, torch.«float32¦float16»
ordered = OwnOrdered()
OwnOrdered.__setitem__(ordered, "factor", FACTOR)
texts = OwnTuple(("a", «"b"¦"c"»))
single, BY_NAME = Single(), ByName()
space = Space(factor=FACTOR, items=items)
all_plain = [ByName.__new__(ByName), Less(), Made(), Registered(), Slotted()]
all_plain[0] = BY_NAME
for one in all_plain:
    one.factor, one.items, one.dtype = FACTOR, items, dtype

before = len(CALLS)

@shown(single)
def of_one_of_its_class(x, single):
    y = x @ x if single.factor == 2 else x @ x.t()
    return single.layer(y @ single.tensor)

@shown()
def global_one(x):
    return x @ x if single.factor == 2 else x @ x.t()

def scaled(x, one):
    return x @ x if one.factor == 2 else x @ x.t()

def counted(x, one):
    return x @ x if len(one.items) == 2 else x @ x.t()

def typed(x, one):
    return x @ x if one.dtype == torch.float32 else x @ x.t()

for one in all_plain:
    for function in (scaled, counted, typed):
        shown(one)(function)

for one in (Frozen(FACTOR, tuple(items)), space):
    for function in (scaled, counted):
        shown(one)(function)

@shown(OwnDict(a=FACTOR))
def own_dict(x, table):
    return x @ x if table["a"] == 2 else x @ x.t()

@shown(ordered)
def own_ordered(x, table):
    return x @ x if table["factor"] == 2 else x @ x.t()

@shown(OwnList([FACTOR]))
def own_list(x, items):
    return x @ x if items[0] == 2 else x @ x.t()

@shown(texts)
def own_tuple(x, texts):
    return x @ x if texts[1] == "b" else x @ x.t()

@shown(OwnSet({FACTOR}))
def own_set(x, numbers):
    return x @ x if 2 in numbers else x @ x.t()

@shown(OwnText(«"a"¦"b"»))
def own_text(x, text):
    return x @ x if text == "a" else x @ x.t()

@shown(OwnError(FACTOR))
def own_error(x, error):
    return x @ x if error.args[0] == 2 else x @ x.t()

@shown(Which(FACTOR))
def which(x, one):
    return x @ x if one is Which.TWO else x @ x.t()

@shown(torch.nn.Sequential(Layer(FACTOR)))
def layered(x, layers):
    return layers(x)

assert len(CALLS) == before
assert single.process == os.getpid() and type(single.tensor) is torch.Tensor
"""
)
# Beside what is looked at, in each object another; most cannot be pickled.
BESIDE = """\
import ctypes
import threading
import unittest.mock
import warnings
import torch

class Thing:
    def __init__(self, other):
        self.factor, self.other = 2, other

def scripted(x: torch.Tensor):
    return x

def made():
    class Local:
        pass
    return Local

warnings.simplefilter("ignore")
layer = torch.nn.Identity()
OTHERS = [
    torch.ops.aten.sin, torch.jit.script(scripted), made(), made()(), type("Unnamed", (), {}),
    layer.register_forward_hook(print), torch.ones(2).untyped_storage(), ctypes.CDLL(None),
    unittest.mock.MagicMock(), threading.Lock(), type("Unnamed", (), {})(),
    torch.nn.Parameter | None, list[made()], type(threading.Lock()), type(None),
]

def scaled(x, one):
    return x @ x * one.factor

with torch.no_grad():
    for other in OTHERS:
        torch._dynamo.reset()
        torch.compile(scaled)(torch.eye(2), Thing(other))

def single(x, one):
    return x @ x if one.factor is ... else x

def unsupported(x, one):
    return x @ x if one.factor is NotImplemented else x

with torch.no_grad():
    for function, factor in ((single, ...), (unsupported, NotImplemented)):
        thing = Thing(None)
        thing.factor = factor
        print(torch.compile(function)(torch.eye(2), thing).sum().item())
"""


def test_guards_are_of_what_objects_hold_and_nothing_of_the_programs_runs(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    is_served_until_edited(Programs(tmp_path, interpreters), PROGRAM)


def test_what_no_guard_looks_at_keeps_no_frame_cold(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    programs.write(program=BESIDE)
    cold, warm = programs.precompile(), programs.precompile()
    assert (cold.stdout, warm.stdout) == ("2.0\n2.0\n",) * 2
    assert (cold.reasons, warm.reasons) == ({}, {})
    assert (cold.frames[1], warm.frames[1]) == (17, 0)


NATIVE = """\
import random
import torch

class Reduced(random.Random):
    def __reduce__(self):
        return Reduced, ()

class Single(random.Random):
    one = None

    def __new__(cls, *given):
        cls.one = cls.one or super().__new__(cls, *given)
        return cls.one

dice = {made}()
dice.sides = «2¦3»

@torch.compile
def thrown(x, dice):
    return x @ x if dice.sides == 2 else x @ x.t()

with torch.no_grad():
    print(thrown(torch.arange(4.0).reshape(2, 2), dice).tolist())
"""


@pytest.mark.parametrize("made", ["Reduced", "Single"])
def test_what_only_its_class_can_make_is_a_reason(
    made: str, tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    for edited in (False, True):
        programs.write(program=variant(NATIVE, edited=edited).format(made=made))
        ran = programs.precompile()
        assert ran.stdout == programs.plain().stdout
        (reason,) = ran.reasons.values()
        assert reason.endswith(f"class __main__.{made} says itself how its objects are made")


class Default(collections.defaultdict[str, Any]):
    """Asked for what it has not, it makes it."""


class Queue(collections.deque[Any]):
    """Whose items it may make otherwise."""

    def append(self, item: Any) -> None:
        raise AssertionError(item)


class Complex(complex):
    """A number with more."""

    __slots__ = ("__more",)

    def __init__(self, number: complex) -> None:
        self.__more = number

    @property
    def more(self) -> complex:
        return self.__more


class Error(LookupError):
    """Is made of something else than its arguments."""

    def __init__(self, *, about: str) -> None:
        super().__init__(1, about)
        self.about = [about]


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        return reduce_object(value) or NotImplemented


def _again(value: Any) -> Any:
    with io.BytesIO() as file:
        _Pickler(file).dump(value)
        return pickle.loads(file.getvalue())


def test_objects_of_classes_above_pythons_own_are_put_together_of_what_they_hold() -> None:
    default, queue = Default(list, a=[1]), Queue((1, 2), 3)
    default["itself"], queue.other = default, queue  # type: ignore[attr-defined]
    again = _again(default)
    assert (type(again), again["a"], again["new"]) == (Default, [1], [])
    assert again["itself"] is again
    other = _again(queue)
    assert (type(other), list(other), other.maxlen) == (Queue, [1, 2], 3)
    assert other.other is other
    assert _again(Complex(1j)).more == 1j
    error = _again(Error(about="it"))
    assert (type(error), error.args, error.about) == (Error, (1, "it"), ["it"])
    assert _again(Complex(1j)) == 1j


GONE = """\
import enum
import torch

class Which(enum.Enum):
    ONE = 1
    «TWO = 2¦»

class Slotted:
    __slots__ = ("other", «"__dict__"¦»)

class Other«(dict)¦»:
    pass

«class Gone:¦»
«    pass¦»

class Thing:
    pass

thing = Thing()
thing.factor, thing.other, thing.gone = 2, Other(), «Gone()¦None»
thing.which, thing.slotted = Which(«2¦1»), Slotted()
«thing.slotted.more = 1¦»

@torch.compile
def scaled(x, thing):
    return x @ x * thing.factor

with torch.no_grad():
    print(scaled(torch.eye(2), thing).sum().item())
"""


def test_a_class_that_is_gone_is_no_matter_where_no_guard_looks(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    programs.write(program=variant(GONE, edited=False))
    assert programs.precompile().frames == (0, 1, 1)
    programs.write(program=variant(GONE, edited=True))
    edited = programs.precompile()
    assert (edited.stdout, edited.frames) == ("4.0\n", (1, 0, 0))
