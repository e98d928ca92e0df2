"""Commands called as a shell calls them, each in a forked child: no interpreter starts anew."""

import contextlib
import ctypes
import functools
import gc
import importlib
import io
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

from precompile_context import cli
from precompile_context.cli.app import COMMANDS, app
from tests import hanging

# The program that `run` would become has started.
STARTED = 97
_RAISED = 98
# CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: what lets root read and write whatever it likes.
_PRIVILEGES = 0b110
_CAPABILITIES_V3 = 0x20080522


@dataclass(frozen=True)
class Called:
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str


def call(
    *words: object,
    folder: Path,
    stdout: str | int = "",
    encoding: str = "utf-8",
    environ: Mapping[str, str | None] | None = None,
    privileged: bool = False,
) -> Called:
    """Call `precompile` in the folder, without root's privileges over files unless it has them.

    `stdout` is a file's name or a descriptor, or "closed"; a variable that is None is not set.
    """
    _import_once()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        pid = os.fork()
        if not pid:
            gc.freeze()  # what there is by now is no garbage of the command's
            os.chdir(folder)
            _redirect(out, err, stdout, encoding)
            for name, value in {"COLUMNS": "80", **(environ or {})}.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value
            sys.argv = ["precompile", *map(str, words)]
            if not privileged:
                _drop_privileges()
            _call()
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        out.seek(0)
        err.seek(0)
        return Called(status, *(file.read().decode(errors="replace") for file in (out, err)))


@functools.cache
def _import_once() -> None:
    """Import what commands import, rather than in each child: what parses their words, too."""
    for command in COMMANDS:
        importlib.import_module(f"precompile_context.cli.{command}")
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.write(writing, "\n".join(_imported_by_a_command()).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as names:
        for name in names.read().split():
            importlib.import_module(name)
    os.waitpid(pid, 0)


def _imported_by_a_command() -> list[str]:
    before = set(sys.modules)
    with contextlib.suppress(OSError):
        app(["inspect", os.devnull], standalone_mode=False)  # it is no bundle
    new = (name for name in sys.modules if name not in before)
    return [name for name in new if getattr(sys.modules[name], "__spec__", None)]


def _redirect(out: IO[bytes], err: IO[bytes], stdout: str | int, encoding: str) -> None:
    os.dup2(err.fileno(), 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    binary = os.fdopen(2, "wb", buffering=0, closefd=False)
    sys.stderr = io.TextIOWrapper(binary, encoding=encoding, write_through=True)
    vars(sys)["__stderr__"] = sys.stderr
    if stdout == "closed":
        os.close(1)
        sys.stdout = None  # as the interpreter has it then
        return
    if isinstance(stdout, int):
        os.dup2(stdout, 1)
    else:
        os.dup2(os.open(stdout, os.O_WRONLY) if stdout else out.fileno(), 1)
    sys.stdout = io.TextIOWrapper(os.fdopen(1, "wb", closefd=False), encoding=encoding)


def _call() -> NoReturn:
    status = _RAISED
    try:
        signal.alarm(hanging.SECONDS)
        os.execve = lambda *arguments: os._exit(STARTED)
        cli.main()
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def _drop_privileges() -> None:
    if os.geteuid():
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header, data = (ctypes.c_uint32 * 2)(_CAPABILITIES_V3, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, data) == 0
    data[0] &= ~_PRIVILEGES
    assert libc.capset(header, data) == 0
