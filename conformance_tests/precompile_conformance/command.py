"""The entry point of the `precompile-conformance` script."""

import sys


def main() -> None:
    """Run the command; without its extra, say how to get it and exit with 2."""
    try:
        from precompile_conformance.cli import app
    except ModuleNotFoundError as error:
        print(f"precompile-conformance: {error}; it is an extra of its own:", file=sys.stderr)
        print("    pip install 'precompile-context[conformance]'", file=sys.stderr)
        sys.exit(2)
    app(prog_name="precompile-conformance")
