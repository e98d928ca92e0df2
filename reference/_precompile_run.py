"""Start-up hook of `precompile run`: waits for the program to import torch's compiler, then starts.

precompile_run.pth imports this before the program, in every interpreter that
inherits the variable. So it is a module of its own, outside the package: it costs
microseconds, imports nothing that is not there already, and never torch.
"""

import os
import sys

TYPE_CHECKING = False  # typing's own would import typing
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

# Through one of these every compile passes before a cache is asked. Each is watched from the
# start: dynamo may import inductor within a process's first compile, and inductor, called by
# itself, imports dynamo.
PROGRAM_TRIGGERS = (
    "torch._dynamo.callback",
    "torch._dynamo.convert_frame",
    "torch._dynamo.package",
    "torch._inductor.compile_fx",
)
# A compile worker builds for its parent: it is counted, and takes part in nothing else.
WORKER_TRIGGER = "torch._inductor.async_compile"

_WORKER_SCRIPT = os.path.join("torch", "_inductor", "compile_worker", "__main__.py")
_WORKER_PARENT = "--parent="
# Tells the processes that a compile worker starts that they are compile workers, and whose.
_WORKER_OF = "PRECOMPILE_COMPILE_WORKER_OF"

# Switches the automatic mode on without `precompile run`: a bundle, a directory for one, or a
# store's name.
_CACHE = "PRECOMPILE_CACHE"
_CACHE_PID = "PRECOMPILE_CACHE_PID"

_begun = False
_failed = False
# sys.path before the program's own directory came to its front.
_path: list[str] = []

_HELPER = "multiprocessing.resource_tracker"


def begin() -> None:
    """Watch for the trigger, where this process is one that takes part. Once: in a virtual
    environment, an interpreter reads each .pth file twice.
    """
    global _begun
    if _begun or is_helper(sys.orig_argv):
        return
    _begun = True
    _path[:] = sys.path
    if bundle := os.environ.get(_CACHE):
        os.environ[_CACHE] = _absolute(bundle)
        # Its children read whose they are; a report has one object for each.
        os.environ.setdefault(_CACHE_PID, str(os.getpid()))
    parent = compile_worker_of(sys.orig_argv)
    if parent is not None:
        os.environ[_WORKER_OF] = parent
    if _WORKER_OF in os.environ:
        after_import(WORKER_TRIGGER, _start_worker)
    else:
        for name in PROGRAM_TRIGGERS:
            after_import(name, _watch(name))


def _absolute(bundle: str) -> str:
    """The name, wherever the program goes: a directory stays one, and a store's name as it is."""
    if "://" in bundle:
        return bundle
    kind = "file:" if bundle.startswith("file:") else ""
    slash = os.sep if bundle.endswith(os.sep) else ""
    return kind + os.path.abspath(bundle.removeprefix(kind)) + slash


def after_import(name: str, start: "Callable[[], None]") -> None:
    """Call `start` when the module has run, at once where it has."""
    if name in sys.modules:
        start()
    else:
        sys.meta_path.insert(0, _Watch(name, start))


def is_helper(arguments: "Sequence[str]") -> bool:
    """Whether this is a process that multiprocessing keeps for itself, and forks nothing of."""
    if "-c" not in arguments:
        return False
    code = arguments[arguments.index("-c") + 1 :]
    return bool(code) and f"from {_HELPER} import" in code[0]


def compile_worker_of(arguments: "Sequence[str]") -> str | None:
    """For which process torch started this one to compile, as digits; None where it did not."""
    if not any(argument.endswith(_WORKER_SCRIPT) for argument in arguments[1:2]):
        return None
    for argument in arguments[2:]:
        if argument.startswith(_WORKER_PARENT):
            return argument.removeprefix(_WORKER_PARENT)
    return None


def _watch(name: str) -> "Callable[[], None]":
    def start() -> None:
        global _failed
        if _failed:  # has been told
            return
        _failed = True
        _startup().watch(name)
        _failed = False

    return start


def _start_worker() -> None:
    _startup().start_worker(int(os.environ[_WORKER_OF]))


def _startup() -> "Any":
    """Our package, imported as it was installed: the program may have a `precompile` of its own."""
    path, theirs = sys.path[:], sys.modules.pop("precompile", None)
    sys.path[:] = [entry for entry in path if entry in _path or not _has_precompile(entry)]
    try:
        from precompile_context.adapters.pytorch import startup
    finally:
        sys.path[:] = path
        sys.modules.pop("precompile", None)
        if theirs is not None:
            sys.modules["precompile"] = theirs
    return startup


def _has_precompile(folder: str) -> bool:
    return any(
        os.path.exists(os.path.join(folder, name)) for name in ("precompile", "precompile.py")
    )


class _Watch:
    """A finder that finds nothing, and sees the one import it waits for."""

    def __init__(self, trigger: str, start: "Callable[[], None]") -> None:
        self._trigger = trigger
        self._start = start

    def find_spec(
        self,
        name: str,
        path: "Sequence[str] | None" = None,
        target: "ModuleType | None" = None,
    ) -> "ModuleSpec | None":
        """None, but for the trigger: its own spec, whose loader goes on to start us."""
        if name != self._trigger:
            return None
        for finder in [other for other in sys.meta_path if other is not self]:
            find_spec = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = find_spec(name, path, target) if find_spec else None
            if spec is not None:
                self._start_after(spec.loader)
                return spec
        return None

    def _start_after(self, loader: object) -> None:
        """Start when the module has run. The loader stays the very object that it was."""
        try:
            attributes = vars(loader)
        except TypeError as error:  # some other tool's loader: left alone
            complain(error)
            return

        def exec_module(module: "ModuleType") -> None:
            del attributes["exec_module"]
            if self in sys.meta_path:
                sys.meta_path.remove(self)
            loader.exec_module(module)  # type: ignore[attr-defined]  # every loader has it
            try:
                self._start()
            except Exception as error:  # nothing of ours may break the program
                complain(error)

        attributes["exec_module"] = exec_module


def complain(error: BaseException) -> None:
    """Say that we failed, and that the program does not."""
    text = " ".join(str(error).split())
    tell(f"precompile: {type(error).__name__}: {text}; the program goes on without")


def tell(line: str) -> None:
    """One line on the process's real stderr; silence where it has none."""
    if sys.__stderr__ is None:
        return
    try:
        print(line, file=sys.__stderr__, flush=True)
    except (OSError, ValueError):  # closed: there is nobody to tell
        return
