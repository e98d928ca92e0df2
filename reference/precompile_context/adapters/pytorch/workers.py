"""Processes that torch starts to compile for another: counted for that one, and no more."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from precompile_context.adapters.pytorch.recording.observe import (
    Tally,
    watch_compiler,
    watch_triton,
)
from precompile_context.session.patches import Patches
from precompile_context.session.settings import Settings

# When this has been imported, all is there that is counted.
_TRIGGER = "torch._inductor.async_compile"
_SCRIPT = os.path.join("torch", "_inductor", "compile_worker", "__main__.py")
_PARENT = "--parent="
# Tells the processes that a compile worker starts that they are compile workers, and whose.
_WORKER_OF = "PRECOMPILE_COMPILE_WORKER_OF"


def is_one() -> bool:
    """Whether this process is a compile worker, or was started by one."""
    parent = compile_worker_of(sys.orig_argv)
    if parent is not None:
        os.environ[_WORKER_OF] = parent
    return _WORKER_OF in os.environ


def compile_worker_of(arguments: Sequence[str]) -> str | None:
    """For which process torch started this one to compile, as digits; None where it did not."""
    if not any(argument.endswith(_SCRIPT) for argument in arguments[1:2]):
        return None
    for argument in arguments[2:]:
        if argument.startswith(_PARENT):
            return argument.removeprefix(_PARENT)
    return None


def count(module: str) -> None:
    """Count the compiler's runs of this compile worker for the process that it works for."""
    report = Settings.read().report if module == _TRIGGER else None
    if report is not None:
        parent = int(os.environ[_WORKER_OF])
        tally = Tally(tally_file(report, parent), owner=parent)
        watch_compiler(tally, Patches())
        watch_triton(tally)


def tally_file(report: str, pid: int) -> Path:
    """Where other processes count the compiler's runs that they make for `pid`."""
    return Path(f"{report}.{pid}.tally")
