"""Putting a saved version in the place of a compile: guards, graphs, and the names it uses."""

import builtins
import contextlib
import functools
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from precompile_context.adapters.pytorch.precompile import (
    compile_settings,
    guard_loading,
    made_functions,
    parts,
)
from precompile_context.adapters.pytorch.precompile.code_places import moved
from precompile_context.adapters.pytorch.precompile.digests import module_name
from precompile_context.adapters.pytorch.precompile.entry import Backend, Version
from precompile_context.adapters.pytorch.precompile.program import imported
from precompile_context.adapters.pytorch.precompile.recorder import global_names
from precompile_context.adapters.pytorch.precompile.saved_guards import DiffersError

# How deep inductor lets Python recurse from its first compile on, and so the program, too.
_DEPTH = 2000


class SavedVersion:
    """A version that may serve a frame, read when a frame first asks for it."""

    def __init__(self, version: Version, graphs: tuple[Backend, ...]) -> None:
        self._version = version
        self._graphs = dict(zip(version.backends, graphs, strict=True))
        pieces = {piece for cut in version.cut.values() for piece in cut.pieces}
        self._called = (*(name for name in self._graphs if name not in pieces), *version.cut)
        self._state: Any = None
        self._code: types.CodeType | None = None

    @property
    def sizes(self) -> dict[str, Any]:
        """The sizes that dynamo had seen when it was made."""
        return self._version.sizes

    def install(
        self,
        code: types.CodeType,
        frame_locals: dict[str, Any],
        frame_globals: dict[str, Any],
        settings: dict[str, Any],
        **options: Any,
    ) -> tuple[types.CodeType, Any]:
        """The bytecode to run in the frame's place, and the guards that say when.

        Nothing of the program is changed unless the version is for this frame. `settings` are
        the options that torch.compile was given.

        Raises:
            DiffersError: it is not.
            Exception: whatever torch raises.
        """
        import torch

        version = self._version
        guard_loading.check_classes(version.guards)
        for part in version.parts:
            parts.check(part)
        names = self._names(code, frame_globals)
        _begin_tracing(version.imports.values())
        missing = _put(frame_globals, names)
        try:
            if self._state is None:
                with _no_modes(), torch._C.DisableTorchFunctionSubclass():
                    self._state = guard_loading.read_state(version.guards.state)
            manager = guard_loading.build(
                self._state, version.guards, code, frame_locals, frame_globals, **options
            )
            for name in self._called:
                if name not in frame_globals:
                    with _no_modes(), compile_settings.in_force(settings):
                        frame_globals[name] = self._callable(name)
                    missing.append(name)
            return self._bytecode(code, frame_globals), manager
        except BaseException:
            for name in missing:
                frame_globals.pop(name, None)
            raise

    def _callable(self, name: str) -> Any:
        """The graph that the version calls by this global name."""
        import torch

        sys.setrecursionlimit(max(sys.getrecursionlimit(), _DEPTH))
        cut = self._version.cut.get(name)
        if cut is None:
            function = self._graphs[name].function
        else:
            function = cut.function({piece: self._graphs[piece].function for piece in cut.pieces})
        if self._version.has_overrides:
            function = _without_overrides(function)
        disable: Any = torch._dynamo.disable
        return disable(function, reason="do not trace Dynamo-compiled graph")

    def _names(self, code: types.CodeType, frame_globals: dict[str, Any]) -> dict[str, Any]:
        """What the version's code and guards find under global names, graphs apart."""
        version = self._version
        names: dict[str, Any] = {
            alias: imported(module) for alias, module in version.imports.items()
        }
        names |= {named.alias: named.value() for named in version.named}
        if version.builtins:
            from torch._dynamo.output_graph import get_builtins_dict

            names[version.builtins] = get_builtins_dict(frame_globals)
        for resume, module, saved in version.resumes:
            if not isinstance(frame_globals.get(resume), types.FunctionType | functools.partial):
                names[resume] = _resume(resume, module, self._moved(saved, code), frame_globals)
        return names

    def _bytecode(self, code: types.CodeType, frame_globals: dict[str, Any]) -> types.CodeType:
        """The version's code, at the place where the function stands now."""
        if self._code is None:
            self._code = self._moved(self._version.code, code)
        names = global_names(self._code)
        absent = [n for n in names if n not in frame_globals and not hasattr(builtins, n)]
        if absent:
            raise DiffersError(f"the program has no global {min(absent)} yet")
        return made_functions.put_in(self._code, code, frame_globals)

    def _moved(self, saved: Any, code: types.CodeType) -> types.CodeType:
        """Code that was made of the frame's own, at the place where that stands now."""
        from torch._dynamo.package import SerializedCode

        lines = code.co_firstlineno - self._version.code.co_firstlineno
        return moved(SerializedCode.to_code_object(saved), code.co_filename, lines)


@contextlib.contextmanager
def _no_modes() -> Iterator[None]:
    """What the program has put around torch's functions is for its own calls, not for ours.

    Classes keep their `__torch_function__`: a graph within a graph is traced when it is unpickled.
    """
    from torch._dynamo.utils import get_torch_function_mode_stack, set_torch_function_mode_stack
    from torch.utils._python_dispatch import _disable_current_modes

    entered = get_torch_function_mode_stack()
    set_torch_function_mode_stack([])
    try:
        with _disable_current_modes():
            yield
    finally:
        set_torch_function_mode_stack(entered)


def _without_overrides(function: Callable[..., Any]) -> Callable[..., Any]:
    """As torch, too, calls a graph that `__torch_function__` of a tensor was traced into."""
    import torch

    def called(*args: Any, **kwargs: Any) -> Any:
        with torch._C.DisableTorchFunctionSubclass():
            return function(*args, **kwargs)

    return called


def _begin_tracing(modules: Iterable[str]) -> None:
    """What torch does before it traces the first code of a library: guards were made behind it.

    It has einops find its backends, in a table that is guarded.
    """
    from torch._dynamo import trace_rules

    for module in modules:
        trace_rules._maybe_init_lazy_module(types.SimpleNamespace(__module__=module))


def _put(frame_globals: dict[str, Any], names: dict[str, Any]) -> list[str]:
    """Add names that are not there; which ones."""
    for name, value in names.items():
        if name in frame_globals and frame_globals[name] is not value:
            raise DiffersError(f"the global {name} is something else here")
    added = [name for name in names if name not in frame_globals]
    frame_globals.update(names)
    return added


def _resume(name: str, module: str, code: types.CodeType, frame_globals: dict[str, Any]) -> Any:
    own = module_name(frame_globals.get("__name__"))
    scope = frame_globals if module == own else vars(imported(module))
    if not code.co_freevars:
        return types.FunctionType(code, scope, name)
    # Called with a closure, it makes the function. It has no code, for dynamo would trace that.
    return functools.partial(types.FunctionType, code, scope, name, None)
