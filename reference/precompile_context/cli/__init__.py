"""The command `precompile`: one file a command, each imported when it is asked for.

A command's file holds `app`, a Typer with that one command, and imports what
costs time inside its functions. Exit status: 0 done, 1 the input is bad or
refused, told in one line, 2 wrong usage.
"""

import sys

from precompile_context.errors import PrecompileError


def main() -> None:
    """The entry point of the `precompile` script."""
    try:
        from precompile_context.cli.app import app
    except ModuleNotFoundError as error:
        print(f"precompile: {error}; the command line is an extra of its own:", file=sys.stderr)
        print("    pip install 'precompile-context[cli]'", file=sys.stderr)
        sys.exit(2)
    try:
        app(prog_name="precompile")
    except PrecompileError as error:
        _refuse(str(error))
    except OSError as error:
        _refuse(f"{error.strerror or error}: {error.filename}" if error.filename else str(error))


def _refuse(line: str) -> None:
    print(f"precompile: {line}", file=sys.stderr)
    sys.exit(1)
