"""How the command says no: what, with the file first; why; and what to type."""

import contextlib
import errno
import os
import shlex
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from precompile_context.cli import text
from precompile_context.cli.codes import MEANINGS
from precompile_context.errors import PrecompileError


@contextlib.contextmanager
def about(file: Path | str) -> Iterator[None]:
    """What is refused within the block is of this file, unless it says of which."""
    try:
        yield
    except PrecompileError as error:
        error.file = error.file or str(file)
        raise


def facts(error: PrecompileError) -> dict[str, Any]:
    """The refusal for a program."""
    return {
        "ok": False,
        "code": error.code.name,
        "stage": error.code.stage.name,
        "offset": error.offset,
        "detail": error.detail,
        "file": error.file,
    }


def lines(error: PrecompileError) -> list[str]:
    """The refusal for a person, three lines. Part of it may come from a file or its name."""
    where = "" if error.offset is None else f" at byte {error.offset}"
    file = f"{text.safe(error.file)}: " if error.file else ""
    todo = MEANINGS[error.code].todo.format(file=shlex.quote(error.file or "FILE"))
    detail = error.detail.removeprefix(f"{error.file}: ")  # of several files it says which
    return [
        f"precompile: {file}{error.code.name}{where}",
        f"  {text.safe(detail)}",
        f"help: {text.safe(todo)}",
    ]


def system_facts(error: OSError) -> dict[str, Any]:
    """What the system or a store refused, for a program."""
    line = f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")
    facts = {"ok": False, "code": None, "stage": None, "offset": None, "detail": line}
    return facts | {"file": error.filename}


def system_lines(error: OSError) -> list[str]:
    """The same for a person: the file first, where it is of one."""
    file = "" if error.filename is None else os.fsdecode(error.filename)
    what = f"{file}: {error.strerror}" if file else f"{error.strerror or error}"
    todo = _TODO.get(error.errno or 0, _HOW) if file else _HOW
    helps = todo.format(
        file=shlex.quote(file),
        seen=shlex.quote(_seen(file, os.path.lexists)),
        there=shlex.quote(_seen(file, os.path.isdir)),
        path=_path(),
    )
    return [f"precompile: {text.safe(what)}", f"help: {text.safe(helps)}"]


def lacking(file: Path | str, what: str) -> OSError:
    """That a bundle holds nothing of what was asked for."""
    return OSError(errno.ENODATA, f"it holds no {what}", str(file))


_HOW = "{path} --help"
_LOOK = "`ls {there}` shows what is there"
_WHO = "`ls -ld {seen}` shows who may; or name another place"
_FULL = "`df {there}` shows how full the disk is; remove something, or name another place"
# What a person can do about what the system says of a file.
_TODO = {
    errno.ENOENT: _LOOK,
    errno.ENOTDIR: _LOOK,
    errno.EISDIR: "name a file in it: `ls {there}` shows them",
    errno.EINVAL: "name a file: `ls -ld {seen}` shows what this is",
    errno.EEXIST: "name another file, or remove this one",
    errno.EACCES: _WHO,
    errno.EPERM: _WHO,
    errno.EROFS: "name a place that can be written",
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.ENODATA: "precompile inspect --full {file}",
    errno.EBADMSG: "`mv {file} {file}.old`: the next run begins another",
    errno.ENOTSUP: "name a file on a local disk, of a system that has POSIX locks",
    errno.ENAMETOOLONG: "choose a shorter name",
}


def _seen(file: str, is_it: Callable[[str], bool]) -> str:
    """The file, or the nearest folder above it of which that is so; "." where there is none: the
    folder that this process is in may be gone, and a drive of Windows is none.
    """
    with contextlib.suppress(OSError):
        file = os.path.abspath(file)
        for path in (file, *map(str, Path(file).parents)):
            if is_it(path):
                return path
    return os.curdir


def misuse_lines(error: Exception) -> list[str]:
    """A wrong use that a command left to who was called to find."""
    return [f"precompile: {text.safe(str(error))}", f"help: {_path()} --help"]


def _path() -> str:
    """The command as it was typed."""
    from precompile_context.cli.app import COMMANDS

    return " ".join(["precompile", *(word for word in sys.argv[1:2] if word in COMMANDS)])


def say(said: list[str]) -> None:
    """On stderr; on a terminal three lines of it at most, whole otherwise."""
    if sys.stderr is None:
        return
    with contextlib.suppress(OSError):  # closed, or full: there is nobody to tell
        for line in _fitting(said) if sys.stderr.isatty() else said:
            colour = {"precompile:": "red", "help:": "green"}.get(line.partition(" ")[0])
            print(text.coloured(line, colour, sys.stderr), file=sys.stderr)


def _fitting(said: list[str]) -> Iterator[str]:
    """Two lines may be three; what is longer than its line then has its middle left out."""
    if len(said) == 2 and len(said[0]) > text.WIDTH:
        first = textwrap.wrap(said[0], text.WIDTH, break_on_hyphens=False)[0]
        said = [first, f"  {said[0][len(first) :].strip()}", said[1]]
    yield from (text.shorten(line, text.WIDTH) for line in said)


def usage_lines(error: Exception) -> list[str]:
    """A wrong use of the command: what is wrong, and whose help says how it is used."""
    message = str(error.format_message())  # type: ignore[attr-defined]
    if message.startswith("Usage: "):  # a command without arguments: its help
        return message.splitlines()
    said = " ".join(message.split()).removeprefix("Invalid value: ")
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "precompile"
    return [f"precompile: {text.safe(said)}", f"help: {path} --help"]
