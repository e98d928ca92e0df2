"""The command `precompile`: one file a command, each imported when it is asked for.

A command's file holds `app`, a Typer with that one command, and imports what
costs time inside its functions. Exit status: 0 done, 1 the input is bad or
refused, told in one line, 2 wrong usage.
"""

import io
import json
import os
import sys
from typing import Any

from precompile_context.cli import text
from precompile_context.errors import PrecompileError


def main() -> None:
    """The entry point of the `precompile` script."""
    try:
        from precompile_context.cli.app import app
    except ModuleNotFoundError as error:
        print(f"precompile: {error}; the command line is an extra of its own:", file=sys.stderr)
        print("    pip install 'precompile-context[cli]'", file=sys.stderr)
        sys.exit(2)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that is not UTF-8
    try:
        app(prog_name="precompile")
    except PrecompileError as error:
        _refuse(str(error), _facts(error))
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        line = f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")
        _refuse(line, {"ok": False, "code": None, "stage": None, "offset": None, "detail": line})


def _facts(error: PrecompileError) -> dict[str, Any]:
    return {
        "ok": False,
        "code": error.code.name,
        "stage": error.code.stage.name,
        "offset": error.offset,
        "detail": error.detail,
    }


def _refuse(line: str, facts: dict[str, Any]) -> None:
    """One line for a person; for a program that asked for JSON, JSON where it looks for it."""
    if "--json" in sys.argv[1:] and sys.stdout is not None:
        print(json.dumps(facts))
    # Part of it may come from a file or its name.
    print(f"precompile: {text.safe(line)}", file=sys.stderr)
    sys.exit(1)
