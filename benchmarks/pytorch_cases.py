"""What torch.compile is asked to do in the table of modes, each next to what eager mode gives.

A case is a generator of pairs: what a compiled function returned, and what the same gives
without compiling. `warm` is false in the process that compiles first and true in those
that start with what it saved; a case that changes something in between looks at it.
"""

import contextlib
import functools
import importlib
import math
import multiprocessing
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from precompile_context.adapters.pytorch import demo_model

Pair = tuple[Any, Any]
Case = Callable[["Place", bool], Iterator[Pair]]
CASES: dict[str, Case] = {}


class Place:
    """A directory for modules that a case writes, and may write otherwise when it is warm."""

    # Makes the with-block in which a child process does what this one does.
    arrive: Any = contextlib.nullcontext

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        sys.path.insert(0, str(directory))

    def module(self, name: str, source: str) -> types.ModuleType:
        """A module of this source, imported."""
        (self.directory / f"{name}.py").write_text(source)
        importlib.invalidate_caches()
        sys.modules.pop(name, None)
        return importlib.import_module(name)


def case(title: str) -> Callable[[Case], Case]:
    """A case of the table, under this title."""

    def register(function: Case) -> Case:
        CASES[title] = function
        return function

    return register


def square(size: int = 8, seed: int = 0) -> torch.Tensor:
    """Numbers to compute with, the same on every device."""
    generator = torch.Generator("cpu").manual_seed(seed)
    numbers: torch.Tensor = torch.randn(size, size, generator=generator, device="cpu")
    return (numbers / math.sqrt(size)).to(torch.get_default_device())


def compiled(function: Any, **options: Any) -> Any:
    """torch.compile, which is typed for other uses than these."""
    return torch.compile(function, **options)


# --- functions and modules --------------------------------------------------------------


def double(x: torch.Tensor) -> torch.Tensor:
    return x @ x


def quadruple(x: torch.Tensor) -> torch.Tensor:
    return double(double(x))


@case("function")
def function(place: Place, warm: bool) -> Iterator[Pair]:
    yield compiled(quadruple)(square()), quadruple(square())


class Affine(nn.Module):
    def __init__(self, size: int = 8, activation: str = "none") -> None:
        super().__init__()
        torch.manual_seed(size)
        self.linear = nn.Linear(size, size)
        self.activation = activation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.linear(x)
        return x if self.activation == "none" else getattr(functional, self.activation)(x)


@case("module")
def module(place: Place, warm: bool) -> Iterator[Pair]:
    model = Affine()
    with torch.no_grad():
        yield compiled(model)(square()), model(square())


def broken(x: torch.Tensor) -> torch.Tensor:
    y = x @ x
    torch._dynamo.graph_break()
    return y @ x


@case("graph break")
def graph_break(place: Place, warm: bool) -> Iterator[Pair]:
    yield compiled(broken)(square()), broken(square())


def rows(x: torch.Tensor) -> torch.Tensor:
    return x @ x.T


@case("dynamic shapes")
def dynamic_shapes(place: Place, warm: bool) -> Iterator[Pair]:
    step = compiled(rows, dynamic=True)
    for size in (8, 12, 16):
        yield step(square(size)), rows(square(size))


def automatic(x: torch.Tensor) -> torch.Tensor:
    return x.T @ x


@case("automatic dynamic shapes")
def automatic_dynamic_shapes(place: Place, warm: bool) -> Iterator[Pair]:
    step = compiled(automatic)
    for size in (8, 12, 16):
        yield step(square(size)), automatic(square(size))


@case("training step")
def training_step(place: Place, warm: bool) -> Iterator[Pair]:
    losses = []
    for compiles in (True, False):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 8))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        step = compiled(model) if compiles else model
        for _ in range(2):
            loss: Any = step(square()).square().mean()
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        losses.append(loss.detach())
    yield losses[0], losses[1]


