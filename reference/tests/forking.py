"""Python processes that begin with a compiler imported: forked from one that imported it.

To import torch takes two and a half seconds of a core, its compiler five more, JAX or numba one,
and what is ours a third of one: most of a small program's time. A forked process becomes
`python ARGUMENTS` as the interpreter would have it: arguments, environment, directory, `__main__`
and start-up hook are its own, and what it registered for its end is called. Its modules are left as
they are then: to take thousands apart writes to all of their memory, and takes as long as a small
program. There are two interpreters that take turns, so that two runs behind one another share
neither hash seed nor addresses. With `Imported.TORCH` and `Imported.OURS`, no module is there yet
that an adapter waits for: what a first import does is seen, as it is after a start. Triton's must
be: while it is imported, names are taken from the module that its adapter waits for. What a test
says of torch's own import, a signal, a failing program's traceback or what modules do when they are
taken apart needs a real start. All workers share the interpreters.

Run as a script, this is the process that is forked: of who connects to it, each gets a child.
"""

import atexit
import builtins
import contextlib
import fcntl
import gc
import itertools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from tests import asking
from tests.asking import answered, ask, read_already
from tests.guard_timing import time_no_guards

# As tests/hanging.py has it.
_SECONDS = 600
# The interpreter's own, before a program's directory comes to its front.
_PATH = sys.path[1:]
# The interpreters' standard input, which one process alone holds open.
_END = "end"


class Imported(Enum):
    """What an interpreter has imported, by how the variables begin that were read for it."""

    TORCH = "TORCH_"
    COMPILER = "TORCH"
    JAX = "JAX"
    NUMBA = "NUMBA"
    OURS = "PROTOCOL_BUFFERS"


# What takes long and imports no module that adapters wait for: tests of the runs say so.
_OURS = ("precompile_context.session.startup", "precompile_context.cli.run")
_NAMED = {
    Imported.TORCH: (
        *_OURS,
        *("torch", "sympy", "networkx", "jinja2", "torch.fx.experimental.symbolic_shapes"),
        *("torch.distributed.fsdp", "torch.utils.cpp_extension", "torch._export.serde.schema"),
        *("torch._functorch._aot_autograd.schemas", "torch.nn.attention.flex_attention"),
        *("torch.ao.quantization.fx._decomposed", "torch.onnx.errors"),
        "torch.distributed.tensor.experimental._context_parallel._cp_custom_ops",
    ),
    Imported.OURS: _OURS,
}
# For others, all that is imported where such a program is run, and what it compiled is saved.
_WARMED = {
    Imported.COMPILER: """
import torch
def step(x):
    return torch.sin(x @ x).sum()
torch.compile(step)(torch.ones(4, 4, requires_grad=True)).backward()
""",
    Imported.JAX: """
import jax
jax.jit(jax.grad(lambda x: jax.numpy.tanh(x @ x).sum()))(jax.numpy.ones((4, 4)))
""",
    Imported.NUMBA: """
import numba
numba.njit(lambda x: x + 1)(1)
""",
}
_RUN = ["-c", "from _precompile_command import main; main()", "run", "--precompile"]


@contextlib.contextmanager
def shared_place() -> Iterator[Path]:
    """Where processes find interpreters that one of them has started; these end with it."""
    with tempfile.TemporaryDirectory() as name:
        end = Path(name, _END)
        os.mkfifo(end)
        number = os.open(end, os.O_RDWR)
        yield Path(name)
        os.close(number)


