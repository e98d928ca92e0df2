"""The functions that there are, whatever holds them: a closure, a dispatcher in C++."""

import gc
import sys
import types
from collections import Counter
from collections.abc import Sequence
from typing import Any

# To compare every reference that there is with so many objects takes as long as to look at all
# functions.
_FEW = 32


def functions_alive(codes: list[types.CodeType]) -> dict[int, list[types.FunctionType]]:
    """By the id of its code, each function that there is of one of these."""
    alive: dict[int, list[types.FunctionType]] = {id(code): [] for code in codes}
    for function in _functions(codes) if codes else ():
        if id(function.__code__) in alive:
            alive[id(function.__code__)].append(function)
    return alive


def functions_within(scopes: list[dict[str, Any]]) -> list[types.FunctionType]:
    """All of which these are the globals."""
    ids = set(map(id, scopes))
    return [function for function in _functions(scopes) if id(function.__globals__) in ids]


def _functions(held: Sequence[object]) -> list[types.FunctionType]:
    """Those that hold one of these, and others, as the garbage collector knows them."""
    if gc.get_freeze_count():
        # It does not tell what the program has frozen, as servers do before they fork; what such a
        # function does may be in a graph. They stay thawed: freezing would take what is young, too.
        gc.unfreeze()
    holders = gc.get_objects() if len(held) > _FEW else gc.get_referrers(*held)
    return [value for value in holders if type(value) is types.FunctionType]


def held_natively(functions: list[types.FunctionType]) -> list[types.FunctionType]:
    """Those that something holds which the garbage collector does not know, as a dispatcher in C++:
    they have more references than there are in objects that it knows.
    """
    if not functions:
        return []
    counted = [*functions, lambda: None]  # the last one is held by this list alone
    ids = set(map(id, counted))
    known = Counter(
        id(held)
        for holder in gc.get_referrers(*counted)
        for held in gc.get_referents(holder)
        if id(held) in ids
    )
    *others, alone = [sys.getrefcount(function) - known[id(function)] for function in counted]
    return [f for f, count in zip(functions, others, strict=True) if count > alone]
