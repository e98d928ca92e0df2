"""What a trace looked for in vain, and the order of what it went through: right, or cold."""

from pathlib import Path

import pytest

from tests.forking import Interpreters
from tests.programs import Programs, variant
from tests.test_pytorch_constants import BEGIN, is_served_until_edited

pytestmark = pytest.mark.torch
pytest.importorskip("torch")

PROGRAM = (
    BEGIN
    + """\
import argparse
import collections
import datetime
import decimal
import math

class Slotted:
    __slots__ = ("n", "extra")

class Number(int):
    pass

class Wrapping:
    def __getattr__(self, name):
        return None

thing, wrapping, slotted, space = Thing(1), Wrapping(), Slotted(), argparse.Namespace(n=1)
layer, table, words = torch.nn.Identity(), {"a": 1}, {"a", "c"}
first, unit = datetime.date(2020, 1, 1), decimal.Decimal(1)
tensor, error = X.clone(), ValueError()
if EDITED:
    for one in (thing, wrapping, slotted, space, layer, tensor, error):
        one.extra = 1
    table["b"] = 2
    words.add("b")
    math.extra = 1
    abs = lambda number: 5
hooked = torch.nn.Identity()
hooked.register_forward_hook(lambda module, given, x: x @ x)
hooked.register_forward_hook(lambda module, given, x: x @ X.t(), prepend=EDITED)

"""
    + "".join(
        f"""\
@shown({one})
def of_{one}(x, one):
    try:
        one.extra
        return x @ x
    except AttributeError:
        return x @ x.t()

"""
        for one in ("thing", "slotted", "error", "layer", "tensor")
    )
    + """\
@shown(wrapping)
def given(x, wrapping):
    return x @ x if wrapping.extra else x @ x.t()

@shown(space)
def all_attributes(x, space):
    return x @ x if len(vars(space)) == 2 else x @ x.t()

@shown(space)
def is_in_a_namespace(x, space):
    return x @ x if "extra" in space else x @ x.t()

@shown(table)
def key(x, table):
    try:
        table["b"]
        return x @ x
    except KeyError:
        return x @ x.t()

@shown()
def key_of_a_global(x):
    try:
        table["b"]
        return x @ x
    except KeyError:
        return x @ x.t()

@shown(«{"a": 1, "b": 2}¦{"b": 2, "a": 1}»)
def order(x, table):
    return x @ x if list(table)[0] == "a" else x @ x.t()

@shown(«{8, 0}¦{0, 8}»)
def order_of_numbers(x, numbers):
    return x @ x if list(numbers)[0] == 8 else x @ x.t()

@shown(frozenset(«(8, 0)¦(0, 8)»))
def order_of_frozen_numbers(x, numbers):
    return x @ x if next(iter(numbers)) == 8 else x @ x.t()

@shown()
def order_in_code(x):
    for number in «{8, 0}¦{0, 8}»:
        return x @ x if number == 8 else x @ x.t()

@shown()
def order_of_hooks(x):
    return hooked(x)

@shown({«1¦True»: 2})
def kind_of_key(x, table):
    return x @ x if type(next(iter(table))) is int else x @ x.t()

@shown(table)
def whole(x, table):
    return x @ x if str(table) == "{'a': 1}" else x @ x.t()

@shown(words)
def member(x, words):
    return x @ x if "b" in words else x @ x.t()

@shown()
def of_a_library(x):
    return x @ x if hasattr(math, "extra") else x @ x.t()

@shown()
def builtin(x):
    return x @ x if abs(-1) == 1 else x @ x.t()

@shown(datetime.date(2020, 1, «1¦3»))
def date(x, day):
    return x @ x if day == first else x @ x.t()

@shown(decimal.Decimal(«1¦2»))
def number(x, price):
    return x @ x if price == unit else x @ x.t()

@shown(Number(«1¦2»))
def own_number(x, number):
    return x @ x if number == 1 else x @ x.t()

@shown(«0.0¦-0.0»)
def zero(x, number):
    return x @ x if str(number) == "0.0" else x @ x.t()

class Transposing(TorchFunctionMode):
    def __init__(self, transposes):
        super().__init__()
        self.transposes = transposes

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        return result.t() if function is torch.mm and self.transposes else result

with Transposing(EDITED):
    @shown()
    def under_a_mode(x):
        return torch.mm(x, x)
"""
)


MOVED = (
    BEGIN
    + """\
import collections

class Own(collections.OrderedDict):
    pass

for table in (collections.OrderedDict(a=1, b=2), Own(a=1, b=2)):
    if EDITED:
        table.move_to_end("a")

    @shown(table)
    def items(x, table):
        return x @ x if next(iter(table)) == "a" else x @ x.t()

    @shown()
    def of_a_global(x):
        return x @ x if list(table.values())[0] == 1 else x @ x.t()
"""
)


# Each process has the hashes of strings otherwise.
SETS = (
    BEGIN
    + """\
class Own(set):
    pass

words, numbers = {"a", "b", "c"}, Own((1, 2, 3))

@shown(words)
def member(x, words):
    return x @ x if "a" in words else x @ x.t()

@shown(numbers)
def of_an_own_class(x, numbers):
    return x @ x if 1 in numbers else x @ x.t()

@shown(words)
def in_order(x, words):
    return x @ x if sorted(words)[0] == "a" else x @ x.t()

@shown(words)
def equal(x, words):
    return x @ x if words == {"a", "b", "c"} else x @ x.t()
"""
)


def test_sets_of_which_no_order_is_asked_are_served_in_each_process(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    programs.write(program=variant(SETS, edited=False))
    runs = [programs.precompile() for _ in range(4)]
    assert [run.frames for run in runs] == [(0, 4, 4), *[(4, 0, 0)] * 3]
    assert {run.stdout for run in runs} == {programs.plain().stdout}


def test_what_was_not_there_and_comes_is_noticed(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    is_served_until_edited(Programs(tmp_path, interpreters), PROGRAM)


def test_an_order_that_a_dict_has_for_itself_counts(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    programs.write(program=variant(MOVED, edited=False))
    cold, warm = programs.precompile(), programs.precompile()
    assert (cold.frames, warm.frames) == ((0, 4, 4), (4, 0, 0))
    programs.write(program=variant(MOVED, edited=True))
    moved = programs.precompile()
    assert moved.stdout == programs.plain().stdout
    assert programs.precompile().frames == (4, 0, 0)
    assert not set(moved.stdout.splitlines()) & set(cold.stdout.splitlines())


LAZY = """\
import sys
import torch

sys.path.insert(0, "")
import lazy

@torch.compile
def asked(x):
    return x @ x if hasattr(lazy, "late") else x

@torch.compile
def called(x):
    return lazy.scaled(x) @ x.t()

with torch.no_grad():
    print(*(function(torch.eye(2)).sum().item() for function in (asked, called)))
"""
# As many libraries do with what takes long to import.
MODULE = """\
def __getattr__(name):
    if name not in ("late", "scaled"):
        raise AttributeError(name)
    globals()[name] = lambda x: x @ x
    return globals()[name]
"""


def test_a_name_that_a_module_gives_itself_when_it_is_asked_is_no_news(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    programs.write(program=LAZY, lazy=MODULE)
    cold, warm = programs.precompile(), programs.precompile()
    assert (cold.stdout, warm.stdout) == ("2.0 2.0\n",) * 2
    assert (cold.frames, warm.frames) == ((0, 2, 2), (2, 0, 0))
