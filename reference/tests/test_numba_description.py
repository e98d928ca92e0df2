"""numba: what a function's machine code depends on is in its name, and nothing else is."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.compilers

HELPER = """
import numpy as np
from enum import IntEnum
from numba import njit
SCALE = 3
TABLE = np.arange(3.0)
class Mode(IntEnum):
    FAST = 1
@njit
def deeper(x):
    return x * SCALE
@njit
def callee(x, y=1):
    return deeper(x) + y
def unrelated():
    return 1
"""
KERNEL = """
import helper_of_test as helper
from helper_of_test import callee
from numba import njit
@njit
def function(x):
    if x > helper.TABLE[1]:
        return callee(x) + helper.Mode.FAST
    return x + helper.deeper(x)
"""


@pytest.fixture
def described(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """A digest of the kernel, with `old` in the helper's source replaced by `new`."""
    from precompile_context.adapters.numba.description import Description

    count = 0

    def load(name: str, source: str) -> Any:
        folder = tmp_path / str(count)
        folder.mkdir(exist_ok=True)
        path = folder / f"{name}.py"
        path.write_text(source)
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def described(old: str = "", new: str = "") -> str:
        nonlocal count
        count += 1
        assert old in HELPER
        load("helper_of_test", HELPER.replace(old, new) if old else HELPER)
        description = Description()
        description.function(load("kernel_of_test", KERNEL).function.py_func)
        return description.digest()

    yield described
    for name in ("helper_of_test", "kernel_of_test"):
        sys.modules.pop(name, None)


def test_the_same_source_in_another_place_has_the_same_name(
    described: Callable[..., str],
) -> None:
    assert described() == described()


def test_what_is_neither_called_nor_read_does_not_matter(described: Callable[..., str]) -> None:
    assert described() == described("return 1\n", "return 2\n")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return deeper(x) + y", "return deeper(x) - y"),
        ("return x * SCALE", "return x + SCALE"),
        ("SCALE = 3", "SCALE = 4"),
        ("SCALE = 3", "SCALE = 3.0"),
        ("SCALE = 3", "SCALE = True * 3"),
        ("arange(3.0)", "arange(3.0) + 1"),
        ("arange(3.0)", "arange(3)"),
        ("FAST = 1", "FAST = 2"),
        ("y=1", "y=2"),
        ("@njit\ndef callee", "@njit(fastmath=True)\ndef callee"),
        ("@njit\ndef deeper", "@njit(boundscheck=True)\ndef deeper"),
    ],
    ids=[
        *("callee", "callee-of-callee", "constant", "type-of-constant", "same-value"),
        *("array", "type-of-array", "enum", "default", "fastmath", "boundscheck"),
    ],
)
def test_what_a_function_calls_or_reads_in_other_files_is_in_its_name(
    described: Callable[..., str], old: str, new: str
) -> None:
    same = new == "SCALE = True * 3"  # another text for the same constant
    assert (described() == described(old, new)) is same


def test_an_implementation_that_nobody_names_is_in_every_name() -> None:
    import numba.extending

    from precompile_context.adapters.numba.extensions import extensions

    def of_ours(x: object) -> None: ...

    before, factor = extensions(), 1

    @numba.extending.overload(of_ours)  # type: ignore[untyped-decorator]
    def _(x: object) -> Any:
        read = factor
        return lambda x: x * read

    registered = extensions()
    assert registered != before
    assert extensions() == registered
    factor = 2  # what it reads is another one from now on, in this very process
    assert extensions() != registered


def test_what_numba_wraps_is_found_within_it() -> None:
    import numba.extending as numba_extending
    from numba.core import types

    from precompile_context.adapters.numba.extensions import extensions

    class Kind(types.Type):  # type: ignore[misc]  # numba has no types
        pass

    def of_ours(x: object) -> None: ...

    read, said = 1, [extensions()]

    def changes_with_what_it_reads() -> None:
        nonlocal read
        said.append(extensions())
        read += 1
        said.append(extensions())

    @numba_extending.type_callable(of_ours)  # type: ignore[untyped-decorator]
    def _(context: object) -> Any:
        factor = read
        return lambda x: factor

    changes_with_what_it_reads()

    @numba_extending.lower_getattr(Kind, "a")  # type: ignore[untyped-decorator]
    def _(context: object, builder: object, kind: object, value: object) -> Any:
        return read

    changes_with_what_it_reads()

    @numba_extending.intrinsic  # type: ignore[untyped-decorator]
    def _(context: object, x: object) -> Any:
        return read

    changes_with_what_it_reads()
    numba_extending.make_attribute_wrapper(Kind, "a", "b")
    said.append(extensions())
    numba_extending.make_attribute_wrapper(Kind, "a", "c")
    said.append(extensions())
    assert len(set(said)) == len(said)


