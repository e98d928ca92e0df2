"""The functions that there are, whatever holds them: a closure, a dispatcher in C++."""

import gc
import sys
import types
from collections import Counter


def functions_alive(codes: list[types.CodeType]) -> dict[int, list[types.FunctionType]]:
    """By the id of its code, each function that there is of one of these."""
    alive: dict[int, list[types.FunctionType]] = {id(code): [] for code in codes}
    for function in all_functions() if codes else ():
        if id(function.__code__) in alive:
            alive[id(function.__code__)].append(function)
    return alive


def all_functions() -> list[types.FunctionType]:
    """All of them, as the garbage collector knows them."""
    if gc.get_freeze_count():
        # It does not tell what the program has frozen, as servers do before they fork; what such a
        # function does may be in a graph. They stay thawed: freezing would take what is young, too.
        gc.unfreeze()
    return [value for value in gc.get_objects() if type(value) is types.FunctionType]


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
