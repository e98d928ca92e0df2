"""Programs that are edited between two runs: what is served is what eager mode gives then."""

import sys
import types
from typing import Any

import pytest

pytestmark = pytest.mark.torch
pytest.importorskip("torch")

from fuzz import edits  # noqa: E402
from fuzz.edit_programs import EDITS, HOLDERS, MODES, REACHES, Program, program  # noqa: E402

# What was served stale once, each with the place from which it was read.
FOUND = (
    ("default of __init__", "frame"),
    ("default of __init__ that is an object", "helper"),
    ("class attribute that is an object", "object made inside"),
    ("dataclass default that is an object", "frame"),
    ("named tuple default", "helper"),
    ("metaclass method", "frame"),
    ("decorator's state", "frame"),
    ("code two calls away", "constant result"),
    ("global that a function reads", "constant result"),
    ("cached function that was called", "constant result"),
    ("weak reference", "constant result"),
    ("code two calls away", "allowed in graph, in a checkpoint"),
    ("global", "allowed in graph, in a checkpoint"),
    ("global that a function reads", "operator's gradient"),
    ("code of a lambda", "operator of a library, decomposed"),
    ("closure", "operator registered in a function"),
    ("object", "operator's fake"),
    ("environment by getenv", "helper"),
    ("environment", "operator's gradient"),
    ("environment by get", "constant result"),
    ("name in the environment", "constant result"),
    ("class made by a function", "frame"),
    ("property closed over", "helper"),
    ("__init__ closed over", "module's forward"),
    ("base that is made by a function", "object made inside"),
    ("annotation of a function", "frame"),
    ("annotation of a wrapped function", "helper"),
    ("annotation of a method", "frame"),
    ("class in an annotation", "frame"),
    ("default in a class in an annotation", "frame"),
    ("annotation of a class", "constant result"),
    ("bound of a type variable", "constant result"),
    ("type of a new type", "constant result"),
    ("metadata of an annotation", "constant result"),
    ("attribute of a function", "constant result"),
    ("default of a function that is not called", "constant result"),
    ("version of a module", "constant result"),
    ("text of a function", "constant result"),
    ("code that was executed", "constant result"),
    ("global", "abstract class's hook"),
    ("global that a function reads", "registered with an abstract class"),
    ("global", "registered with an abstract class, run"),
    ("global", "metaclass's check of an object"),
)
# What a second run is served, where nothing but the place in the file has changed.
SERVED = (
    ("default of __init__", "frame"),
    ("class attribute that is an object", "helper"),
    ("code two calls away", "constant result"),
    ("closure over a function", "module's forward"),
    ("dataclass default factory", "frame"),
    ("environment by getenv", "helper"),
    ("class made by a function", "frame"),
    ("default of a method, an object", "helper"),
    ("annotation of a function", "frame"),
    ("class in an annotation", "helper"),
    ("bound of a type variable", "constant result"),
    ("metadata of an annotation", "constant result"),
    ("code that was executed", "constant result"),
    ("global", "abstract class's hook"),
    ("global", "registered with an abstract class"),
)


def outcomes(mode: str, edit: str, cases: Any) -> dict[str, str]:
    """What came of each case, by its title."""
    programs = [
        Program(holder, reach, edit, mode, f"edit_{mode}_{number}")
        for number, (holder, reach) in enumerate(cases)
    ]
    return {made.title: outcome for made, outcome in edits.outcomes(mode, programs)}


@pytest.mark.parametrize("mode", ["frames", "graphs"])
def test_edit_of_what_a_compile_took_for_constant_is_noticed(mode: str) -> None:
    stale = outcomes(mode, "held", FOUND)
    assert {title: what for title, what in stale.items() if what != "right"} == {}


def test_program_that_only_moved_is_served() -> None:
    moved = outcomes("frames", "moved", SERVED)
    assert {title: what for title, what in moved.items() if "served" not in what} == {}


def test_modules_that_answer_for_any_name_have_no_part_in_what_picklers_ask_all_modules(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module, above = types.ModuleType("lazy_for_this_test"), types.ModuleType("above_this_test")

    def lazily(kept: dict[str, Any]) -> Any:
        def answer(name: str) -> Any:
            try:
                return kept[name]
            except KeyError:
                raise AttributeError(name) from None

        return answer

    vars(module)["__getattr__"] = ask = lazily({"known": 1})
    vars(above)["__getattr__"] = lambda name: ask(name)
    for one in (module, above):
        monkeypatch.setitem(sys.modules, one.__name__, one)
    moved = outcomes("frames", "moved", [("code two calls away", "constant result")])
    assert list(moved.values()) == ["only moved, and served"]


def test_the_sequence_of_programs_is_that_of_its_seed() -> None:
    drawn = [program(1, number) for number in range(200)]
    assert drawn == [program(1, number) for number in range(200)]
    assert drawn != [program(2, number) for number in range(200)]
    assert {made.mode for made in drawn} == set(MODES)
    assert {made.edit for made in drawn} == set(EDITS)


@pytest.mark.parametrize("edit", EDITS)
def test_each_edit_changes_a_source(edit: str) -> None:
    for holder in HOLDERS:
        for reach in REACHES:
            made = Program(holder, reach, edit, "frames", "edit_text")
            assert made.sources(edited=False) != made.sources(edited=True)


def test_a_stale_result_is_told_and_fails(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    from precompile_context.adapters.pytorch.precompile import parts

    monkeypatch.setattr(parts, "check", lambda parts: None)
    assert edits.run(0, 1, "environment by getenv/helper/held/frames") == 1
    assert "WRONG: another result" in capsys.readouterr().out
