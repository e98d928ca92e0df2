"""Digests and identities: equal for what is the same in any process, and for nothing else."""

import enum
import functools
import math
import subprocess
import sys
import types
import typing
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")

from precompile_context.adapters.pytorch.precompile.digests import (  # noqa: E402
    UnportableError,
    canonical,
    class_digest,
    code_digest,
    is_pinned,
    is_pinned_file,
)
from precompile_context.adapters.pytorch.precompile.identity import (  # noqa: E402
    code_identity,
    identity,
)
from precompile_context.adapters.pytorch.precompile.named_functions import (  # noqa: E402
    NamedFunctions,
)
from precompile_context.adapters.pytorch.precompile.scope import is_of_torch  # noqa: E402


def made(source: str, name: str = "f") -> Any:
    """What a source defines under a name, in a module of its own."""
    names: dict[str, Any] = {"__name__": "made"}
    exec(compile(source, "made.py", "exec"), names)
    return names[name]


class Color(enum.Enum):
    RED = 1


def test_canonical_ignores_the_order_of_hashes_alone() -> None:
    assert canonical(frozenset("abc")) == canonical(frozenset("cba"))
    assert canonical({8, 0}) != canonical({0, 8})
    assert canonical({"a": 1, "b": 2}) != canonical({"b": 2, "a": 1})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (1, 1.0),
        (0.0, -0.0),
        ("1", b"1"),
        ((1, 2), [1, 2]),
        (("a", "b"), ("a b",)),
        (None, "None"),
        ({1}, frozenset({1})),
        (slice(1), slice(2)),
    ],
)
def test_canonical_tells_apart(one: Any, other: Any) -> None:
    assert canonical(one) != canonical(other)


def test_canonical_of_an_object_is_refused() -> None:
    with pytest.raises(UnportableError, match=r"builtins\.object is no constant"):
        canonical([object()])


def test_code_is_the_same_wherever_it_stands() -> None:
    source = "def f(x):\n    return x in {'a', 'b', 'c'}\n"
    assert code_digest(made(source).__code__) == code_digest(
        made("\n\n# moved\n" + source).__code__
    )


@pytest.mark.parametrize(
    "changed",
    [
        "def f(x):\n    return x + 2\n",
        "def f(x):\n\n    return x + 1\n",
        "def f(x, y=0):\n    return x + 1\n",
        "def f(x):\n    return x - 1\n",
        "def f(x):\n    return (lambda: x + 1)()\n",
    ],
)
def test_code_is_another_where_its_text_is(changed: str) -> None:
    assert code_digest(made("def f(x):\n    return x + 1\n").__code__) != code_digest(
        made(changed).__code__
    )


def test_code_that_python_takes_for_equal_is_told_apart_by_its_name() -> None:
    source = "class {}:\n    def f(self, n):\n        self.n = n\n"
    one, other = (made(source.format(name), name).f.__code__ for name in ("One", "Other"))
    assert one == other
    assert code_digest(one) != code_digest(other)


