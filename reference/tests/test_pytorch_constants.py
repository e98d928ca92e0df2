"""What dynamo takes for constant of what a frame meets, and torch guards not: right, or cold."""

from pathlib import Path

import pytest

from tests.forking import Interpreters
from tests.programs import Programs, variant

pytestmark = pytest.mark.torch
pytest.importorskip("torch")

# Nothing but products of matrices, for which no kernel is built. `«one¦other»` is edited.
BEGIN = """\
import abc
import builtins
import collections.abc
import dataclasses
import enum
import importlib.metadata
import importlib.util
import inspect
import pathlib
import queue
import re
import sys
import threading
import typing
import torch
import torch.distributed as ranks
from torch.overrides import TorchFunctionMode
from torch.testing._internal.distributed.fake_pg import FakeStore

EDITED = «False¦True»
X = torch.arange(4.0).reshape(2, 2) / 4

def shown(*arguments):
    def show(function):
        with torch.no_grad():
            result = torch.compile(function)(X, *arguments)
        print(function.__name__, [round(number, 4) for number in result.flatten().tolist()])
    return show

class Thing:
    def __init__(self, n):
        self.n = n
        self.kind = Thing

"""
# Whose answers are asked for again, and whose objects are looked up again.
TOLD = (
    BEGIN
    + """\
class Registered(abc.ABC):
    pass

def is_edited(cls):
    return EDITED

class Hooked(abc.ABC):
    @classmethod
    def __subclasshook__(cls, other):
        return is_edited(other)

if EDITED:
    Registered.register(Thing)
    collections.abc.Sized.register(Thing)

@shown(Thing(1))
def registered(x, thing):
    return x @ x if isinstance(thing, Registered) else x @ x.t()

@shown(Thing)
def subclass(x, cls):
    return x @ x if issubclass(cls, (int, Registered)) else x @ x.t()

@shown(Thing(1))
def hooked(x, thing):
    return x @ x if isinstance(thing, int | Hooked) else x @ x.t()

@shown(Thing(1))
def of_the_library(x, thing):
    return x @ x if isinstance(thing, typing.Sized) else x @ x.t()

event, waiting = threading.Event(), queue.Queue()
if EDITED:
    event.set()
    waiting.put(1)

@shown(event)
def has_a_lock(x, event):
    return x @ x if event.is_set() else x @ x.t()

@shown(waiting)
def has_a_queue(x, waiting):
    return x @ x if waiting.queue else x @ x.t()

@shown()
def made_inside(x):
    return x @ x if isinstance(Thing(1), Registered) else x @ x.t()

@shown(None)
def nothing(x, none):
    return x @ x if isinstance(none, Hooked) else x @ x.t()

@shown(Thing(1))
def matched(x, thing):
    match thing:
        case Registered():
            return x @ x
    return x @ x.t()

ranks.init_process_group("fake", store=FakeStore(), rank=«0¦1», world_size=2)

@shown()
def rank(x):
    return x @ x if ranks.get_rank() else x @ x.t()

ranks.destroy_process_group()
if EDITED:
    ranks.init_process_group("fake", store=FakeStore(), rank=0, world_size=2)

@shown()
def has_ranks(x):
    return x @ x if ranks.is_initialized() else x @ x.t()

torch.set_autocast_dtype("cuda", torch.«float16¦bfloat16»)

@shown()
def autocasts_to(x):
    return x @ x if torch.get_autocast_dtype("cuda") == torch.float16 else x @ x.t()

torch.set_autocast_dtype("cuda", torch.float16)

if EDITED:
    pathlib.Path("installed_then.py").touch()
    importlib.invalidate_caches()

@shown()
def finds_a_module(x):
    return x @ x if importlib.util.find_spec("installed_then") else x @ x.t()

about = pathlib.Path("distribution_of_test.dist-info")
about.mkdir(exist_ok=True)
(about / "METADATA").write_text("Version: «1¦2»")

@shown()
def finds_a_version(x):
    return x @ x if importlib.metadata.version("distribution_of_test") == "1" else x @ x.t()

sys.setrecursionlimit(«3000¦4000»)

@shown()
@torch.«no_grad¦enable_grad»()
def decorated(x):
    return x @ x if torch.is_grad_enabled() else x @ x.t()

@torch.«enable_grad¦no_grad»
def helper_decorated(x):
    return x @ x if torch.is_grad_enabled() else x @ x.t()

@shown()
def calls(x):
    return helper_decorated(x)

@shown(helper_decorated)
def is_passed(x, function):
    return function(x)

@dataclasses.dataclass
class Config:
    number: int = «1¦2»

CONFIG = Config()

@shown()
def copies_what_it_makes(x):
    return x @ x if dataclasses.asdict(Config())["number"] == 1 else x @ x.t()

@shown()
def copies(x):
    return x @ x if dataclasses.astuple(CONFIG) == (1,) else x @ x.t()

@shown(re.compile("«a¦b»"))
def pattern(x, found):
    return x @ x if found.search("a") else x @ x.t()

class Calling(torch.nn.Module):
    def __init__(self, operator):
        super().__init__()
        self.operator = operator

    def forward(self, x):
        return self.operator(x @ x)

print(torch.compile(Calling(torch.ops.aten.«t¦diagonal»))(X).tolist())

@shown()
def limit(x):
    return x @ x if sys.getrecursionlimit() == 3000 else x @ x.t()

class Other(Thing):
    pass

CLASS = «Thing¦Other»

@shown(Thing)
def same_class(x, cls):
    return x @ x if cls is CLASS else x @ x.t()

@shown(torch.Tensor.«t¦clone»)
def method(x, function):
    return x @ function(x)

@shown((1).«__add__¦__sub__»)
def bound(x, function):
    return x @ x if function(1) == 2 else x @ x.t()

@shown(object.«__eq__¦__ne__»)
def compared(x, function):
    return x @ x if function is object.__eq__ else x @ x.t()

class Slots:
    __slots__ = ("square", "product")

slots = Slots()
slots.square, slots.product = True, False

@shown(Slots.«square¦product»)
def member(x, descriptor):
    return x @ x if descriptor.__get__(slots) else x @ x.t()

class Kind(enum.Enum):
    ONE = 1

Kind.ONE.squares = «True¦False»

@shown(Kind.ONE)
def given_to_a_member(x, kind):
    return x @ x if kind.squares else x @ x.t()

builtins.squares = «True¦False»

@shown()
def builtin(x):
    return x @ x if squares else x @ x.t()

torch.Tensor.turned = torch.Tensor.«t¦clone»

@shown()
def method_in_anothers_place(x):
    return x @ x.turned()

ONE = []

@shown(ONE, «[]¦ONE»)
def lists(x, one, other):
    one.append(1)
    return x @ x if other else x @ x.t()

class Pair(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.one = torch.nn.Identity()
        self.other = «torch.nn.Identity()¦self.one»

@shown(Pair())
def modules(x, pair):
    return x @ x if pair.one is pair.other else x @ x.t()

def transposed(module, x):
    return x.t()

def transposes(module, arguments, result):
    return result.t()

module = torch.nn.Identity()
if EDITED:
    module.register_forward_hook(transposes)

@shown(module)
def hook(x, module):
    return module(x @ x)

if EDITED:
    torch.nn.Identity.forward = transposed

@shown(torch.nn.Identity())
def class_of_torch(x, module):
    return module(x @ x)

if EDITED:
    torch.nn.modules.module.register_module_forward_hook(transposes)

@shown(torch.nn.Flatten(0, 0))
def hook_of_all(x, module):
    return module(x @ x)
"""
)
# What another process may have otherwise, and nothing tells.
UNTOLD = (
    BEGIN
    + """\
class Meta(type):
    def __instancecheck__(cls, thing):
        return thing.n == 2

class Twos(metaclass=Meta):
    pass

@typing.runtime_checkable
class HasName(typing.Protocol):
    name: str

named = Thing(1)
if EDITED:
    named.name = ""

@shown(Thing(«1¦2»))
def metaclass(x, thing):
    return x @ x if isinstance(thing, Twos) else x @ x.t()

@shown(named)
def protocol(x, thing):
    return x @ x if isinstance(thing, HasName) else x @ x.t()

@shown(«X.clone()¦torch.nn.Buffer(X.clone())»)
def buffer(x, y):
    return x @ x if isinstance(y, torch.nn.Buffer) else x @ x.t()

leaf = X.clone().requires_grad_()
with torch.enable_grad():
    product = leaf @ leaf

@shown(«leaf¦product»)
def is_leaf(x, y):
    return x @ x if y.is_leaf else x @ x.t()

@shown(«leaf¦product»)
def is_made(x, y):
    return x @ x if y.grad_fn is None else x @ x.t()

@shown(«X.clone()¦X.clone()[:]»)
def is_view(x, y):
    return x @ x if y._base is None else x @ x.t()

view = X[:]

@shown(«view¦view.clone()[:]»)
def is_view_of(x, y):
    return x @ x if y._base is x else x @ x.t()

@shown(«X.clone()¦torch.ones(3, 2)[:2]»)
def storage(x, y):
    return x @ x if y.untyped_storage().size() == 16 else x @ x.t()

@shown(torch.arange(9.0)[«:8¦1:»])
def place(x, y):
    return x @ y.as_strided((2, 2), (2, 1), 1)

torch.Tensor.squares = «True¦False»

@shown()
def of_all_tensors(x):
    return x @ x if x.squares else x @ x.t()

@shown(inspect.signature(lambda «a¦a, b»: a))
def signature(x, found):
    return x @ x if len(found.parameters) == 1 else x @ x.t()

class Transposing(TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        return result.t() if function is torch.mm else result

class Nothing(TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        return function(*args, **(kwargs or {}))

@shown(«Transposing¦Nothing»())
def mode(x, around):
    with around:
        return torch.mm(x, x)

@shown()
def where_a_module_lies(x):
    return x @ x if len(importlib.util.find_spec("json").origin) else x @ x.t()

@shown()
def sets_a_limit(x):
    sys.set_int_max_str_digits(5000)
    return x @ x

class Ending:
    def __del__(self):
        pass

@shown()
def ends(x):
    Ending()
    return x @ x

@shown()
def hashed(x):
    return x @ x if hash("a text") else x @ x.t()

@shown()
def identified(x):
    return x @ x if id(dict) else x @ x.t()

class Told(Thing):
    def __repr__(self):
        return str(self.n)

@shown(Told(«1¦2»))
def text(x, told):
    return x @ x if str(told) == "1" else x @ x.t()

@shown(Thing(1))
def address(x, thing):
    return x @ x if str(thing) else x @ x.t()

@shown({"a", "b"})
def order_of_a_set(x, words):
    for word in words:
        x = x @ x
    return x

@shown({"a", "b"})
def text_of_a_set(x, words):
    return x @ x if f"{words}" else x

@shown({"a", "b"})
def text_with_a_set(x, words):
    return x @ x if "{} {}".format(1, [words]) else x

@shown({"a", "b"})
def text_by_percent(x, words):
    return x @ x if "%s" % (words,) else x

class Own(set):
    pass

@shown(Own(("a", "b")))
def guarded_by_order(x, words):
    return x @ x if "a" in words else x

@shown({int, Own})
def of_classes(x, classes):
    return x @ x if int in classes else x

@shown()
def first_of_a_set(x):
    return x @ x if min({"ab", "ba"}, key=len) else x

def helper():
    pass

@shown()
def line_of_a_helper(x):
    return x @ x if helper.__code__.co_firstlineno else x
"""
)
REASONS = {
    "guarded_by_order": "the order of a set, which is another in each process, is guarded",
    "of_classes": "the order of a set, which is another in each process, is guarded",
    "metaclass": "isinstance() runs code of __main__.Meta, the metaclass of __main__.Twos, and what"
    " that looks at is not guarded",
    "protocol": "isinstance() runs code of typing._ProtocolMeta, the metaclass of __main__.HasName,"
    " and what that looks at is not guarded",
    "buffer": "isinstance() runs code of torch.nn.parameter._BufferMeta, the metaclass of"
    " torch.nn.parameter.Buffer, and what that looks at is not guarded",
    "signature": "torch does not guard L['found']._parameters, a builtins.mappingproxy",
    "mode": "torch does not guard L['around'], a __main__.Transposing",
} | {
    name: f"{what} is taken for constant, and torch does not guard it"
    for name, what in {
        "sets_a_limit": "a limit of Python that is set",
        "ends": "the end of an object of __main__.Ending, which has a __del__,",
        "text": "the text that str() makes of a __main__.Told",
        "address": "a text with the address of an object, which is another in each process,",
        "order_of_a_set": "the order of a set, which is another in each process,",
        "text_of_a_set": "the order of a set, which is another in each process,",
        "text_with_a_set": "the order of a set, which is another in each process,",
        "text_by_percent": "the order of a set, which is another in each process,",
        "first_of_a_set": "the order of a set, which is another in each process,",
        "line_of_a_helper": "line_of_a_helper asks for co_firstlineno: the number of a line",
        "is_leaf": "L['y'].is_leaf",
        "is_made": "L['y'].grad_fn",
        "is_view": "L['y']._base",
        "is_view_of": "L['y']._base",
        "storage": "the storage of L['y']",
        "place": "where a tensor that as_strided() looks at begins in its storage",
        "of_all_tensors": "L['x'].squares",
        "where_a_module_lies": "where module json lies",
        "hashed": "a hash, which is another in each process,",
        "identified": "an id(), which is another in each process,",
    }.items()
}


