"""Saved guards become torch's own, for the objects that stand in a frame now."""

import contextlib
import functools
import io
import logging
import pickle
import threading
import types
from collections.abc import Iterator, Mapping
from typing import Any

from precompile_context.adapters.pytorch.precompile import aliases, held, key_order, overlaps
from precompile_context.adapters.pytorch.precompile.digests import UnportableError, class_digest
from precompile_context.adapters.pytorch.precompile.guard_creation import (
    create_named,
    create_native,
    create_same,
    given,
)
from precompile_context.adapters.pytorch.precompile.identity import guard_identity, identity
from precompile_context.adapters.pytorch.precompile.overridden import patched_class
from precompile_context.adapters.pytorch.precompile.program import find_class, imported
from precompile_context.adapters.pytorch.precompile.saved_guards import (
    DiffersError,
    SavedGuards,
)

# torch's guard that a module has no hooks, which checks nothing by default.
_NO_HOOKS = "EMPTY_NN_MODULE_HOOKS_DICT"
# torch's persistent id for it.
_LEFT_OUT = "pruned"


def read_state(state: bytes) -> Any:
    """torch's GuardsState.

    Raises:
        DiffersError: it needs a module that the program has not imported.
        Exception: whatever unpickling raises.
    """
    from torch._guards import TracingContext, tracing

    # Some of torch's sources install a guard when they are made; it is among those that were saved.
    with tracing(TracingContext(None)):
        return _Unpickler(io.BytesIO(state)).load()


class _Unpickler(pickle.Unpickler):
    """Imports nothing on the program's behalf."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return super().find_class(imported(module).__name__, name)
        except AttributeError:  # a class that is gone, of an object that none looks at, say
            from torch._dynamo.guards import _Missing

            return _Missing

    def persistent_load(self, pid: Any) -> Any:
        """What torch leaves out since 2.15: a list or dict of a guarded object that none guards."""
        from torch._dynamo.guards import _Missing

        if pid != _LEFT_OUT:
            raise pickle.UnpicklingError(f"guards hold a persistent id {pid!r}")
        return _Missing(pid)


def check_classes(saved: SavedGuards) -> None:
    """Raise DiffersError where a class is not what it was."""
    for module, name, digest in saved.patched:
        if patched_class(find_class(module, name)) != digest:
            raise DiffersError(f"the program has changed class {module}.{name}")
    for module, name, digest in saved.classes:
        if class_digest(find_class(module, name)) != digest:
            raise DiffersError(f"class {module}.{name} has changed")


def build(
    state: Any,
    saved: SavedGuards,
    code: types.CodeType,
    frame_locals: dict[str, Any],
    frame_globals: dict[str, Any],
    **options: Any,
) -> Any:
    """torch's guard manager, native in all of its guards, that holds for this frame.

    Raises:
        DiffersError: a guard does not hold.
        Exception: whatever torch raises.
    """
    from torch._dynamo.guards import CheckFunctionManager
    from torch._dynamo.output_graph import OutputGraphCommon

    scope = _Scope(frame_locals, frame_globals)
    live = _live_values(state, scope)
    _check_shapes(state, saved.shapes, scope)
    _check_unguarded(state, scope)
    with given(live, frame_globals), _quiet():
        manager = CheckFunctionManager(
            code,
            OutputGraphCommon(state.output_graph),
            shape_code_parts=state.shape_code_parts,
            runtime_global_scope=frame_globals,
            **options,
        ).guard_manager
    manager.global_scope = {"G": frame_globals}  # of which torch tells why a guard failed
    verdict = manager.check_verbose(frame_locals)
    if not verdict.result:
        failed = verdict.verbose_code_parts
        raise DiffersError(f"a guard fails: {failed[0] if failed else 'of global state'}")
    _check_together(state, saved, scope)
    return manager


class _Scope:
    """What sources name, in this frame."""

    def __init__(self, frame_locals: dict[str, Any], frame_globals: dict[str, Any]) -> None:
        self._scope = {"L": frame_locals, "G": frame_globals}
        self._cache: dict[Any, Any] = {}

    def get(self, source: Any) -> Any:
        """The object of a source."""
        from torch._dynamo.guards import _get_closure_vars

        return source.get_value(self._scope, _get_closure_vars(), self._cache)


def _live_values(state: Any, scope: _Scope) -> dict[Any, Any]:
    """By source, each object that is guarded by identity, found to be the one that was meant."""
    live = {}
    for guard in state.output_graph.guards:
        create = guard.create_fn
        if not (isinstance(create, functools.partial) and create.func is create_native):
            continue
        source = guard.originating_source
        try:
            value = scope.get(source)
            found = guard_identity(guard.name, create.keywords["kind"], value)
        except UnportableError as error:
            raise DiffersError(str(error)) from error
        except Exception as error:  # the program's objects, asked for what they may not have
            raise DiffersError(f"{guard.name} is not there: {error}") from error
        if found != create.keywords["name"]:
            raise DiffersError(f"{guard.name} is {found}, and was {create.keywords['name']}")
        live[source] = value
    return live


def _check_unguarded(state: Any, scope: _Scope) -> None:
    """Raise DiffersError where an object that torch does not guard is another one than it was."""
    for guard in state.output_graph.guards:
        create = guard.create_fn
        if not isinstance(create, functools.partial):
            continue
        try:
            if create.func is create_same:
                other = create.keywords["other"]
                if scope.get(guard.originating_source) is not scope.get(other):
                    raise DiffersError(f"{guard.name} and {other.name} are two objects here")
            elif create.func is create_named:
                name = create.keywords["name"]
                if (found := identity(scope.get(guard.originating_source))) != name:
                    raise DiffersError(f"{guard.name} is {found}, and was {name}")
        except (UnportableError, LookupError, AttributeError, TypeError) as error:
            raise DiffersError(f"{guard.name} is not what it was: {error}") from error


def _check_together(state: Any, saved: SavedGuards, scope: _Scope) -> None:
    """Raise DiffersError where guarded objects do not stand to each other as they did."""
    guards = state.output_graph.guards
    if (found := aliases.of_guarded(guards, scope.get)) != saved.aliases:
        groups = set(found) ^ set(saved.aliases)
        names = " and ".join(min(groups, key=len)[:2]) if groups else "objects"
        raise DiffersError(f"{names} are one object here, or were one")
    if (name := held.differing(held.of_guarded(guards, scope.get), saved.held)) is not None:
        raise DiffersError(f"{name} holds other names here, or is another constant")
    if overlaps.of_guarded(guards, scope.get) != saved.overlaps:
        raise DiffersError("tensors lie over each other in memory otherwise than they did")
    for guard in guards:
        if guard.create_fn_name() == _NO_HOOKS and scope.get(guard.originating_source):
            raise DiffersError(f"{guard.name} has hooks here")


def _check_shapes(state: Any, shapes: Mapping[str, str], scope: _Scope) -> None:
    sources = {
        part.name: part
        for source in state.output_graph.guard_on_key_order
        for part in (source, *key_order.bases(source))
    }
    key_order.check_shapes({sources[name]: text for name, text in shapes.items()}, scope.get)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """A guard that cannot be created is a version that is not for this frame, and no news."""
    logger = logging.getLogger("torch._guards")
    thread = threading.get_ident()

    def of_others(record: logging.LogRecord) -> bool:
        return record.thread != thread

    logger.addFilter(of_others)
    try:
        yield
    finally:
        logger.removeFilter(of_others)
