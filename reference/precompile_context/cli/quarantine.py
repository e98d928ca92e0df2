"""`precompile quarantine`: what programs had been given when they died, and taking it back."""

from typing import Annotated, Any

import typer

from precompile_context.cli import text
from precompile_context.cli.told import tell
from precompile_context.files.suspects import Suspect, lift, suspects
from precompile_context.files.use_record import SWITCH, record_file
from precompile_context.session.quarantine import take_in_deaths
from precompile_context.session.use import name_as_typed

app = typer.Typer(no_args_is_help=True)

_AsJson = Annotated[bool, typer.Option("--json", help="The same, for programs.")]
_KEY_WIDTH = 36


@app.callback()
def quarantine() -> None:
    """Show what programs on this machine had been given when they died of a fault.

    A run says so, and with --quarantine leaves it out. It is suspected until a program that
    was given it comes to its end, or you take it back here; other content under the same key
    is not meant. The list lies beside the record of use, and leaves the machine never.
    """


@app.command("list")
def list_(
    bundle: Annotated[
        str | None,
        typer.Argument(metavar="BUNDLE", help="Of this file or store alone; by default all."),
    ] = None,
    as_json: _AsJson = False,
) -> None:
    """Show what is suspected: bundle, program, how it died, type, key and function."""
    _show(_known(bundle), as_json)


@app.command()
def remove(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="The file, or the store.")],
    key: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY", help="The beginning of a key; by default all of the bundle."),
    ] = None,
    as_json: _AsJson = False,
) -> None:
    """Suspect these no more: the next run is given them again."""
    found = _known(bundle)
    beginnings = tuple(key or ("",))
    for beginning in beginnings:
        if not any(one.key.startswith(beginning) for one in found):
            what = f"key that begins with {beginning}" if beginning else "artifact"
            raise typer.BadParameter(f"no {what} of {bundle} is suspected")
    gone = [one for one in found if one.key.startswith(beginnings)]
    file = record_file()
    if file is not None:
        lift(file, gone[0].bundle, [one.content for one in gone])
    if as_json:
        tell({"suspects": [_facts(one) for one in gone]})
    else:
        print(f"not suspected any more: {text.plural(len(gone), 'artifact')}")


def _known(bundle: str | None) -> list[Suspect]:
    file = record_file()
    if file is None:
        raise typer.BadParameter(f"nothing is remembered: {SWITCH} switches it off")
    take_in_deaths(file)
    return suspects(file, None if bundle is None else name_as_typed(bundle))


def _show(found: list[Suspect], as_json: bool) -> None:
    if as_json:
        tell({"suspects": [_facts(one) for one in found]})
        return
    if not found:
        print("nothing is suspected: no program died of a fault, as far as is remembered")
    heading = None
    for one in found:
        if heading != (heading := (one.bundle, one.program, one.fault, one.at)):
            print(text.shorten(text.safe(one.bundle), text.WIDTH))
            print(f"  {text.shorten(text.safe(one.program), 40)} died: {text.safe(one.fault)}")
        key = text.shorten(text.safe(one.key), _KEY_WIDTH)
        line = f"    {text.safe(one.type):18}  {key}"
        function = text.safe(one.function)
        room = text.WIDTH - len(line) - 2
        print(f"{line}  {text.shorten(function, room)}" if function else line)


def _facts(one: Suspect) -> dict[str, Any]:
    return {
        "bundle": one.bundle,
        "type": one.type,
        "key": one.key,
        "content_digest": one.digest.hex(),
        "function": one.function or None,
        "program": one.program,
        "fault": one.fault,
        "at": one.at,
    }
