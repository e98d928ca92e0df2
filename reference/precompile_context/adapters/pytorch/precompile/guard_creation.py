"""What stands in the place of a saved guard's own `create`, and the objects that it is given.

torch builds a guard by calling its `create_fn`. A saved guard's is one of the functions here,
by which pickles name it: the guard's own is called where what it is to compare with is there.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from precompile_context.adapters.pytorch.precompile.saved_guards import DiffersError


class _Local(threading.local):
    """What torch's guard builder is given meanwhile, in this thread."""

    live: Mapping[Any, Any] | None = None
    frame_globals: Mapping[str, Any] | None = None


_local = _Local()


@contextlib.contextmanager
def given(live: Mapping[Any, Any], frame_globals: Mapping[str, Any]) -> Iterator[None]:
    """Guards are built of these objects, by source, and look at these globals, in this thread."""
    _local.live, _local.frame_globals = live, frame_globals
    try:
        yield
    finally:
        _local.live = _local.frame_globals = None


def get_live(original: Callable[..., Any], builder: Any, *args: Any, **kwargs: Any) -> Any:
    """Around the guard builder's `get`: what is guarded by identity is the object of here."""
    if _local.live is not None and not builder.src_get_value_cache:
        builder.src_get_value_cache.update(_local.live)
    return original(builder, *args, **kwargs)


def add_lambda(original: Callable[..., None], builder: Any, *args: Any, **kwargs: Any) -> None:
    """Around the guard builder's guards of Python code: what they read of globals at each call is
    what stands there then. torch would give them the globals that were saved.
    """
    if _local.frame_globals is None:
        original(builder, *args, **kwargs)
        return
    scope = builder.scope
    builder.scope = {**scope, "G": _local.frame_globals}
    try:
        original(builder, *args, **kwargs)
    finally:
        builder.scope = scope


def create_native(builder: Any, guard: Any, *, create: Any, kind: str, name: str) -> None:
    """In the place of a guard's own `create`, which is called: `builder` sees live objects."""
    create(builder, guard)


def create_recorded(builder: Any, guard: Any, *, create: Any, value: Any) -> None:
    """In the place of a guard's own `create`, which is called: it compares with what was saved.

    Its object is part of one that is looked up, and so would its value be.
    """
    builder.src_get_value_cache[guard.originating_source] = value
    create(builder, guard)


def create_same(builder: Any, guard: Any, *, other: Any) -> None:
    """Of an object that torch does not guard here, and that another source has, too: nothing is
    checked at each call. Where it is loaded, it has been looked up.
    """


def create_named(builder: Any, guard: Any, *, name: str) -> None:
    """Of an object that torch does not guard, and that has a name: as `create_same`."""


def create_hasattr(builder: Any, guard: Any, *, create: Any, has: bool) -> None:
    """In the place of a guard's own `create`, which is called where the answer is what it was.

    Raises:
        DiffersError: it is another one.
    """
    attribute = create.keywords["attr"]
    if hasattr(builder.get(guard), attribute) is not has:
        raise DiffersError(f"{guard.name} has {'no' if has else 'an'} attribute {attribute} here")
    create(builder, guard)


def create_without_hooks(builder: Any, guard: Any, *, create: Any) -> None:
    """In the place of a guard's own `create`, which would take the hooks of saved tensors that are
    there now for those that are part of the graph: it has none.

    Raises:
        DiffersError: there are some that would be part of a graph.
    """
    if hooks_in_graphs():
        raise DiffersError("hooks of saved tensors become part of a graph here")
    create(builder, guard)


def hooks_in_graphs() -> bool:
    """Whether there are hooks of saved tensors that AOTAutograd traces into a graph."""
    from torch._functorch._aot_autograd import utils

    return bool(utils.saved_tensors_hooks_are_inlineable(utils.top_saved_tensors_hooks()))