@case("transformer training step")
def transformer(place: Place, warm: bool) -> Iterator[Pair]:
    text = torch.randint(demo_model.WORDS, (2, 8, demo_model.LENGTH + 1))
    losses = []
    for compiles in (True, False):
        torch.manual_seed(0)
        model = demo_model.Transformer()
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
        step = compiled(model) if compiles else model
        for batch in text:
            scores = step(batch[:, :-1])
            loss: Any = functional.cross_entropy(scores.flatten(0, 1), batch[:, 1:].flatten())
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        losses.append(loss.detach())
    yield losses[0], losses[1]


@case("forward only, grad enabled")
def forward_only(place: Place, warm: bool) -> Iterator[Pair]:
    weight = square(seed=1).requires_grad_()

    def forward(x: torch.Tensor) -> torch.Tensor:
        return x @ weight

    yield compiled(forward)(square()).detach(), forward(square()).detach()


@case("two instances, another attribute")
def two_attributes(place: Place, warm: bool) -> Iterator[Pair]:
    with torch.no_grad():
        for activation in ("relu", "gelu"):
            model = Affine(activation=activation)
            yield compiled(model)(square()), model(square())


class Noted(Affine):
    """Has lists and dicts that nothing guards, beside what is guarded."""

    def __init__(self) -> None:
        super().__init__()
        self.notes = ["of the program", {"any": [1, 2]}]
        self.by_name: dict[str, Any] = {"seen": set()}


@case("module that holds lists")
def holds_lists(place: Place, warm: bool) -> Iterator[Pair]:
    model = Noted()
    with torch.no_grad():
        yield compiled(model)(square()), model(square())


@case("two instances, another size")
def two_sizes(place: Place, warm: bool) -> Iterator[Pair]:
    with torch.no_grad():
        for size in (8, 12):
            model = Affine(size)
            yield compiled(model)(square(size)), model(square(size))


def calling(inner: Callable[..., Any]) -> Callable[..., Any]:
    def outer(x: torch.Tensor) -> Any:
        return inner(x) @ x

    return outer


def transposed(x: torch.Tensor) -> torch.Tensor:
    return x.T


def halved(x: torch.Tensor) -> torch.Tensor:
    return x[:4]


@case("closures over two functions")
def closures(place: Place, warm: bool) -> Iterator[Pair]:
    for inner in (transposed, halved):
        outer = calling(inner)
        yield compiled(outer)(square()), outer(square())


class Scaled:
    def __init__(self, power: int) -> None:
        self.power = power

    def method(self, x: torch.Tensor) -> Any:
        return torch.linalg.matrix_power(x, self.power)


@case("methods")
def methods(place: Place, warm: bool) -> Iterator[Pair]:
    for power in (2, 3):
        bound = Scaled(power).method
        yield compiled(bound)(square()), bound(square())


def announced(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any) -> Any:
        return function(*args) @ args[-1]

    return wrapper


class Decorated:
    @announced
    def once(self, x: torch.Tensor) -> torch.Tensor:
        return x.T

    @announced
    def twice(self, x: torch.Tensor) -> torch.Tensor:
        return x @ x


@case("decorated methods")
def decorated_methods(place: Place, warm: bool) -> Iterator[Pair]:
    for name in ("once", "twice"):
        bound = getattr(Decorated(), name)
        yield compiled(bound)(square()), bound(square())


@case("two lambdas on one line")
def lambdas(place: Place, warm: bool) -> Iterator[Pair]:
    pair: list[Callable[..., Any]] = [lambda x: x @ x, lambda x: x @ x.T]
    for chosen in pair:
        yield compiled(chosen)(square()), chosen(square())


@case("two lambdas in two files")
def lambdas_in_files(place: Place, warm: bool) -> Iterator[Pair]:
    for name, body in (("lambda_one", "x @ x"), ("lambda_two", "x.T @ x")):
        chosen = place.module(name, f"chosen = lambda x: {body}\n").chosen
        yield compiled(chosen)(square()), chosen(square())


