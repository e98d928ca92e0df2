"""`precompile run --require`: a run that must be warm, or must save, is one or says that it is not.

The program is this process's child then, so that there is a status to give after its end.
"""

import json
import os
import shlex
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from precompile_context.adapters.pytorch.artifacts import TYPES
from precompile_context.bundle import Bundle
from precompile_context.cli import refusal as refusal_lines
from precompile_context.cli import text
from precompile_context.cli.require import NOT_SO, Require
from precompile_context.errors import ErrorCode, PrecompileError
from precompile_context.files import BundleFile
from precompile_context.session.part import concerning
from precompile_context.session.settings import Settings
from precompile_context.session.telling import difference, refusal
from precompile_context.session.trusting import trusting
from precompile_context.stores import is_store_name

_FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def fault_before(require: Require, settings: Settings) -> str | None:
    """Why it cannot be so, as far as that is known before the program starts; else None."""
    assert settings.bundle is not None
    if is_store_name(settings.bundle):
        return None  # asked once, by the program
    path = Path(settings.bundle)
    saves = require is Require.SAVED
    if saves and not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    if saves and not os.access(path if path.exists() else path.parent, os.W_OK):
        return "it cannot be written"
    if path.exists() and not path.is_file():
        return "no regular file"
    trusted = trusting(settings.trusted(), settings.key, read_only=not saves)
    if saves and trusted.fault is not None:
        return trusted.fault
    try:
        bundle = BundleFile(path).open(policy=trusted.policy)
    except FileNotFoundError:
        return None if saves else "there is no such file"
    except OSError as error:
        return error.strerror or str(error)
    except PrecompileError as error:
        # A file is new that is empty, or at whose first save a process is or was killed.
        is_new = error.code is ErrorCode.TRUNCATED or not path.stat().st_size
        return None if saves and is_new else refusal(error)
    if saves or _has_others(bundle):
        return None
    try:
        from precompile_context.adapters.pytorch.facts.environment import (
            fitting_environment,
            host_environment,
        )

        bundle.matching(fitting_environment(host_environment(), bundle))
    except PrecompileError as error:
        return difference(error)
    except Exception as error:  # a torch that is not there, or cannot be used
        return f"{type(error).__name__}: {error}"
    return None


def _has_others(bundle: Bundle) -> bool:
    """Whether it has segments of other compilers than torch: what they need, the run tells."""
    listed = [s for s in bundle.segments if s.manifest.artifacts.types]
    return len(concerning(bundle, TYPES)) < len(listed)


def faults_after(require: Require, told: dict[str, Any]) -> Iterator[str]:
    """Why it was not so, by the report of the run."""
    parts = [part for part in (told, *told["children"]) if part["status"] != "idle"]
    if not parts:
        yield "no compiler was asked for anything"
    for part in parts:
        who = "" if part["pid"] == told["pid"] else f"process {part['pid']}: "
        if part["status"] != "finished":
            yield f"{who}it ended without telling what it did"
        elif require is Require.SAVED:
            if part["bundle"]["not_saved"]:
                yield f"{who}not saved: {part['bundle']['not_saved'].removeprefix('not saved: ')}"
        else:
            yield from (f"{who}{fault}" for fault in _cold(part))


def _cold(part: dict[str, Any]) -> Iterator[str]:
    if not part["bundle"]["matched"]:
        yield part["bundle"]["reason"] or "there was no bundle"
    for what, count in (
        ("graph", part["graphs"]["compiled"]),
        ("library", part["kernels"]["built"]),
    ):
        if count:
            yield f"{text.plural(count, what)} had to be compiled"
    for name, compiler in part.get("compilers", {}).items():
        if compiler["missed"]:
            yield f"{name}: {text.plural(compiler['missed'], 'look-up')} found nothing"
        elif compiler["matched"] is False and part["bundle"]["matched"]:
            yield f"{name}: {compiler['reason']}"


def run(require: Require, settings: Settings, start: Callable[[Settings], NoReturn]) -> NoReturn:
    """Run the program by `start` as a child; exit with its status, or NOT_SO. Never returns.

    Raises:
        OSError: the report cannot be written.
    """
    fault = fault_before(require, settings)
    if fault is not None:
        _end(require, settings, [fault], ran=False)
    with tempfile.TemporaryDirectory(prefix="precompile-") as folder:
        file = settings.report or os.path.join(folder, "report.json")
        child = os.fork()
        if not child:
            settings = replace(settings, report=file, pid=os.getpid())
            try:
                start(settings)
            except OSError as error:
                refusal_lines.say(refusal_lines.system_lines(error))
            finally:
                os._exit(1)
        status = _wait(child)
        told = json.loads(Path(file).read_bytes()) if os.path.exists(file) else None
    if status < 0:  # as the program: by its signal
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    if status or told is None:
        sys.exit(status or 1)
    faults = list(faults_after(require, told))
    if faults:
        _end(require, settings, faults, ran=True)
    sys.exit(0)


def _wait(child: int) -> int:
    """The child's status, negative where a signal ended it; signals to us are for it."""

    def forward(number: int, frame: FrameType | None) -> None:
        os.kill(child, number)

    for number in _FORWARDED:
        signal.signal(number, forward)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to both
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _end(require: Require, settings: Settings, faults: list[str], *, ran: bool) -> NoReturn:
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    why = " ".join(faults[0].split())
    what = f"precompile: {settings.bundle}: not {require}: {why}{more}"
    refusal_lines.say([text.safe(what), text.safe(f"help: {_todo(require, settings, ran)}")])
    sys.exit(NOT_SO)


def _todo(require: Require, settings: Settings, ran: bool) -> str:
    """What to do about it."""
    bundle = str(settings.bundle)
    if require is Require.SAVED:
        return "precompile run --help: --bundle names where to, --key who signs"
    if ran:
        return "precompile run --why-miss says what differs"
    if is_store_name(bundle) or os.path.exists(bundle):
        return f"precompile explain {shlex.quote(bundle)}"
    return "a run without --require and --read-only makes it"