class Interpreters:
    """Two interpreters that have imported the same, under `variables`."""

    def __init__(self, imported: Imported, variables: Mapping[str, str], place: Path) -> None:
        self._imported = imported
        self._variables = dict(variables)
        self._place = place
        self._addresses = [str(place / f"{imported.name}.{one}") for one in "ab"]
        self._turns = itertools.cycle(self._addresses)
        self._started: list[subprocess.Popen[bytes]] = []  # one that nobody has would warn

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
            ValueError: an import read a variable that is another one in `env`.
        """
        if name := read_already(self._imported.value, self._variables, env):
            raise ValueError(f"{name} was read at the import: start a process for it")
        address = next(self._turns)
        self._start(address)
        with tempfile.TemporaryDirectory() as place:
            paths = [os.devnull, f"{place}/out", stderr or f"{place}/err"]
            with ExitStack() as files:
                flags = os.O_CREAT | os.O_RDWR | os.O_APPEND
                numbers = [os.open(path, flags, 0o600) for path in paths]
                for number in numbers:
                    files.callback(os.close, number)
                status = ask(address, arguments, str(cwd or Path.cwd()), env, numbers)
            out = Path(paths[1]).read_text(encoding="utf-8")
            err = "" if stderr else Path(paths[2]).read_text(encoding="utf-8")
        command = [sys.executable, *arguments]
        return subprocess.CompletedProcess(command, status, out, err)

    def stand_in(self) -> list[str]:
        """The beginning of a command that does what `python` does, from a shell, say."""
        for address in self._addresses:
            self._start(address)
        place = self._place / f"{self._imported.name}.{os.getpid()}.json"
        told = [self._imported.value, self._variables, self._addresses]
        place.write_text(json.dumps(told), encoding="utf-8")
        return [sys.executable, "-S", asking.__file__, str(place)]

    def _start(self, address: str) -> None:
        """What is asked of it before it has imported all waits."""
        with open(f"{address}.lock", "w") as lock, open(self._place / _END) as end:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if os.path.exists(address):
                return
            with socket.socket(socket.AF_UNIX) as listening:
                listening.bind(address)
                listening.listen()
                number = listening.fileno()
                process = subprocess.Popen(
                    [sys.executable, __file__, self._imported.name, str(number), str(self._place)],
                    stdin=end,
                    pass_fds=[number],
                    env=self._variables,
                )
        self._started.append(process)


def main(imported: Imported, listening: socket.socket, place: Path) -> None:
    """Import, and have a child become what each asks for, until standard input ends."""
    parent, null = os.dup(0), os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)
    gc.disable()
    for name in _NAMED.get(imported) or _found(imported, place):
        __import__(name)
    if imported is Imported.COMPILER:
        _make_tables()
        time_no_guards()
    # No child looks for garbage among what is imported, at its end neither.
    gc.freeze()
    gc.enable()
    _keep_till_the_end()
    ended, ends = socket.socketpair()
    ends.setblocking(False)
    signal.set_wakeup_fd(ends.fileno())
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    children: dict[int, socket.socket] = {}
    watched: list[Any] = [parent, listening, ended]
    while True:
        ready, _, _ = select.select(watched, [], [])
        if parent in ready:
            os._exit(0)
        if ended in ready:
            ended.recv(4096)
            _answer(children)
        if listening in ready:
            asked, _ = listening.accept()
            arguments, cwd, environ, files = answered(asked)
            child = os.fork()
            if child == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for number, file in enumerate(files):
                    os.dup2(file, number)
            for file in files:
                os.close(file)
            if child == 0:
                os.close(parent)
                for one in (listening, ended, ends, asked, *children.values()):
                    one.close()
                os.chdir(cwd)
                _open_files()
                tempfile.tempdir = None
                signal.alarm(_SECONDS)
                _become(arguments, environ)
            children[child] = asked


def _keep_till_the_end() -> None:
    """No child takes apart what was imported, at its end: torch does, kernel by kernel."""
    for one in weakref.finalize._registry:  # type: ignore[attr-defined]
        one.atexit = False


def _answer(children: dict[int, socket.socket]) -> None:
    """Tell the statuses of those that have ended."""
    while children:
        child, status = os.waitpid(-1, os.WNOHANG)
        if child == 0:
            return
        with children.pop(child) as asked, contextlib.suppress(OSError):  # nobody waits
            asked.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))


def _found(imported: Imported, place: Path) -> list[str]:
    """What is imported by the program for it; found by the first of the two interpreters."""
    kept = place / f"{imported.name}.names"
    with open(f"{kept}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            kept.write_text("\n".join(_imported_by(_WARMED[imported])), encoding="utf-8")
    return kept.read_text(encoding="utf-8").split()


def _imported_by(text: str) -> list[str]:
    """The modules that a process imports until it has run this and saved its work, in its order."""
    with tempfile.TemporaryDirectory() as place:
        child = os.fork()
        if child == 0:
            atexit.register(_tell_imported, set(sys.modules), place)  # the first, which ends last
            program, bundle = f"{place}/warmed.py", f"{place}/b.precompile"
            Path(program).write_text(text, encoding="utf-8")
            own = {"TORCHINDUCTOR_CACHE_DIR": f"{place}/cache", "TMPDIR": place, "HOME": place}
            kept = {name: value for name, value in os.environ.items() if name[:4] != "XDG_"}
            _become([*_RUN, "--bundle", bundle, program], kept | own)
        os.waitpid(child, 0)
        return Path(place, "names").read_text(encoding="utf-8").split()


def _tell_imported(before: set[str], place: str) -> None:
    """In a file: what can be imported again, and was, but of the program's own folder."""
    names = [
        name
        for name, module in sys.modules.items()
        if name not in before and _is_of_a_file(module) and not _is_in(module, place)
    ]
    Path(place, "names").write_text("\n".join(names), encoding="utf-8")