def test_what_a_program_registers_is_told_anew_beside_all_of_numbas_own() -> None:
    import numba.extending
    from numba.core.registry import cpu_target

    from precompile_context.adapters.numba import extensions as tried

    cpu_target.target_context.refresh()  # hundreds of numba's, of which none counts
    cpu_target.typing_context.refresh()
    there = len(list(tried._implementations()))

    def of_ours(x: object) -> None: ...

    factor = 1

    @numba.extending.overload(of_ours)  # type: ignore[untyped-decorator]
    def _(x: object) -> Any:
        read = factor
        return lambda x: x * read

    assert len(list(tried._implementations())) == there + 1
    registered = tried.extensions()
    factor = 2
    assert tried.extensions() != registered


@pytest.mark.parametrize("shadow", ["statistics", "profile"])
def test_a_file_of_the_programs_that_has_the_name_of_pythons_is_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shadow: str
) -> None:
    from precompile_context.adapters.numba.description import Description

    digests = []
    for source in ("def f(x): return x + 1", "def f(x): return x + 2"):
        path = tmp_path / f"{shadow}.py"
        path.write_text(source)
        spec = importlib.util.spec_from_file_location(shadow, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, shadow, module)
        exec(source, vars(module))
        description = Description()
        description.function(module.f)
        digests.append(description.digest())
    assert digests[0] != digests[1]


def test_a_function_that_bears_anothers_name_is_looked_into() -> None:
    import functools
    import statistics

    from precompile_context.adapters.numba.description import Description

    digests = []
    for number in (1.0, 2.0):

        @functools.wraps(statistics.mean)
        def ours(x: float, number: float = number) -> float:
            return x * number

        description = Description()
        description.add(ours)
        digests.append(description.digest())
    assert digests[0] != digests[1]


def test_pythons_own_functions_are_told_by_its_version() -> None:
    import statistics

    from precompile_context.adapters.numba.description import Description

    description = Description()
    description.function(statistics.mean)  # type: ignore[arg-type]
    assert len(description._alive) == 0


def test_what_cannot_be_told_is_refused_with_its_name() -> None:
    import numba
    from numba.extending import typeof_impl

    from precompile_context.adapters.numba.description import Description, UndescribedError

    class Thing: ...

    @typeof_impl.register(Thing)  # type: ignore[untyped-decorator]
    def _(value: object, context: object) -> Any:
        return numba.types.int64

    thing = Thing()

    def reads() -> object:
        return thing

    with pytest.raises(UndescribedError, match=r"thing: a .*Thing cannot be told by its value"):
        Description().add(reads)


def test_functions_that_call_each_other_have_a_name() -> None:
    from precompile_context.adapters.numba.description import Description

    source = "def even(n): return n == 0 or odd(n - 1)\ndef odd(n): return n and even(n - 1)\n"
    digests = []
    for edited in (source, source, source.replace("n and", "n > 0 and")):
        scope: dict[str, Any] = {"__name__": "made_of_a_text"}
        exec(edited, scope)
        description = Description()
        description.function(scope["even"])
        digests.append(description.digest())
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(
    ("name", "value"),
    [("OPT", 1), ("BOUNDSCHECK", 1), ("SLP_VECTORIZE", 1), ("LOOP_VECTORIZE", 0), ("NEW_ONE", 1)],
    ids=str,
)
def test_a_setting_that_may_change_code_is_a_fact(
    monkeypatch: pytest.MonkeyPatch, name: str, value: int
) -> None:
    from numba.core import config

    from precompile_context.adapters.numba.settings import facts

    before = facts().facts
    monkeypatch.setattr(config, name, value, raising=False)
    now = facts().facts
    assert {fact for fact in now if now[fact] != before.get(fact)} == {f"numba.{name.lower()}"}


@pytest.mark.parametrize("name", ["CACHE_DIR", "NUMBA_NUM_THREADS", "DUMP_ASSEMBLY"])
def test_a_setting_of_where_or_what_is_printed_is_none(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    from numba.core import config

    from precompile_context.adapters.numba.settings import facts

    before = facts().facts
    monkeypatch.setattr(config, name, 7)
    assert facts().facts == before
