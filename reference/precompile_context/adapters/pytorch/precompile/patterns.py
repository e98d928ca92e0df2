"""Patterns that the program has registered with inductor, which replaces what they match.

They stand among torch's own, in the passes of inductor's modules. A program's own passes are
settings.
"""

from collections.abc import Iterator
from typing import Any

from precompile_context.adapters.pytorch.precompile.digests import (
    functions_of,
    is_pinned,
    is_pinned_file,
    short_digest,
)
from precompile_context.adapters.pytorch.precompile.words import all_words


def patterns_digest() -> str:
    """Of all of them, each with its place among those for the same operator; "": there are none.

    Raises:
        UnportableError: one of them has no words.
    """
    lines = [f"{where} {all_words(entry, 'a pattern')}" for where, entry in _of_program()]
    return short_digest("\n".join(sorted(lines))) if lines else ""


def _of_program() -> Iterator[tuple[str, Any]]:
    for where, found in _passes():
        for entries in list(found.patterns.values()):
            if all(id(entry) in _torchs for entry in entries):
                continue  # asked for each graph, of a thousand entries, nearly always torch's
            for number, entry in enumerate(entries):
                if _is_of_program(entry):
                    yield f"{where} {number}", entry
                else:
                    _torchs[id(entry)] = entry


def _passes() -> Iterator[tuple[str, Any]]:
    """Inductor's passes, by name."""
    from torch._inductor.fx_passes import joint_graph, post_grad, pre_grad, split_cat
    from torch._inductor.pattern_matcher import PatternMatcherPass

    for module in (pre_grad, split_cat, joint_graph, post_grad):
        for name, value in list(vars(module).items()):
            for key, found in _items(value):
                if isinstance(found, PatternMatcherPass):
                    yield f"{module.__name__}.{name} {key}", found


def _items(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else [("", value)]


# By the id of an entry, which is kept.
_torchs: dict[int, Any] = {}


def _is_of_program(entry: Any) -> bool:
    """Whether it, its pattern, or a function that it calls or holds is the program's."""
    parts = (entry, *vars(entry).values())
    functions = [function for part in parts for function in functions_of(part)]
    is_torchs = all(is_pinned(type(part).__module__) for part in parts)
    return not (is_torchs and all(map(_is_pinned_function, functions)))


def _is_pinned_function(function: Any) -> bool:
    file = getattr(function, "co_filename", None) or function.__code__.co_filename
    if file.startswith("<"):  # torch makes some operations of texts
        return is_pinned(getattr(function, "__module__", None) or "torch")
    return is_pinned_file(file)
