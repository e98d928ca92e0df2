"""`precompile man`: manual pages, made from what `--help` says."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from precompile_context.cli import text
from precompile_context.files import replace
from precompile_context.version import __version__

app = typer.Typer()


@app.command()
def man(
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="Where to: ~/.local/share/man/man1, for `man` here."),
    ],
) -> None:
    """Write a manual page for each command into a folder, which is made: precompile-run.1, say."""
    from precompile_context.cli.app import COMMANDS

    folder.mkdir(parents=True, exist_ok=True)
    written = {"precompile": page(None), **{f"precompile-{c}": page(c) for c in COMMANDS}}
    for name, content in written.items():
        replace(folder / f"{name}.1", [content.encode()])
    print(f"{text.safe(str(folder))}: {text.plural(len(written), 'page')}")


def page(name: str | None) -> str:
    """The page of a command in roff; of all of them together where none is named."""
    from precompile_context.cli.app import app as all_

    group: Any = typer.main.get_command(all_)
    top = group.make_context("precompile", [], resilient_parsing=True)
    command = group if name is None else group.get_command(top, name)
    context = top
    if name is not None:
        context = command.make_context(name, [], parent=top, resilient_parsing=True)
    return "\n".join(_lines(command, context)) + "\n"


def _lines(command: Any, context: Any) -> Iterator[str]:
    title = context.command_path.replace(" ", "-")
    yield f'.TH "{title.upper()}" 1 "" "precompile-context {__version__}"'
    yield ".SH NAME"
    yield f"{_plain(title)} \\- {_plain(command.get_short_help_str(limit=200))}"
    yield ".SH SYNOPSIS"
    yield ".B " + _plain(context.command_path)
    yield _plain(" ".join(command.collect_usage_pieces(context)))
    yield ".SH DESCRIPTION"
    yield from _paragraphs(inspect.cleandoc(command.help or ""))
    commands = [(n, command.get_command(context, n)) for n in getattr(command, "commands", {})]
    if not commands and hasattr(command, "list_commands"):
        commands = [(n, command.get_command(context, n)) for n in command.list_commands(context)]
    for heading, records in (
        ("COMMANDS", [(n, one.get_short_help_str(limit=200)) for n, one in commands]),
        ("OPTIONS", [p.get_help_record(context) for p in command.get_params(context)]),
    ):
        if any(records):
            yield f".SH {heading}"
        for term, meaning in filter(None, records):
            yield from (".TP", f".B {_plain(term)}", _plain(" ".join(meaning.split())) or "\\&")
    for block in (command.epilog or "").split("\n\n"):
        first, *rest = block.replace("\b", "").strip().splitlines() or [""]
        if first:
            yield from (f".SH {_plain(first.rstrip(':').upper())}", ".nf", *map(_plain, rest))
            yield ".fi"


def _paragraphs(written: str) -> Iterator[str]:
    for paragraph in written.replace("\b", "").split("\n\n"):
        yield from (".PP", _plain(" ".join(paragraph.split())))


def _plain(line: str) -> str:
    """The line as roff prints it: no escape, no request, and dashes that can be copied."""
    escaped = line.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + escaped if escaped.startswith((".", "'")) else escaped