@case("one name and line in two modules")
def same_name(place: Place, warm: bool) -> Iterator[Pair]:
    source = "def helper(x):\n    return {}\n\ndef step(x):\n    return helper(x) @ x\n"
    for name, body in (("same_one", "x.T"), ("same_two", "x[:4]")):
        step = place.module(name, source.format(body)).step
        yield compiled(step)(square()), step(square())


# --- what a guard of identity decides ---------------------------------------------------

rebound = transposed


def calls_rebound(x: torch.Tensor) -> torch.Tensor:
    return rebound(x) @ x


@case("global function rebound")
def global_rebound(place: Place, warm: bool) -> Iterator[Pair]:
    global rebound
    step = compiled(calls_rebound)
    # Warm, the order is another one: each must find its own.
    for chosen in (halved, transposed) if warm else (transposed, halved):
        rebound = chosen
        yield step(square()), calls_rebound(square())


@case("global function rebound since")
def global_rebound_since(place: Place, warm: bool) -> Iterator[Pair]:
    source = "def one(x):\n    return x.T\n\ndef two(x):\n    return x[:4]\n\nhelper = {}\n\n"
    source += "def step(x):\n    return helper(x) @ x\n"
    step = place.module("rebound_since", source.format("two" if warm else "one")).step
    yield compiled(step)(square()), step(square())


def attributed(x: torch.Tensor) -> Any:
    return torch.linalg.matrix_power(x, attributed.power)  # type: ignore[attr-defined]


@case("function attribute changed")
def function_attribute(place: Place, warm: bool) -> Iterator[Pair]:
    step = compiled(attributed)
    for power in (3, 2) if warm else (2, 3):
        attributed.power = power  # type: ignore[attr-defined]
        yield step(square()), attributed(square())


def applies(function: Callable[..., Any], x: torch.Tensor) -> Any:
    return function(x) @ x


@case("function as argument")
def function_argument(place: Place, warm: bool) -> Iterator[Pair]:
    step = compiled(applies)
    for argument in (halved, transposed) if warm else (transposed, halved):
        yield step(argument, square()), applies(argument, square())


def over(weight: torch.Tensor) -> Callable[..., Any]:
    def inner(x: torch.Tensor) -> torch.Tensor:
        return x @ weight

    return inner


@case("function as argument, closed over a tensor")
def tensor_argument(place: Place, warm: bool) -> Iterator[Pair]:
    step = compiled(applies)
    wide, narrow = square(seed=1), square(seed=2)[:4, :4]
    for weight in (narrow, wide) if warm else (wide, narrow):
        x = square()[: len(weight), : len(weight)]
        yield step(over(weight), x), applies(over(weight), x)


def optional(x: torch.Tensor) -> torch.Tensor:
    return x @ x if hasattr(optional, "flag") else x @ x.T


@case("function attribute added since")
def attribute_added(place: Place, warm: bool) -> Iterator[Pair]:
    # Once it has compiled, torch alone does not look again: within a process this would be wrong.
    if warm:
        vars(optional).update(flag=1)
    yield compiled(optional)(square()), optional(square())


WRAPPED = """
import functools, torch

power = torch.linalg.matrix_power

def kept(function):
    @functools.wraps(function)
    def wrapper(self, x):
        return power(function(self, x), wrapper.outer) @ power(x, function.__kwdefaults__["last"])
    wrapper.outer = 2
    return wrapper

class Net(torch.nn.Module):
    @kept
    def forward(self, x, inner=2, *, last=1):
        return power(x, inner)
"""


