"""Programs as people write them: served in the next process, and what has changed is not.

Each prints whether what it compiled is, bit for bit, what the same gives without compiling.
"""

from pathlib import Path

import pytest

from tests.forking import Interpreters
from tests.programs import Programs

pytestmark = pytest.mark.torch
pytest.importorskip("torch")

BEGIN = """
import collections, torch
import helpers

numbers = torch.arange(16.0).reshape(4, 4)

def show(name, function, *arguments):
    def tensors(result):
        return list(result.values()) if isinstance(result, dict) else [result]
    found, eager = torch.compile(function)(*arguments), function(*arguments)
    pairs = zip(tensors(found), tensors(eager), strict=True)
    print(name, type(found) is type(eager) and all(map(torch.equal, *zip(*pairs))))
"""


def rows(*names: str) -> str:
    return "".join(f"{name} True\n" for name in names)


def test_runs_behind_one_another_share_no_hash_seed_and_fail_as_programs_do(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    """Else what hangs on a set's order would be served here and in no other process."""
    programs = Programs(tmp_path, interpreters)
    programs.write(program="import sys\nprint(hash('a'), sys.argv, __name__)")
    first, second = programs.plain(), programs.plain()
    assert first.stdout != second.stdout
    assert first.stdout.endswith("['program.py'] __main__\n")
    with pytest.raises(ValueError, match="was read at the import"):
        programs.plain(TORCHINDUCTOR_VEC_ISA_OK="1")
    programs.write(program="raise LookupError('of the program')")
    with pytest.raises(AssertionError, match="LookupError: of the program"):
        programs.plain()


DICTS = (
    BEGIN
    + """
def module_level(x):
    return helpers.apply(x)

def nested(x):
    return helpers.apply_nested(x)

def attribute(x):
    return helpers.apply_attribute(x)

def subclass(x):
    return helpers.TABLE.apply(x)

def by_type(x):
    return helpers.apply_by_type(x)

show("module-level", module_level, numbers)
show("nested", nested, numbers)
show("attribute", attribute, numbers)
show("subclass", subclass, numbers)
show("by type", by_type, numbers)
"""
)
HELPERS = """
import typing

WEIGHTS = {"a": 1.5, "b": 2.0}
NESTED = {"layers": {"a": 1.5, "b": 2.0}, "first": "a"}

class Settings:
    def __init__(self, weights):
        self.weights = weights

SETTINGS = Settings({"a": 1.5, "b": 2.0})

class Table(dict):  # an attribute could stand before its method
    def apply(self, x):
        return each(x, self)

TABLE = Table({"a": 1.5, "b": 2.0})

def each(x, weights):  # the order of the keys is in the result
    for name, weight in weights.items():
        x = x * weight + 1
    return x

def apply(x):
    return each(x, WEIGHTS)

def apply_nested(x):
    return each(x, NESTED["layers"]) * NESTED["layers"][NESTED["first"]]

def apply_attribute(x):
    return each(x, SETTINGS.weights)

BY_TYPE = {typing.Union: 1.5, typing.Literal: 2.0, int: 3.0}

def apply_by_type(x):
    return each(x, BY_TYPE) * BY_TYPE.get(int)
"""
PAIR = '{"a": 1.5, "b": 2.0}'
EDITS = {
    "another order": '{"b": 2.0, "a": 1.5}',
    "another key": '{"a": 1.5, "c": 2.0}',
    "one key more": '{"a": 1.5, "b": 2.0, "c": 3.0}',
    "another value": '{"a": 1.5, "b": 2.5}',
    "another type of dict": '__import__("collections").OrderedDict(a=1.5, b=2.0)',
}


def test_dicts_that_helpers_iterate_are_served_until_keys_order_or_values_change(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    programs.write(program=DICTS, helpers=HELPERS)
    expected = rows("module-level", "nested", "attribute", "subclass", "by type")
    cold, warm = programs.precompile(), programs.precompile()
    assert [(ran.stdout, ran.stderr) for ran in (cold, warm)] == [(expected, "")] * 2
    assert (cold.frames, warm.frames) == ((0, 5, 5), (5, 0, 0))
    for name, edit in EDITS.items():
        programs.write(helpers=HELPERS.replace(PAIR, edit))
        edited = programs.precompile()
        # What a table is made of is no part of it, and one by type has keys of its own.
        frames = (2, 3, 3) if name == "another type of dict" else (1, 4, 4)
        assert (edited.stdout, edited.stderr, edited.frames) == (expected, "", frames)
    by_type = "typing.Union: 1.5, typing.Literal: 2.0, "
    programs.write(helpers=HELPERS.replace(by_type, "typing.Literal: 2.0, typing.Union: 1.5, "))
    reordered = programs.precompile()
    assert (reordered.stdout, reordered.stderr, reordered.frames) == (expected, "", (4, 1, 1))


def test_modules_that_code_reaches_by_made_up_names_are_found_by_their_own(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    programs.write(
        program=BEGIN
        + """
def returned(x):
    return collections.OrderedDict(a=x + 1, b=x * 2)

def elsewhere(x):
    return helpers.make(x)

show("returned", returned, numbers)
show("elsewhere", elsewhere, numbers)
""",
        helpers="import collections as c\ndef make(x):\n    return c.OrderedDict(c=x - 1)\n",
    )
    cold, warm = programs.precompile(), programs.precompile()
    expected = rows("returned", "elsewhere")
    assert [(ran.stdout, ran.stderr) for ran in (cold, warm)] == [(expected, "")] * 2
    assert (cold.frames, warm.frames) == ((0, 2, 2), (2, 0, 0))


FUNC = (
    BEGIN
    + """
linear = torch.nn.Linear(4, 4)
with torch.no_grad():
    linear.weight.copy_(numbers / 8)
weights = {name: weight.detach() for name, weight in linear.named_parameters()}

def vmapped(x, y):
    return torch.func.vmap(lambda row: y @ row * helpers.FACTOR)(x)

def gradient(x):
    return torch.func.grad(lambda t: (t @ t.T).sum() * helpers.scaled(2))(x)

def called(weights, x):
    def loss(weights):
        return torch.func.functional_call(linear, weights, (x,)).square().sum()
    return torch.func.grad(loss)(weights)

def make(y):
    def behind_a_break(x):
        torch._dynamo.graph_break()
        return torch.mm(x, y)
    return behind_a_break

def mapped_behind_a_break(x):
    def break_first(row):
        torch._dynamo.graph_break()
        return row @ x
    return torch.vmap(break_first)(x)

show("vmap", vmapped, numbers, numbers)
show("vmap behind a break", mapped_behind_a_break, numbers)
show("grad", gradient, numbers)
show("functional_call", called, weights, numbers)
show("closure behind a break", make(numbers), numbers)
"""
)


def test_transforms_of_torch_func_and_closures_behind_a_break_are_served(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    helpers = "FACTOR = 2\ndef scaled(n):\n    return n + 1\n"
    programs.write(program=FUNC, helpers=helpers)
    expected = rows(
        *("vmap", "vmap behind a break", "grad", "functional_call", "closure behind a break")
    )
    cold, warm = programs.precompile(), programs.precompile()
    assert [(ran.stdout, ran.stderr) for ran in (cold, warm)] == [(expected, "")] * 2
    assert (cold.frames, warm.frames) == ((0, 7, 7), (7, 0, 0))
    programs.write(helpers=helpers.replace("2", "3").replace("n + 1", "n + 2"))
    edited = programs.precompile()
    assert (edited.stdout, edited.stderr, edited.frames) == (expected, "", (5, 2, 2))


MARKED = (
    BEGIN
    + """
import os
from torch._dynamo import mark_dynamic, mark_static, maybe_mark_dynamic
from torch._dynamo.decorators import mark_unbacked

def columns(x):
    return x.sum(0) * 2

rows = int(os.environ.get("ROWS", "6"))
for mark in (mark_dynamic, maybe_mark_dynamic, mark_static, mark_unbacked):
    x = torch.arange(rows * 4.0).reshape(rows, 4)
    mark(x, 0)
    show(mark.__name__, lambda x: columns(x), x)
    torch._dynamo.reset()
show("unmarked", lambda x: columns(x), torch.ones(rows, 4))
"""
)


def test_marked_inputs_are_served_and_another_size_where_it_is_dynamic(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    programs.write(program=MARKED, helpers="")
    marks = ("mark_dynamic", "maybe_mark_dynamic", "mark_static", "mark_unbacked")
    expected = rows(*marks, "unmarked")
    cold, warm = programs.precompile(), programs.precompile()
    assert [(ran.stdout, ran.stderr) for ran in (cold, warm)] == [(expected, "")] * 2
    assert (cold.frames, warm.frames) == ((0, 5, 5), (5, 0, 0))
    larger = programs.precompile(ROWS="8")
    assert (larger.stdout, larger.stderr) == (expected, "")
    assert larger.frames[0] >= 3  # dynamic in three ways; what is static is compiled


def test_graph_break_under_grad_warns_no_more_than_torch_does(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    programs.write(
        program=BEGIN
        + """
class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.linear = torch.nn.Linear(4, 4)

    def forward(self, x):
        x = self.linear(x)
        torch._dynamo.graph_break()
        return (x * 2).relu()

for compiles in (True, False):
    block = Block()
    (torch.compile(block) if compiles else block)(numbers).sum().backward()
    print(block.linear.weight.grad.flatten().tolist())
""",
        helpers="",
    )
    cold, warm = programs.precompile(), programs.precompile()
    for ran in (cold, warm):
        compiled, eager = ran.stdout.splitlines()
        assert (compiled, ran.stderr) == (eager, "")
    assert (cold.frames, warm.frames) == ((0, 2, 2), (2, 0, 0))


LIBRARIES = (
    BEGIN
    + """
import functools
from torch._dynamo import trace_rules

# torch has einops find its backends before it traces any of it.
trace_rules.add_module_init_func("helpers", helpers.begin)
show("cached", lambda x: x @ x * helpers.cached(2), numbers)
show("cached in a class", lambda x: x @ x * helpers.Cached.method(2), numbers)
own = functools.lru_cache(helpers.plain)
show("cached of another module", lambda x: x @ x * own(2), numbers)
show("recorded", lambda x: helpers.recorded(x) @ x, numbers)
show("recursive", helpers.Recursive(), numbers)
show("begun", lambda x: helpers.scaled(x) @ x, numbers)
"""
)
LIBRARY = """
import functools, torch

TABLE = {}

def begin():
    TABLE["backend"] = 2.0

def scaled(x):
    return x * sum(TABLE.values())

def plain(number):
    return number + 1

cached = functools.lru_cache(16)(plain)

@torch.profiler.record_function("recorded")
def recorded(x):
    return x @ x

class Recursive(torch.nn.Module):
    def __init__(self):
        super().__init__()
        def all_of(number):
            return all_of(number - 1) if number else later
        self.all_of, self.scale = all_of, 2.0
        return
        later = None

    def forward(self, x):
        return x @ x * self.scale

class Cached:
    method = functools.lru_cache(plain)
"""


def test_functions_with_a_cache_and_libraries_that_torch_begins_are_served(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    programs.write(program=LIBRARIES, helpers=LIBRARY)
    expected = rows(
        "cached", "cached in a class", "cached of another module", "recorded", "recursive", "begun"
    )
    cold, warm = programs.precompile(), programs.precompile()
    assert (cold.stdout, warm.stdout, warm.stderr) == (expected, expected, "")
    assert (cold.frames, warm.frames) == ((0, 6, 6), (6, 0, 0))
    programs.write(helpers=LIBRARY.replace("number + 1", "number + 2"))
    edited = programs.precompile()
    assert (edited.stdout, edited.frames) == (expected, (3, 3, 3))
    programs.write(helpers=LIBRARY.replace("2.0", "3.0"))
    assert programs.precompile().stdout == expected


WITHOUT_CALLS = """
import torch

class Kept(torch.nn.Module):
    # What no guard looks at, and a tensor has as well.
    def __init__(self):
        super().__init__()
        self.kind, self.layout, self.order = torch.float32, torch.strided, torch.contiguous_format

    def forward(self, x):
        return x @ x

def added(x, y):
    return x + y

def viewed(x, y):
    return x.view(-1), y

def swapped(x, y):
    return y.detach(), x.detach(), x.shape[0]

def dropped(x, y):
    (x @ y).sum()

def behind(x, y):
    z = x @ y
    torch._dynamo.graph_break()
    return z + x

def shown(results):
    return [r.tolist() if isinstance(r, torch.Tensor) else r for r in results]

def all_of(function):
    x, y = (torch.full((3, 3), one, requires_grad=True) for one in (1.0, 2.0))
    results = function(x, y)
    results = results if isinstance(results, tuple) else (results,)
    for result in results:
        if isinstance(result, torch.Tensor) and result.requires_grad:
            result.sum().backward(retain_graph=True)
    same = [any(result is given for given in (x, y)) for result in results]
    return shown(results), same, shown([x.grad, y.grad])

for mode, dynamic in ((None, False), (None, True), ("reduce-overhead", False)):
    for function in (added, viewed, swapped, dropped, behind):
        torch._dynamo.reset()
        compiled = torch.compile(function, dynamic=dynamic, mode=mode)
        print(function.__name__, all_of(compiled) == all_of(function))
with torch.no_grad():
    print("kept", torch.equal(torch.compile(Kept())(torch.eye(2)), torch.eye(2)))
"""


def test_graphs_that_call_nothing_are_served_and_modules_that_keep_a_dtype(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    programs.write(program=WITHOUT_CALLS)
    expected = rows(*("added", "viewed", "swapped", "dropped", "behind") * 3, "kept")
    cold, warm, again = (programs.precompile() for _ in range(3))
    assert [(ran.stdout, ran.stderr) for ran in (cold, warm, again)] == [(expected, "")] * 3
    assert (cold.frames[0], cold.frames[1]) == (0, cold.frames[2])
    assert warm.frames == again.frames == (cold.frames[1], 0, 0)


def test_one_bundle_serves_both_modes_both_ways(tmp_path: Path, interpreters: Interpreters) -> None:
    source = """
import torch

block = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.ReLU())
torch.nn.init.ones_(block[0].weight)
torch.compile(block)(torch.ones(4, 4)).sum().backward()
print(block[0].weight.grad.sum().item())
"""
    first, second = tmp_path / "first", tmp_path / "second"
    for place, orders in (
        (first, ("--precompile", "", "--precompile")),
        (second, ("", "--precompile", "", "--precompile")),
    ):
        place.mkdir()
        programs = Programs(place, interpreters)
        programs.write(program=source)
        cold, *others = (programs.run(*filter(None, [option])) for option in orders)
        assert cold.report["kernels"]["built"] > 0
        for warm in others:
            assert (warm.stdout, warm.stderr) == (cold.stdout, "")
            assert warm.report["kernels"]["built"] == warm.report["graphs"]["compiled"] == 0
        plain = [ran for ran in others if ran.report["precompile"] is None]
        for warm in plain:
            assert warm.report["graphs"]["aot"] == {"hits": 1, "misses": 0, "bypasses": 0}
            assert warm.report["artifacts"]["recorded"] == 0  # and nothing is appended
        assert others[-1].frames == (1, 0, 0)