def test_digests_do_not_depend_on_the_seed_of_hashes() -> None:
    program = (
        "from precompile_context.adapters.pytorch.precompile.digests import code_digest\n"
        "def f(x): return x in {'a', 'b', 'c', 'd', 'e'}\n"
        "print(code_digest(f.__code__))"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(digests) == 1


BASE = "class Base:\n    scale = 1\n    def f(self):\n        return 1\n\n"


@pytest.mark.parametrize(
    "source",
    [
        BASE + "class Net(Base):\n    def f(self):\n        return 1\n",
        BASE.replace("scale = 1", "scale = 2") + "class Net(Base):\n    pass\n",
        BASE.replace("return 1", "return 2") + "class Net(Base):\n    pass\n",
        BASE + "class Net(Base):\n    @property\n    def more(self):\n        return 1\n",
        BASE + "class Net(Base):\n    def __getattr__(self, name):\n        return 1\n",
    ],
)
def test_class_is_another_where_it_or_a_base_defines_otherwise(source: str) -> None:
    plain = made(BASE + "class Net(Base):\n    pass\n", "Net")
    assert class_digest(plain) == class_digest(made(BASE + "class Net(Base):\n    pass\n", "Net"))
    assert class_digest(plain) != class_digest(made(source, "Net"))


def test_class_is_the_same_after_python_has_written_into_it() -> None:
    cls = made(BASE, "Base")
    before = class_digest(cls)
    cls.__slotnames__ = []  # as copying does
    assert class_digest(cls) == before


def test_code_of_decorated_and_nested_functions_is_found_in_its_module() -> None:
    module = types.ModuleType("decorated")
    source = (
        "import functools\n"
        "def plain(function):\n"
        "    @functools.wraps(function)\n"
        "    def wrapper():\n"
        "        return function()\n"
        "    return wrapper\n"
        "@plain\n"
        "def f():\n"
        "    def nested():\n"
        "        return 1\n"
        "    return nested\n"
        "class Net:\n"
        "    @property\n"
        "    def g(self):\n"
        "        return 2\n"
        "    def h(self):\n"
        "        return 3\n"
        "    part = functools.partialmethod(h)\n"
        "    @functools.singledispatchmethod\n"
        "    def k(self, x):\n"
        "        return 4\n"
        "    @k.register\n"
        "    def _(self, x: int):\n"
        "        return 5\n"
        "    one, h = h, None\n"
        "    del one, _\n"
    )
    exec(compile(source, "decorated.py", "exec"), vars(module))
    found = NamedFunctions([module])
    inner = vars(module)["f"].__wrapped__
    assert found.holds(code_digest(inner.__code__))
    assert found.holds(code_digest(inner().__code__))
    net = vars(vars(module)["Net"])
    assert found.holds(code_digest(net["g"].fget.__code__))
    assert found.holds(code_digest(net["part"].func.__code__))
    dispatched = net["k"].dispatcher
    assert found.holds(code_digest(dispatched.dispatch(object).__code__))
    assert found.holds(code_digest(dispatched.dispatch(int).__code__))


def test_version_of_a_package_that_torch_runs_to_compile_tells_its_code() -> None:
    assert all(map(is_of_torch, ("sympy.core", "tqdm", "tqdm.std", "numpy")))
    assert not any(map(is_of_torch, ("tqdmish", "einops", "__main__", "")))


def test_functions_of_a_class_are_found_whichever_module_is_looked_through_first() -> None:
    first, second = types.ModuleType("first"), types.ModuleType("second")
    exec("class Net:\n    def f(self):\n        return 2\n", vars(second))
    exec(
        "class Shown:\n    __module__ = 'shown'\n    def f(self):\n        return 4\n", vars(second)
    )
    deep = vars(second)["deep"] = [eval("lambda: 3", vars(second))]
    for _ in range(7):
        deep = [deep]
    vars(first).update(Net=vars(second)["Net"], deep=deep)
    for modules in ([first, second], [second, first]):
        found = NamedFunctions(modules)
        assert found.holds(code_digest(vars(second)["Net"].f.__code__))
        assert found.holds(code_digest(vars(second)["Shown"].f.__code__))
        assert found.holds(code_digest(vars(second)["deep"][0].__code__))
    assert not NamedFunctions([first]).holds(code_digest(vars(second)["Net"].f.__code__))


def test_only_torch_and_python_are_pinned_by_their_version() -> None:
    assert all(is_pinned(name) for name in ("torch.nn", "functools", "builtins"))
    assert not any(is_pinned(name) for name in ("numpy", "__main__", "made", "", None))
    assert is_pinned_file(functools.__file__)
    assert is_pinned_file(torch.__file__)
    assert not is_pinned_file(__file__)
    assert not is_pinned_file(pytest.__file__)  # installed beside torch, of any version


def closure_over(value: Any) -> Callable[[], Any]:
    def inner() -> Any:
        return value

    return inner


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (len, "builtin_function_or_method len of module builtins"),
        (math, "module math"),
        (torch.float32, "dtype torch.float32"),
        (dict, "class builtins.dict"),
        (torch.nn.functional.relu, "function torch.nn.functional.relu"),
        (torch.ops.aten.add.Tensor, "OpOverload aten.add.Tensor"),
        (None, "NoneType None"),
        (typing.Union, "typing._SpecialForm typing.Union"),
        (list[int], "types.GenericAlias of class builtins.list, class builtins.int"),
        ((dict, math), "tuple [class builtins.dict, module math]"),
    ],
)
def test_what_python_and_torch_define_is_told_by_its_name(value: Any, name: str) -> None:
    assert identity(value) == name