@case("what is behind functools.wraps changed")
def wrapped_changed(place: Place, warm: bool) -> Iterator[Pair]:
    model = place.module("behind_wraps", WRAPPED).Net()
    wrapper = type(model).forward
    function = wrapper.__wrapped__
    changes: list[Callable[[], Any]] = [
        lambda: None,
        lambda: setattr(wrapper, "outer", 3),
        lambda: setattr(function, "__kwdefaults__", {"last": 3}),
        lambda: setattr(function, "__defaults__", (3,)),
    ]
    step = compiled(model)
    # Warm, two of them have not been met in this order, and the third gives what was met last.
    for change in reversed(changes) if warm else changes:
        change()
        yield step(square()), model(square())


KEEPING = """
import functools, torch

power = torch.linalg.matrix_power
POWER = 2

def keeping(function):
    @functools.wraps(function)
    def wrapper(self, x):
        if len(function.__defaults__) == 2:
            return power(function(self, x, 1), POWER)
        return power(function(self, x, 1), function.__defaults__[0]) @ x
    return wrapper
"""
KEPT = """
import torch
from keeping import keeping

POWER = 5

class Net(torch.nn.Module):
    @keeping
    def forward(self, x, first=2, second=1):
        return x.T @ x
"""


@case("a decorator's globals and the defaults that it looks at")
def decorator_looks(place: Place, warm: bool) -> Iterator[Pair]:
    # Its wrapper has the name and the module of what it wraps, and looks into those of its own.
    decorating: Any = place.module("keeping", KEEPING)
    model = place.module("kept", KEPT).Net()
    function = type(model).forward.__wrapped__
    states = [(2, (2, 1)), (3, (2, 1)), (3, (3,))]
    step = compiled(model)
    for decorating.POWER, function.__defaults__ in reversed(states) if warm else states:
        yield step(square()), model(square())


def by_attribute(x: torch.Tensor) -> Any:
    return torch.linalg.matrix_power(x, x.power)  # type: ignore[attr-defined]


@case("attribute that a tensor was given")
def tensor_attribute(place: Place, warm: bool) -> Iterator[Pair]:
    step = compiled(by_attribute)
    for power in (3, 2) if warm else (2, 3):
        x = square()
        x.power = power  # type: ignore[attr-defined]
        x.itself = x  # type: ignore[attr-defined]
        yield step(x), by_attribute(x)


def if_flagged(x: torch.Tensor) -> torch.Tensor:
    return x @ x if hasattr(x, "flag") else x.T @ x


@case("attribute that a tensor may have")
def tensor_flag(place: Place, warm: bool) -> Iterator[Pair]:
    step = compiled(if_flagged)
    # Cold, each is met with the flag alone: without it, warm, none of them is for the tensor.
    for flagged in (False, True) if warm else (True,):
        x = square()
        if flagged:
            x.flag = object()  # type: ignore[attr-defined]
        yield step(x), if_flagged(x)


GLOBALS = """
import torch

POWER, WEIGHT, TABLE = 2, torch.eye(8), {"left": torch.eye(8)}

class Net(torch.nn.Module):
    def forward(self, x):
        return TABLE["left"] @ torch.linalg.matrix_power(x, POWER) @ WEIGHT
"""


@case("globals rebound while it is served")
def globals_rebound(place: Place, warm: bool) -> Iterator[Pair]:
    module: Any = place.module("with_globals", GLOBALS)
    model = module.Net()
    step = compiled(model)
    for module.POWER in (3, 2) if warm else (2, 3):
        yield step(square()), model(square())
    module.POWER = 2
    # What a guard takes for the same is the one that is there now.
    module.WEIGHT, module.TABLE["left"] = square(seed=1), square(seed=2)
    yield step(square()), model(square())
    module.WEIGHT = square(seed=3)[:, :4]
    yield step(square()), model(square())


@case("another type of the same shape")
def other_type(place: Place, warm: bool) -> Iterator[Pair]:
    step = compiled(automatic)
    inputs = [square(), square().double(), square().T]
    for x in reversed(inputs) if warm else inputs:
        yield step(x), automatic(x)


SIZED = """
import torch

TABLE = torch.eye(12)

def step(x):
    return x @ x if TABLE.shape[0] > 10 else x.T @ x
"""


