"""The commands by name; each one's file is imported when it is asked for."""

import importlib
from typing import Any

import typer
from typer.core import TyperGroup

COMMANDS = (
    *("run", "demo", "inspect", "verify", "explain", "diff", "merge", "extract"),
    *("keygen", "sign", "trust"),
)
_COMPLETION = ("install_completion", "show_completion")


class _Commands(TyperGroup):
    """The commands by name, without importing any before it is needed."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"{__package__}.{cmd_name}")
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        # Typer offers these on each of its apps; here each command is one.
        command.params = [p for p in command.params if p.name not in _COMPLETION]
        return command


app = typer.Typer(
    cls=_Commands, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False
)


@app.callback()
def precompile() -> None:
    """Portable bundles of compile caches: run programs warm, and look into the files."""
