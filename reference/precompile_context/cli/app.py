"""The commands by name; each one's file is imported when it is asked for."""

import importlib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from precompile_context.cli.epilogs import epilog
from precompile_context.cli.project import options
from precompile_context.version import __version__

COMMANDS = (
    *("run", "demo", "inspect", "show", "view", "verify", "explain", "diff", "merge", "extract"),
    *("prune", "stats", "quarantine", "push", "pull"),
    *("keygen", "sign", "trust", "man"),
)
_COMPLETION = ("install_completion", "show_completion")
_HELP = ["-h", "--help"]


class _Commands(TyperGroup):
    """The commands by name, without importing any before it is needed."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"{__package__}.{cmd_name}")
        # Straight paragraphs rather than boxes; below a group, its commands too.
        module.app.rich_markup_mode = None
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        command.epilog = epilog(cmd_name)
        for each in (command, *getattr(command, "commands", {}).values()):
            each.context_settings = {"help_option_names": _HELP, **each.context_settings}
            # Typer offers these on each of its apps; here each command is one.
            each.params = [p for p in each.params if p.name not in _COMPLETION]
            below = "" if each is command else f"_{each.name}"
            for p in each.params:  # PRECOMPILE_INSPECT_JSON is the variable of --json
                if p.name in ("as_json", "as_bytes"):
                    name = p.name.removeprefix("as_")
                    p.envvar = f"PRECOMPILE_{cmd_name}{below}_{name}".upper()
        known = {
            name.lstrip("-"): p.name
            for p in command.params
            if p.name and p.param_type_name == "option"
            for name in p.opts
        }
        ctx.default_map = {cmd_name: options(cmd_name, known, Path.cwd())}
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS:
            close = get_close_matches(args[0], COMMANDS, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            ctx.fail(f"no such command: {args[0]}{hint}")
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    # PRECOMPILE_RUN_WHY_MISS=1, say.
    context_settings={"help_option_names": _HELP, "auto_envvar_prefix": "PRECOMPILE"},
)


def _show_version(asked: bool) -> None:
    if asked:
        print(f"precompile {__version__}")
        raise typer.Exit


@app.callback()
def precompile(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Show the version.",
            callback=_show_version,
            is_eager=True,
            allow_from_autoenv=False,
        ),
    ] = False,
) -> None:
    """Portable bundles of compile caches: run programs warm, and look into the files."""
