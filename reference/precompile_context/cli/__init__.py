"""The command `precompile`: one file a command, each imported when it is asked for.

A command's file holds `app`, a Typer with that one command, and imports what
costs time inside its functions. Exit status: 0 done, 1 the input is bad or
refused, told in three lines at most, 2 wrong usage.
"""

import errno
import io
import os
import sys
from typing import Any, NoReturn

from precompile_context.errors import MisuseError, PrecompileError


def main() -> None:
    """The entry point of the `precompile` script."""
    try:
        from precompile_context.cli.app import app
    except ModuleNotFoundError as error:
        print(f"precompile: {error}; the command line is an extra of its own:", file=sys.stderr)
        print("    pip install 'precompile-context[cli]'", file=sys.stderr)
        sys.exit(2)
    from precompile_context.cli import refusal

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that is not UTF-8
    try:
        status = app(prog_name="precompile", standalone_mode=False) or 0
        if sys.stdout is not None:
            sys.stdout.flush()  # what cannot be written any more is told now, and not by Python
        sys.exit(status)
    except PrecompileError as error:
        _refuse(refusal.lines(error), refusal.facts(error))
    except MisuseError as error:  # a name that none can be, say
        refusal.say(refusal.misuse_lines(error))
        sys.exit(2)
    except BrokenPipeError:  # whoever read our output has seen enough
        _write_no_more()
        sys.exit(1)
    except OSError as error:
        if error.filename is None and error.errno == errno.ENOSPC:
            error.filename = "standard output"
            _write_no_more()
        _refuse(refusal.system_lines(error), refusal.system_facts(error))
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        # A wrong use of the command: Typer's own exceptions, whose base it does not export.
        if not hasattr(error, "format_message"):
            raise
        refusal.say(refusal.usage_lines(error))
        sys.exit(2)


def _write_no_more() -> None:
    """What is left in the buffer goes nowhere: Python would fail to write it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _refuse(said: list[str], facts: dict[str, Any]) -> NoReturn:
    """Lines for a person; for a program that asked for JSON, JSON where it looks for it."""
    from precompile_context.cli import refusal
    from precompile_context.cli.told import tell

    if "--json" in sys.argv[1:] and sys.stdout is not None:
        tell(facts)
    refusal.say(said)
    sys.exit(1)
