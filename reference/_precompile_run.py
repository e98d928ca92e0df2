"""Start-up hook of `precompile run`: waits for the program to import a compiler, then starts.

precompile_run.pth imports this before the program, in every interpreter that
inherits the variable. So it is a module of its own, outside the package: it costs
microseconds, imports nothing that is not there already, and never a compiler.
"""

import _thread
import os
import sys

TYPE_CHECKING = False  # typing's own would import typing
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

# Adapters are announced under this name, each by a line "MODULE = WHERE:CLASS": the module
# whose import means that its compiler is there.
GROUP = "precompile_context.adapters"
# What is announced, as MODULE=WHERE:CLASS, for all processes of a run: to look costs more.
ADAPTERS = "PRECOMPILE_ADAPTERS"

# Switches the automatic mode on without `precompile run`: a bundle, a directory for one, or a
# store's name.
_CACHE = "PRECOMPILE_CACHE"
_CACHE_PID = "PRECOMPILE_CACHE_PID"

_begun = False
_failed = False
_started: "Any" = None
# Two threads that import their first compilers at once: one of them imports our package.
_lock = _thread.allocate_lock()
# sys.path before the program's own directory came to its front.
_path: list[str] = []

_HELPER = "multiprocessing.resource_tracker"


def begin() -> None:
    """Watch for the compilers, where this process is one that takes part. Once: in a virtual
    environment, an interpreter reads each .pth file twice.
    """
    global _begun
    if _begun or is_helper(sys.orig_argv):
        return
    if "PRECOMPILE_RUN" not in os.environ and not os.environ.get(_CACHE):
        return  # set to nothing: switched off
    _begun = True
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_renew_lock)
    _path[:] = sys.path
    if bundle := os.environ.get(_CACHE):
        os.environ[_CACHE] = _absolute(bundle)
        # Its children read whose they are; a report has one object for each.
        os.environ.setdefault(_CACHE_PID, str(os.getpid()))
    if ADAPTERS not in os.environ:
        announce(os.environ)
    for module in dict.fromkeys(name for name, _ in announced()):
        after_import(module, _watch(module))


def announce(environ: "MutableMapping[str, str]") -> None:
    """Have the processes started with `environ` know the adapters that are installed here."""
    found = _found(sys.path)
    environ[ADAPTERS] = " ".join(f"{module}={where}" for module, where in found)


def announced() -> "list[tuple[str, str]]":
    """The adapters of this run: module and class of each."""
    pairs = (one.partition("=") for one in os.environ.get(ADAPTERS, "").split())
    return [(module, where) for module, _, where in pairs if module and where]


def installed() -> "list[tuple[str, str]]":
    """The adapters of this run, or those that are installed here."""
    return announced() or _found(sys.path)


def _found(path: "Sequence[str]") -> "list[tuple[str, str]]":
    """What distributions announce. importlib.metadata would take longer than Python's start."""
    found: list[tuple[str, str]] = []
    for folder in dict.fromkeys(path):
        try:
            names = sorted(os.listdir(folder or "."))
        except OSError:
            continue
        for name in names:
            if not name.endswith((".dist-info", ".egg-info")):
                continue
            file = os.path.join(folder, name, "entry_points.txt")
            try:
                with open(file, encoding="utf-8", errors="replace") as text:
                    found += _of_group(text)
            except OSError:
                continue
    return list(dict.fromkeys(found))


def _of_group(lines: "Iterable[str]") -> "Iterator[tuple[str, str]]":
    group = ""
    for line in map(str.strip, lines):
        if line.startswith("["):
            group = line.strip("[]")
        elif group == GROUP and not line.startswith(("#", ";")):
            module, _, where = (part.strip() for part in line.partition("="))
            if module and where and " " not in where:
                yield module, where


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
        return
    _watching.waiting.setdefault(name, []).append(start)
    if _watching not in sys.meta_path:
        sys.meta_path.insert(0, _watching)


def is_helper(arguments: "Sequence[str]") -> bool:
    """Whether this is a process that multiprocessing keeps for itself, and forks nothing of."""
    if "-c" not in arguments:
        return False
    code = arguments[arguments.index("-c") + 1 :]
    return bool(code) and f"from {_HELPER} import" in code[0]


def _renew_lock() -> None:
    """A thread that held it is not in the forked child."""
    global _lock
    _lock = _thread.allocate_lock()


def _watch(name: str) -> "Callable[[], None]":
    def start() -> None:
        global _failed
        if _failed:  # has been told
            return
        try:
            _startup().watch(name)
        except BaseException:
            _failed = True
            raise

    return start


def _startup() -> "Any":
    """Our part of a run, imported once."""
    global _started
    if _started is None:
        with _lock:
            _started = _started or _imported()
    return _started


def _imported() -> "Any":
    """Our package as it was installed: the program may have a `precompile` of its own."""
    path, theirs = sys.path[:], sys.modules.pop("precompile", None)
    sys.path[:] = [entry for entry in path if entry in _path or not _has_precompile(entry)]
    try:
        from precompile_context.session import startup
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


class _Watching:
    """A finder that finds nothing, and sees the imports that it waits for."""

    def __init__(self) -> None:
        self.waiting: dict[str, list[Callable[[], None]]] = {}

    def find_spec(
        self,
        name: str,
        path: "Sequence[str] | None" = None,
        target: "ModuleType | None" = None,
    ) -> "ModuleSpec | None":
        """None, but for what is waited for: its own spec, whose loader goes on to start us."""
        if name not in self.waiting:
            return None
        for finder in [other for other in sys.meta_path if other is not self]:
            find_spec = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = find_spec(name, path, target) if find_spec else None
            if spec is not None:
                self._start_after(name, spec.loader)
                return spec
        return None

    def _start_after(self, name: str, loader: object) -> None:
        """Start when the module has run. The loader stays the very object that it was."""
        try:
            attributes = vars(loader)
        except TypeError as error:  # some other tool's loader: left alone
            complain(error)
            return

        def exec_module(module: "ModuleType") -> None:
            del attributes["exec_module"]
            starts = self.waiting.pop(name, [])
            if not self.waiting and self in sys.meta_path:
                sys.meta_path.remove(self)
            loader.exec_module(module)  # type: ignore[attr-defined]  # every loader has it
            for start in starts:
                try:
                    start()
                except Exception as error:  # nothing of ours may break the program
                    complain(error)

        attributes["exec_module"] = exec_module


_watching = _Watching()


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
