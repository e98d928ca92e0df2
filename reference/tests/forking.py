"""Python processes that begin with torch imported: forked from one that imported it.

To import torch takes two and a half seconds of a core, and its compiler five more: most of a small
program's time. A forked process becomes `python ARGUMENTS` as the interpreter would have it:
arguments, environment, directory, `__main__` and start-up hook are its own, and what it registered
for its end is called. Its modules are left as they are then: to take thousands apart writes to all
of their memory, and takes as long as a small program. There are two interpreters that take turns,
so that two runs behind one another share neither hash seed nor addresses. With `Imported.TORCH`, no
module is there yet that an adapter waits for: what a first import does is seen, as it is after a
start. What a test says of torch's own import, a signal, a failing program's traceback, what modules
do when they are taken apart or `--require`, which forks before it becomes the program, needs a
real start.

Run as a script, this is the process that is forked.
"""

import atexit
import builtins
import gc
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

# Of torch's own variables, those that are read when a cache is asked, not at an import.
_READ_LATE = frozenset({"TORCHINDUCTOR_CACHE_DIR"})
# What else is read before a program begins.
_READ_FIRST = ("ATEN_", "OMP_", "MKL_", "LD_", "PYTHON")
# As tests/hanging.py has it.
_SECONDS = 600
# The interpreter's own, before a program's directory comes to its front.
_PATH = sys.path[1:]
# Of what a compile imports, what takes long and imports no module that adapters wait for: tests of
# the runs say so.
_TORCH = (
    *("torch", "sympy", "networkx", "jinja2", "torch.fx.experimental.symbolic_shapes"),
    *("torch.distributed.fsdp", "torch.utils.cpp_extension"),
)
_WARMED = """
import torch
def step(x):
    return torch.sin(x @ x).sum()
torch.compile(step)(torch.ones(4, 4, requires_grad=True)).backward()
"""


class Imported(Enum):
    """What an interpreter has imported, by which of torch's variables were read for it."""

    TORCH = "TORCH_"
    COMPILER = "TORCH"


class Interpreters:
    """Two interpreters that have imported torch, or its compiler too, under `variables`."""

    def __init__(self, imported: Imported, variables: Mapping[str, str]) -> None:
        self._imported = imported
        self._variables = dict(variables)
        self._turns = itertools.cycle(range(2))
        self._started: dict[int, subprocess.Popen[str]] = {}
        self._ends = ExitStack()

    def run(
        self,
        arguments: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str],
        stderr: str | None = None,
    ) -> "subprocess.CompletedProcess[str]":
        """What `python ARGUMENTS` gives; `stderr` is a terminal that it writes to, or None.

        Raises:
            ValueError: an import of torch read a variable that is another one in `env`.
        """
        read = (self._imported.value, *_READ_FIRST)
        for name in {*self._variables, *env} - _READ_LATE:
            if name.startswith(read) and env.get(name) != self._variables.get(name):
                raise ValueError(f"{name} was read at the import: start a process for it")
        number = next(self._turns)
        if number not in self._started:
            self._started[number] = self._start()
        with tempfile.TemporaryDirectory() as place:
            paths = [f"{place}/out", stderr or f"{place}/err"]
            request = {"arguments": list(arguments), "cwd": str(cwd or Path.cwd())}
            status = _ask(self._started[number], {**request, "env": dict(env), "paths": paths})
            out = Path(paths[0]).read_text(encoding="utf-8")
            err = "" if stderr else Path(paths[1]).read_text(encoding="utf-8")
        command = [sys.executable, *arguments]
        return subprocess.CompletedProcess(command, status, out, err)

    def close(self) -> None:
        """End the interpreters."""
        self._ends.close()

    def _start(self) -> "subprocess.Popen[str]":
        pipe = subprocess.PIPE
        command = [sys.executable, __file__, self._imported.name]
        process = self._ends.enter_context(
            subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=self._variables)
        )
        assert process.stdin is not None
        self._ends.callback(process.stdin.close)
        return process


def _ask(process: "subprocess.Popen[str]", request: dict[str, Any]) -> int:
    assert process.stdin is not None
    assert process.stdout is not None
    print(json.dumps(request), file=process.stdin, flush=True)
    return int(process.stdout.readline())


