"""What a trace looked for in vain, and the order of what it went through: right, or cold."""

from pathlib import Path

import pytest

from tests.forking import Interpreters
from tests.programs import Programs
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

@shown(thing)
def attribute(x, thing):
    try:
        thing.extra
        return x @ x
    except AttributeError:
        return x @ x.t()

@shown(slotted)
def slot(x, thing):
    try:
        thing.extra
        return x @ x
    except AttributeError:
        return x @ x.t()

@shown(error)
def of_an_error(x, error):
    try:
        error.extra
        return x @ x
    except AttributeError:
        return x @ x.t()

@shown(layer)
def of_a_module(x, layer):
    try:
        layer.extra
        return x @ x
    except AttributeError:
        return x @ x.t()

@shown(tensor)
def of_a_tensor(x, tensor):
    try:
        tensor.extra
        return x @ x
    except AttributeError:
        return x @ x.t()

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


def test_what_was_not_there_and_comes_is_noticed(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    is_served_until_edited(Programs(tmp_path, interpreters), PROGRAM)
