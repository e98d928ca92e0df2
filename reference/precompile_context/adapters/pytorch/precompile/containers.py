"""What dicts and sets hold, in the order in which code goes through them."""

import collections
from collections.abc import Callable
from typing import Any


def pairs_of(mapping: Any) -> list[tuple[Any, Any]]:
    """What a dict or a view of one holds, in the order in which code goes through it."""
    kinds = (collections.OrderedDict, dict)  # the first has an order of its own
    kind = next((kind for kind in kinds if isinstance(mapping, kind)), None)
    return [*(mapping.items() if kind is None else kind.items(mapping))]


def items_of(values: Any) -> list[Any]:
    """What a set holds, as Python's own sets are gone through."""
    return [*(set if isinstance(values, set) else frozenset).__iter__(values)]


def is_hashed_alike(item: Any) -> bool:
    """Whether an item has the same place in each process's sets: a number."""
    return type(item) in (bool, int, float) and item == item


def set_words(values: Any, words: Callable[[Any], str]) -> list[str]:
    """The words of a set's items: of numbers in the set's own order, which follows from how it was
    made; of others in none, for theirs follows from hashes, which each process has otherwise.
    """
    items = items_of(values)
    told = [words(item) for item in items]
    return told if all(map(is_hashed_alike, items)) else sorted(told)