def main(imported: Imported) -> None:
    """Import, and become what is asked for, each time in a child."""
    requests, statuses = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)
    gc.disable()
    for name in _TORCH if imported is Imported.TORCH else _imported_by_a_compile():
        __import__(name)
    if imported is Imported.COMPILER:
        _make_patterns()
    # No child looks for garbage among what is imported, at its end neither.
    gc.freeze()
    gc.enable()
    while line := requests.readline():
        child = os.fork()
        if child == 0:
            requests.close()
            statuses.close()
            _end(_status(json.loads(line)))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), file=statuses, flush=True)
    os._exit(0)


def _imported_by_a_compile() -> list[str]:
    """The modules that a process imports until it has compiled, in its order."""
    with tempfile.TemporaryDirectory() as place:
        child = os.fork()
        if child == 0:
            before = set(sys.modules)
            os.environ.update(TORCHINDUCTOR_CACHE_DIR=f"{place}/cache", TMPDIR=place)
            exec(_WARMED, {"__name__": "warmed"})
            found = [
                name
                for name, module in sys.modules.items()
                if name not in before and not _is_in(module, place)
            ]
            Path(place, "names").write_text("\n".join(found), encoding="utf-8")
            os._exit(0)
        os.waitpid(child, 0)
        return Path(place, "names").read_text(encoding="utf-8").split()


def _make_patterns() -> None:
    """What inductor replaces in graphs: a table that it makes once a process, of nothing else."""
    from torch import device
    from torch._inductor.fx_passes.joint_graph import lazy_init

    lazy_init(device("cpu"))


def _is_in(module: ModuleType, place: str) -> bool:
    return (getattr(module, "__file__", None) or "").startswith(place)


class _Replaced(BaseException):
    """The process asked to be replaced by another interpreter."""


def _status(request: dict[str, Any]) -> int:
    """Become the interpreter that was asked for; the status that it ends with."""
    try:
        _begin(request)
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return ended.code or 0
        print(ended.code, file=sys.stderr)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    else:
        return 0
    return 1


def _end(status: int) -> NoReturn:
    """End as the interpreter does, until it would take modules apart."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for file in (sys.stdout, sys.stderr):
        if not file.closed:
            file.flush()
    os._exit(status)


def _begin(request: dict[str, Any]) -> None:
    for number, path in enumerate(request["paths"], start=1):
        file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        os.dup2(file, number)
        os.close(file)
    os.chdir(request["cwd"])
    tempfile.tempdir = None
    signal.alarm(_SECONDS)
    arguments, environ = request["arguments"], request["env"]
    while True:
        try:
            _interpret(arguments, environ)
            return
        except _Replaced as replaced:
            arguments, environ = replaced.args


def _replace(path: Any, argv: Any, env: Any) -> NoReturn:
    assert path == sys.executable, "only Python becomes Python here"
    raise _Replaced(list(argv[1:]), dict(env))


def _interpret(arguments: list[str], environ: Mapping[str, str]) -> None:
    """`python ARGUMENTS`, in this process, which has run nothing yet but the command line."""
    os.environ.clear()
    os.environ.update(environ)
    os.execve = _replace
    sys.orig_argv = [sys.executable, *arguments]
    sys.path[:] = _PATH
    if "PRECOMPILE_RUN" in environ or "PRECOMPILE_CACHE" in environ:
        __import__("_precompile_run").begin()  # as precompile_run.pth has it
    module = ModuleType("__main__")
    vars(module)["__builtins__"] = builtins
    if arguments[0] == "-c":
        code, filename, sys.argv = arguments[1], "<string>", ["-c", *arguments[2:]]
        sys.path.insert(0, "")
    else:
        filename = os.path.abspath(arguments[0])
        module.__file__ = filename
        code, sys.argv = Path(filename).read_text(encoding="utf-8"), arguments
        sys.path.insert(0, os.path.dirname(filename))
    sys.modules["__main__"] = module
    exec(compile(code, filename, "exec"), vars(module))


if __name__ == "__main__":
    main(Imported[sys.argv[1]])