def test_function_is_told_by_code_defaults_and_closure() -> None:
    assert identity(closure_over(1)) == identity(closure_over(1))
    assert identity(closure_over(1)) != identity(closure_over(2))
    assert identity(closure_over(closure_over(1))) != identity(closure_over(closure_over(2)))
    assert identity(made("def f(x=1): pass")) != identity(made("def f(x=2): pass"))
    assert identity(made("def f(*, x=1): pass")) != identity(made("def f(*, x=2): pass"))
    assert code_identity(closure_over(1)) == code_identity(closure_over(2))  # type: ignore[arg-type]


def test_context_managers_of_torch_are_told_by_what_they_are_entered_with() -> None:
    def managers() -> list[Any]:
        return [
            torch.autocast("cpu", dtype=torch.bfloat16),
            torch.autocast("cpu", dtype=torch.float16),
            torch.autocast("cpu", dtype=torch.bfloat16, enabled=False),
            torch.autocast("cpu", dtype=torch.bfloat16, cache_enabled=False),
            torch.profiler.record_function("one"),
            torch.profiler.record_function("two"),
        ]

    once, again = [*map(identity, managers())], [*map(identity, managers())]
    assert once == again
    assert len({*once}) == len(once)
    with (entered := torch.autocast("cpu", dtype=torch.bfloat16)):
        pass
    assert identity(entered) == once[0]  # entering leaves attributes behind


T = typing.TypeVar("T")
COUNT = typing.NewType("COUNT", int)


def test_annotations_are_told_by_name_and_by_their_parts() -> None:
    forms = [
        *(T, COUNT, typing.Literal, typing.Literal[1], typing.Literal["1"], typing.List[T]),  # type: ignore[valid-type]  # noqa: UP006
        *(list[int], list[str], dict[int, str], dict[str, int], int | str, int | Color),
        *(Callable[[int], str], Callable[[str], int], Callable[..., int], tuple[int, ...]),
        *(typing.Annotated[int, "a"], typing.Annotated[int, "b"], (int, str), (str, int)),
    ]
    assert len({*map(identity, forms)}) == len(forms)
    assert identity(Callable[[int], str]) == identity(Callable[[int], str])


def test_type_variables_and_new_types_are_told_with_what_they_stand_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "made", module := types.ModuleType("made"))

    def named(source: str) -> str:
        exec(f"from typing import NewType, TypeVar\n{source}", vars(module))
        return identity(vars(module)["T"])

    bound = named("T = TypeVar('T', bound=int)")
    assert bound == named("T = TypeVar('T', bound=int)")
    others = ["TypeVar('T')", "TypeVar('T', bound=str)", "TypeVar('T', int, str)"]
    others += ["TypeVar('T', bound=int, covariant=True)", "NewType('T', int)", "NewType('T', str)"]
    assert len({bound, *(named(f"T = {other}") for other in others)}) == len(others) + 1


def test_members_of_an_enum_and_partials_are_told_by_their_parts() -> None:
    assert identity(Color.RED).endswith(" RED")
    assert identity(functools.partial(abs, 1)) == identity(functools.partial(abs, 1))
    assert identity(functools.partial(abs, 1)) != identity(functools.partial(abs, 2))


@pytest.mark.parametrize(
    "value",
    [
        *(object(), torch.nn.ReLU(), torch.zeros(1), (1, object()), list[typing.TypeVar("T")]),  # type: ignore[misc]
        *(types.SimpleNamespace(), typing.ForwardRef("int"), typing.NewType("T", int)),
    ],
)
def test_one_object_among_others_has_no_identity(value: Any) -> None:
    with pytest.raises(UnportableError, match="one object of"):
        identity(value)


def test_closure_over_an_object_has_no_identity() -> None:
    with pytest.raises(UnportableError, match=r"one object of builtins\.object among others"):
        identity(closure_over(object()))