@case("size of a global tensor decides")
def global_size(place: Place, warm: bool) -> Iterator[Pair]:
    module: Any = place.module("of_a_size", SIZED)
    step = compiled(module.step)
    # The second size makes it dynamic: what decides is a guard of Python code.
    for size in (16, 5, 20) if warm else (12, 16):
        module.TABLE = torch.eye(size)
        yield step(square()), module.step(square())


DECORATING = """
import contextlib, functools

def twice(forward):
    @functools.wraps(forward)
    def wrapper(self, x):
        return forward(self, x) @ forward(self, x)
    return wrapper

@contextlib.contextmanager
def quietly(level):
    yield level
"""
DECORATED = """
import torch
from decorating import quietly, twice

class Net(torch.nn.Module):
    @torch.no_grad()
    @twice
    def forward(self, x):
        return x.T @ x if type(x) is torch.Tensor else x

    @quietly(1)
    def initialize(self):
        pass

net = Net()

def step(x):
    return net(x)
"""


@case("method that another module's decorators made")
def decorated_elsewhere(place: Place, warm: bool) -> Iterator[Pair]:
    place.module("decorating", DECORATING)
    step = place.module("decorated", DECORATED).step
    yield compiled(step)(square()), step(square())


COLLECTOR = """
import contextvars, threading

class Collector:
    def __init__(self):
        self.variable, self.lock = contextvars.ContextVar("collected"), threading.Lock()
        self.factor = 2

collector = Collector()

def step(x):
    return x @ x if collector.factor == 2 else x.T @ x
"""


@case("object of a module that holds what no pickle can")
def unpicklable(place: Place, warm: bool) -> Iterator[Pair]:
    module: Any = place.module("collecting", COLLECTOR)
    step = compiled(module.step)
    for module.collector.factor in (3, 2) if warm else (2, 3):
        yield step(square()), module.step(square())


def hook_twice(model: nn.Module, inputs: Any, output: torch.Tensor) -> torch.Tensor:
    return output @ output


def hook_half(model: nn.Module, inputs: Any, output: torch.Tensor) -> torch.Tensor:
    return output[:4]


@case("forward hook")
def hook(place: Place, warm: bool) -> Iterator[Pair]:
    model = Affine()
    model.register_forward_hook(hook_twice)
    with torch.no_grad():
        yield compiled(model)(square()), model(square())


@case("forward hook added and changed")
def hook_changed(place: Place, warm: bool) -> Iterator[Pair]:
    model = Affine()
    step = compiled(model)
    with torch.no_grad():
        yield step(square()), model(square())
        handle = model.register_forward_hook(hook_half if warm else hook_twice)
        yield step(square()), model(square())
        handle.remove()
        model.register_forward_hook(hook_twice if warm else hook_half)
        yield step(square()), model(square())


# --- what has no name -------------------------------------------------------------------


@case("exec'd functions")
def executed(place: Place, warm: bool) -> Iterator[Pair]:
    for body in ("x @ x", "x.T @ x"):
        names: dict[str, Any] = {}
        exec(f"def made(x):\n    return {body}\n", names)
        yield compiled(names["made"])(square()), names["made"](square())


@case("functools.partial")
def partial(place: Place, warm: bool) -> Iterator[Pair]:
    for inner in (transposed, halved):
        bound = functools.partial(applies, inner)
        yield compiled(bound)(square()), bound(square())


@case("optimizer step")
def optimizer_step(place: Place, warm: bool) -> Iterator[Pair]:
    results = []
    for compiles in (True, False):
        weight = nn.Parameter(square())
        optimizer = torch.optim.SGD([weight], lr=0.1, foreach=False)
        step = compiled(optimizer.step) if compiles else optimizer.step
        for seed in (1, 2):
            weight.grad = square(seed=seed)
            step()
        results.append(weight.detach().clone())
    yield results[0], results[1]