def test_what_can_be_asked_again_is_served_and_then_as_it_is_edited(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    is_served_until_edited(Programs(tmp_path, interpreters), TOLD)


def is_served_until_edited(programs: Programs, program: str) -> None:
    """Every frame of a program, that prints one line each and another where it is edited."""
    programs.write(program=variant(program, edited=False))
    cold = programs.precompile()
    frames = len(cold.stdout.splitlines())
    assert (cold.frames, cold.stdout) == ((0, frames, frames), programs.plain().stdout)
    warm = programs.precompile()
    assert (warm.frames, warm.stdout) == ((frames, 0, 0), cold.stdout)
    assert warm.report["artifacts"]["recorded"] == 0
    programs.write(program=variant(program, edited=True))
    edited = programs.precompile()
    assert edited.stdout == programs.plain().stdout
    assert not set(edited.stdout.splitlines()) & set(cold.stdout.splitlines())
    assert programs.precompile().frames == (frames, 0, 0)


def test_what_nothing_tells_is_never_served(tmp_path: Path, interpreters: Interpreters) -> None:
    programs = Programs(tmp_path, interpreters)
    programs.write(program=variant(UNTOLD, edited=False))
    cold = programs.precompile()
    assert cold.reasons == {f"__main__.{name}": reason for name, reason in REASONS.items()}
    assert cold.frames == (0, len(REASONS), 0)
    programs.write(program=variant(UNTOLD, edited=True))
    edited = programs.precompile()
    assert (edited.frames[0], edited.stdout) == (0, programs.plain().stdout)


OVERLAPPING = """\
import os
import torch

def tripled(x, y):
    y.mul_(3)
    return x @ x

a, b = torch.ones(2, 2), torch.ones(2, 2)
with torch.no_grad():
    print(torch.compile(tripled)(a.view(2, 2), (a if os.environ["ONE"] else b).view(2, 2)).tolist())
"""


@pytest.mark.parametrize("mode", [["--precompile"], []])
@pytest.mark.parametrize("order", [["1", ""], ["", "1"]])
def test_tensors_that_lie_over_each_other_are_others_than_those_that_do_not(
    tmp_path: Path, interpreters: Interpreters, mode: list[str], order: list[str]
) -> None:
    programs = Programs(tmp_path, interpreters)
    programs.write(program=OVERLAPPING)
    results = {"1": "[[18.0, 18.0], [18.0, 18.0]]\n", "": "[[2.0, 2.0], [2.0, 2.0]]\n"}
    ran = [programs.run(*mode, ONE=one) for one in order * 2]
    assert [one.stdout for one in ran] == [results[one] for one in order * 2]
    if mode:
        assert [one.frames for one in ran] == [(0, 1, 1)] * 2 + [(1, 0, 0)] * 2
