"""Values in words, and what ran: equal for what means the same, and for nothing else."""

import collections
import cProfile
import functools
import importlib
import logging
import re
import sys
import threading
import types
import weakref
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")

from fuzz.edit_programs import HOLDERS, Program  # noqa: E402

from precompile_context.adapters.pytorch.precompile import environment_reads  # noqa: E402
from precompile_context.adapters.pytorch.precompile.digests import UnportableError  # noqa: E402
from precompile_context.adapters.pytorch.precompile.observed import (  # noqa: E402
    meanwhile,
    needed,
    observing,
)
from precompile_context.adapters.pytorch.precompile.operators import operator_digest  # noqa: E402
from precompile_context.adapters.pytorch.precompile.parts import check, took_part  # noqa: E402
from precompile_context.adapters.pytorch.precompile.program_code import of_program  # noqa: E402
from precompile_context.adapters.pytorch.precompile.saved_guards import DiffersError  # noqa: E402
from precompile_context.adapters.pytorch.precompile.words import all_words  # noqa: E402


def imported(folder: Path, name: str, source: str) -> types.ModuleType:
    """A module of this source, imported anew."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(source)
    sys.modules.pop(name, None)
    importlib.invalidate_caches()
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(folder))


@pytest.fixture(autouse=True)
def _no_bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)


def reading(folder: Path, holder: str, *, edited: bool) -> str:
    """The words of a function that reads what a holder holds."""
    made = Program(holder, "helper", "held", "frames", "edit_words")
    for name, source in made.sources(edited=edited).items():
        module = imported(folder, name, source)
    return all_words(module.helper, "helper")


WITHOUT_WORDS = {"generator that stands there"}  # what keeps a version from being saved


@pytest.mark.parametrize("holder", sorted(WITHOUT_WORDS))
def test_what_a_holder_has_without_words_is_named(tmp_path: Path, holder: str) -> None:
    with pytest.raises(UnportableError, match=r"edit_words_lib\.\S+ is a \S+, which has no words"):
        reading(tmp_path, holder, edited=False)


@pytest.mark.parametrize("holder", sorted(set(HOLDERS) - WITHOUT_WORDS))
def test_words_differ_where_what_is_held_does_and_only_there(tmp_path: Path, holder: str) -> None:
    first = reading(tmp_path / "first", holder, edited=False)
    assert first == reading(tmp_path / "again", holder, edited=False)
    assert first != reading(tmp_path / "edited", holder, edited=True)


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([1, 2], (1, 2)),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (collections.OrderedDict(a=1), {"a": 1}),
        (Slotted(1), Slotted(2)),
        (torch.ones(2), torch.zeros(2)),
        (torch.ones(2), torch.ones(3)),
        (torch.ones(2, dtype=torch.float64), torch.ones(2)),
        (re.compile("a"), re.compile("a", re.IGNORECASE)),
        (functools.partial(len, [1]), functools.partial(len, [2])),
        (torch.float32, torch.float64),
        (range(2), range(3)),
        (0.0, -0.0),
    ],
)
def test_words_tell_apart(one: Any, other: Any) -> None:
    assert all_words(one, "x") == all_words(one, "x")
    assert all_words(one, "x") != all_words(other, "x")


def test_words_know_what_is_one_object_and_what_are_two() -> None:
    shared: list[int] = [1]
    assert all_words([shared, shared], "x") != all_words([[1], [1]], "x")
    endless: list[Any] = []
    endless.append(endless)
    assert all_words(endless, "x") == "list [#0]"


@pytest.mark.parametrize(
    "value", [object(), threading.Lock(), logging.getLogger("x"), weakref.WeakKeyDictionary()]
)
def test_what_has_no_value_has_words_all_the_same(value: Any) -> None:
    assert all_words(value, "x")


def test_what_has_no_words_is_named(tmp_path: Path) -> None:
    with open(tmp_path / "file", "w") as file, pytest.raises(UnportableError) as raised:
        all_words({"a": [file]}, "train.OUT")
    assert str(raised.value) == "train.OUT['a'][0] is a _io.TextIOWrapper, which has no words"


def test_what_is_too_much_is_told() -> None:
    with pytest.raises(UnportableError, match=r"train\.many\[\d+\] holds too much"):
        all_words([[number] for number in range(30_000)], "train.many")


def called() -> int:
    return 1


def test_what_was_called_is_observed_with_its_callers() -> None:
    with observing() as observed:
        assert not observed.ran().calls
        needed()
        called()
        with observing() as inner:
            assert inner is observed
        so_far = meanwhile()
    calls = observed.ran().calls
    assert id(called.__code__) in calls
    assert calls.keys() >= so_far.calls.keys()
    assert called.__code__ in of_program(calls)[0]
    with pytest.raises(UnportableError, match="a profiler was running"):
        meanwhile()


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="there, tools do not disturb each other")
def test_another_profiler_is_left_alone_and_nothing_is_known() -> None:
    profile = cProfile.Profile()
    profile.enable()
    with observing() as observed:
        needed()
        called()
    assert sys.getprofile() is profile  # type: ignore[comparison-overlap]
    profile.disable()
    with pytest.raises(UnportableError, match="a profiler was running"):
        observed.ran()


class Handler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        called()


def test_what_only_a_log_calls_takes_no_part() -> None:
    logger = logging.getLogger("words")
    logger.addHandler(handler := Handler())
    with observing() as observed:
        needed()
        logger.error("text")
    logger.removeHandler(handler)
    codes = of_program(observed.ran().calls)[0]
    assert Handler.emit.__code__ not in codes
    assert called.__code__ not in codes


SOURCE = "SCALE = {}\ndef read():\n    return SCALE\ndef other():\n    return {}\n"


@pytest.mark.parametrize(("scale", "other", "same"), [(1, 1, True), (1, 2, True), (2, 1, False)])
def test_only_what_took_part_counts(tmp_path: Path, scale: int, other: int, same: bool) -> None:
    module = imported(tmp_path / "first", "taking_part", SOURCE.format(1, 1))
    with observing() as observed:
        needed()
        module.read()
    parts = took_part(
        (), observed.ran(), told=frozenset(), classes=(), operators=(), variables_read=()
    )
    imported(tmp_path / "second", "taking_part", SOURCE.format(scale, other))
    if same:
        check(parts)
        return
    with pytest.raises(DiffersError, match=r"what taking_part\.read reads has changed"):
        check(parts)


def test_environment_that_is_read_meanwhile_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for read in (lambda: os.getenv("A"), lambda: os.environ.get("A"), lambda: "A" in os.environ):
        with observing() as observed:
            needed()
            read()
        assert environment_reads.reads_meanwhile(observed.ran().calls, [read.__code__])
    with observing() as observed:
        needed()
        called()
    assert not environment_reads.reads_meanwhile(observed.ran().calls, [called.__code__])
    monkeypatch.setenv("SET", "1")
    monkeypatch.delenv("UNSET", raising=False)
    before = environment_reads.variables(["SET", "UNSET"])
    assert [name for name, _ in before] == ["SET", "UNSET"]
    monkeypatch.setenv("UNSET", "")
    assert environment_reads.variables(["SET", "UNSET"]) != before


def test_operator_is_told_by_what_is_registered_for_it() -> None:
    operator = torch.library.custom_op(
        "words::op", lambda x: x.clone(), mutates_args=(), schema="(Tensor x) -> Tensor"
    )
    digests = [operator_digest("words::op")]
    operator.register_fake(lambda x: torch.empty_like(x))
    digests.append(operator_digest("words::op"))
    operator.register_autograd(lambda ctx, g: g)
    digests.append(operator_digest("words::op"))
    operator.register_autograd(lambda ctx, g: g * 2)
    digests.append(operator_digest("words::op"))
    operator.register_vmap(lambda info, dims, x: (x, 0))
    digests.append(operator_digest("words::op"))
    assert len(set(digests)) == len(digests)
    assert digests[-1] == operator_digest("words::op")