def _make_tables() -> None:
    """Of torch alone, once a process: what inductor replaces in graphs, the digest of sources."""
    from torch import device
    from torch._inductor.fx_passes.joint_graph import lazy_init

    from precompile_context.adapters.pytorch.facts.torch_sources import sources_digest

    lazy_init(device("cpu"))
    sources_digest()


def _is_of_a_file(module: ModuleType) -> bool:
    """Others are made by what imports them, and cannot be imported by name."""
    return getattr(module, "__spec__", None) is not None


def _is_in(module: ModuleType, place: str) -> bool:
    return (getattr(module, "__file__", None) or "").startswith(place)


def _become(arguments: list[str], environ: Mapping[str, str]) -> NoReturn:
    """Be `python ARGUMENTS`, and end as it does, but for taking modules apart."""
    status: Any = 1
    try:
        _interpret(arguments, environ)
        status = 0
    except SystemExit as ended:
        status = ended.code or 0
        if not isinstance(status, int):
            print(status, file=sys.stderr)
            status = 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    _flush()
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    _flush()
    os._exit(status)


def _flush() -> None:
    for file in (sys.stdout, sys.stderr):
        if not file.closed:
            file.flush()


def _open_files() -> None:
    """As the interpreter does: whether one can be sought in, or is a terminal, is seen once."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        before, mode = getattr(sys, name), "w" if number else "r"
        told = {"encoding": before.encoding, "errors": before.errors, "closefd": False}
        setattr(sys, name, open(number, mode, **told))  # noqa: SIM115  # for the whole program
    sys.stderr.reconfigure(line_buffering=True)  # type: ignore[union-attr]


def _replace(path: str, argv: Sequence[str], env: Mapping[str, str]) -> NoReturn:
    """In the place of `os.execve`, which does not return either."""
    assert path == sys.executable, "only Python becomes Python here"
    # What it would clean up at its end is its parent's, if it has been forked.
    weakref.finalize._registry.clear()  # type: ignore[attr-defined]
    _become(list(argv[1:]), dict(env))


def _interpret(arguments: list[str], environ: Mapping[str, str]) -> None:
    """`python ARGUMENTS`, in this process, which has run nothing yet but the command line."""
    os.environ.clear()
    os.environ.update(environ)
    os.execve = _replace  # type: ignore[assignment]
    sys.orig_argv = [sys.executable, *arguments]
    own = [path for path in environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:] = [*(path for path in own if path not in _PATH), *_PATH]
    if "PRECOMPILE_RUN" in environ or "PRECOMPILE_CACHE" in environ:
        __import__("_precompile_run").begin()  # as precompile_run.pth has it
    module = ModuleType("__main__")
    vars(module)["__builtins__"] = builtins
    if arguments[0] == "-u":
        arguments = arguments[1:]
        sys.stdout.reconfigure(write_through=True)  # type: ignore[union-attr]
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
    main(Imported[sys.argv[1]], socket.socket(fileno=int(sys.argv[2])), Path(sys.argv[3]))
