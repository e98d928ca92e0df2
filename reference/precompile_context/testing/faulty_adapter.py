"""An adapter whose methods fail, each after it has done its work: the most is to be undone then."""

import functools
import importlib
import os
from collections.abc import Callable
from typing import Any

from precompile_context.environment import Environment

_ADAPTER = os.environ.get("PRECOMPILE_FAULTY_ADAPTER", "")
_FAULTS = os.environ.get("PRECOMPILE_FAULTS", "").split()


def __getattr__(name: str) -> type:
    """`FaultyAdapter`: the adapter of one variable, with the faults of the other."""
    if name != "FaultyAdapter":
        raise AttributeError(name)
    module, _, named = _ADAPTER.partition(":")
    base: type = getattr(importlib.import_module(module), named)
    own = {method: _failing(getattr(base, method)) for method in _FAULTS if method != "version"} | (
        {"facts": _of_another_version(base)} if "version" in _FAULTS else {}
    )
    return type("FaultyAdapter", (base,), own)


def _failing(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def failing(*args: Any, **kwargs: Any) -> Any:
        method(*args, **kwargs)
        raise RuntimeError(f"a fault in {method.__name__}")

    return failing


def _of_another_version(base: Any) -> Callable[[Any], Environment]:
    def facts(self: Any) -> Environment:
        real = base.facts(self).facts
        versions = [name for name in real if name.endswith("version") and "python" not in name]
        # A tool of which nothing is known has none.
        named = min(versions, default=max(real))
        return Environment({**real, named: frozenset(["another"])})

    return facts
