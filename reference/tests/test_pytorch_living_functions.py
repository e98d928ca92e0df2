"""Functions are found by their codes and by their globals, whoever holds them."""

import types

import pytest

from precompile_context.adapters.pytorch.precompile.living_functions import (
    functions_alive,
    functions_within,
)


def _made(number: int) -> types.FunctionType:
    namespace: dict[str, types.FunctionType] = {}
    exec(f"def made{number}(): return {number}", namespace)
    return namespace[f"made{number}"]


# Few are asked for by what holds them, many by a look at all functions.
@pytest.mark.parametrize("count", [1, 32, 33, 100])
def test_each_function_of_a_code_is_found_and_no_other(count: int) -> None:
    made = [_made(number) for number in range(count)]
    again = types.FunctionType(made[0].__code__, {})
    gone = compile("def gone(): pass", "<gone>", "exec").co_consts[0]
    alive = functions_alive([*(function.__code__ for function in made[:-1]), gone])
    assert alive.keys() == {*(id(function.__code__) for function in made[:-1]), id(gone)}
    assert alive[id(gone)] == []
    for number, function in enumerate(made[:-1]):
        expected = {id(function), id(again)} if number == 0 else {id(function)}
        assert set(map(id, alive[id(function.__code__)])) == expected


@pytest.mark.parametrize("count", [1, 33])
def test_functions_of_globals_are_found_and_no_other(count: int) -> None:
    made = [_made(number) for number in range(count + 1)]
    scopes = [function.__globals__ for function in made[:-1]]
    assert {id(f) for f in functions_within(scopes)} == {id(f) for f in made[:-1]}


def test_nothing_asked_for_is_nothing_found() -> None:
    assert functions_alive([]) == {}
    assert functions_within([]) == []