def in_child(connection: Any, arrive: Any) -> None:
    with arrive():
        # Numbers: a tensor would be shared, and its sender may be gone when it is read.
        connection.send(compiled(quadruple)(square()).tolist())


@case("spawned children")
def children(place: Place, warm: bool) -> Iterator[Pair]:
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=in_child, args=(sending, place.arrive))
    process.start()
    result = torch.tensor(receiving.recv())
    process.join()
    yield result, quadruple(square())


# --- what has changed since -------------------------------------------------------------


@case("source changed since")
def source_changed(place: Place, warm: bool) -> Iterator[Pair]:
    body = "x.T @ x" if warm else "x @ x"
    step = place.module("changed_step", f"def step(x):\n    return {body}\n").step
    yield compiled(step)(square()), step(square())


@case("helper's source changed since")
def helper_changed(place: Place, warm: bool) -> Iterator[Pair]:
    body = "x.T" if warm else "x[:4]"
    place.module("changed_helper", f"def helper(x):\n    return {body}\n")
    source = "import changed_helper\n\ndef step(x):\n    return changed_helper.helper(x) @ x\n"
    step = place.module("calls_changed_helper", source).step
    yield compiled(step)(square()), step(square())


@case("method overridden since")
def overridden(place: Place, warm: bool) -> Iterator[Pair]:
    source = "import torch\n\nclass Base(torch.nn.Module):\n"
    source += "    def act(self, x):\n        return x.T\n\n"
    source += "    def forward(self, x):\n        return self.act(x) @ x\n\nclass Net(Base):\n"
    source += "    def act(self, x):\n        return x[:4]\n" if warm else "    pass\n"
    model = place.module("overriding", source).Net()
    yield compiled(model)(square()), model(square())


@case("moved in its file since")
def moved(place: Place, warm: bool) -> Iterator[Pair]:
    above = "# A comment.\n\n\n" if warm else ""
    step = place.module("moved_step", above + "def step(x):\n    return x @ x.T @ x\n").step
    yield compiled(step)(square()), step(square())


def with_backend(x: torch.Tensor) -> torch.Tensor:
    return x @ x @ x.T


def negating(graph: Any, inputs: Any) -> Callable[..., Any]:
    """A backend of one's own, whose results are told from inductor's."""
    return lambda *args: tuple(-result for result in graph(*args))


@case("backend changed since")
def backend_changed(place: Place, warm: bool) -> Iterator[Pair]:
    step = compiled(with_backend, backend=negating if warm else "inductor")
    yield step(square()), -with_backend(square()) if warm else with_backend(square())


@case("two backends for one function")
def two_backends(place: Place, warm: bool) -> Iterator[Pair]:
    plain, negated = compiled(with_backend), compiled(with_backend, backend=negating)
    yield plain(square()), with_backend(square())
    yield negated(square()), -with_backend(square())


def with_options(x: torch.Tensor) -> torch.Tensor:
    return x.T @ x @ x


@case("options changed since")
def options_changed(place: Place, warm: bool) -> Iterator[Pair]:
    options: dict[str, Any] = {"max_autotune": False, "epilogue_fusion": not warm}
    yield compiled(with_options, options=options)(square()), with_options(square())


def grows(x: torch.Tensor) -> torch.Tensor:
    return x @ x.T @ x


@case("new shape, warm")
def new_shape(place: Place, warm: bool) -> Iterator[Pair]:
    step = compiled(grows)
    for size in (8, 12, 16) if warm else (8,):
        yield step(square(size)), grows(square(size))


def grows_broken(x: torch.Tensor) -> torch.Tensor:
    y = x.T @ x
    torch._dynamo.graph_break()
    return y @ x @ y


@case("new shape, warm, with a graph break")
def new_shape_broken(place: Place, warm: bool) -> Iterator[Pair]:
    step = compiled(grows_broken)
    for size in (8, 12, 16) if warm else (8,):
        yield step(square(size)), grows_broken(square(size))
