"""How the command says no: what, with the file first; why; and what to type."""

import contextlib
import sys
from collections.abc import Iterator
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
    todo = MEANINGS[error.code].todo.format(file=error.file or "FILE")
    detail = error.detail.removeprefix(f"{error.file}: ")  # of several files it says which
    return [
        f"precompile: {file}{error.code.name}{where}",
        f"  {text.safe(detail)}",
        f"help: {text.safe(todo)}",
    ]


def say(said: list[str]) -> None:
    """On stderr; on a terminal each in one line of it, whole otherwise."""
    if sys.stderr is None:
        return
    for line in said:
        if not sys.stderr.isatty():
            print(line, file=sys.stderr)
            continue
        short = text.shorten(line, text.WIDTH)
        colour = {"precompile:": "red", "help:": "green"}.get(line.partition(" ")[0])
        print(text.coloured(short, colour, sys.stderr), file=sys.stderr)


def usage_lines(error: Exception) -> list[str]:
    """A wrong use of the command: what is wrong, and whose help says how it is used."""
    message = str(error.format_message())  # type: ignore[attr-defined]
    if message.startswith("Usage: "):  # a command without arguments: its help
        return message.splitlines()
    said = " ".join(message.split()).removeprefix("Invalid value: ")
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "precompile"
    return [f"precompile: {text.safe(said)}", f"help: {path} --help"]
