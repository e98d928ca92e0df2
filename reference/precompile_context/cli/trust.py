"""`precompile trust`: whom this user trusts, by name."""

from pathlib import Path
from typing import Annotated

import typer

from precompile_context.cli import text
from precompile_context.cli.told import tell
from precompile_context.errors import MisuseError
from precompile_context.files import add_trusted, remove_trusted, trusted, trusted_directory
from precompile_context.files.access import read_some
from precompile_context.trust import CertificateVerifier, verifier_of
from precompile_context.trust.pem import Believed

app = typer.Typer(no_args_is_help=True)

_AsJson = Annotated[bool, typer.Option("--json", help="The same, for programs.")]


@app.callback()
def trust() -> None:
    """Say once whom you trust: every run, merge and verify knows them by name then.

    What they signed is applied by your runs as if --trust named them.
    """


@app.command()
def add(
    file: Annotated[
        Path, typer.Argument(metavar="KEY.pub", help="A public key, or an authority's certificate.")
    ],
    name: Annotated[
        str | None, typer.Option(help="What to call it; by default the file's name without suffix.")
    ] = None,
    subject: Annotated[
        list[str] | None,
        typer.Option(
            help="Of an authority: which subject names to believe, * for any characters. May be "
            "repeated.",
            metavar="PATTERN",
        ),
    ] = None,
    as_json: _AsJson = False,
) -> None:
    """Trust a public key, or whoever an authority vouches for, under a name."""
    name = name if name is not None else file.name.split(".")[0]
    pem = read_some(file)
    try:
        verifier = CertificateVerifier(pem, *subject) if subject else verifier_of(pem)
    except MisuseError as error:
        raise typer.BadParameter(f"{file}: {error}") from None
    try:
        add_trusted(name, verifier)
    except MisuseError as error:
        raise typer.BadParameter(str(error)) from None
    _show({name: verifier}, as_json)


@app.command("list")
def list_(as_json: _AsJson = False) -> None:
    """Show whom you trust, and by what name."""
    try:
        known = trusted()
    except MisuseError as error:
        raise OSError(f"{error}; it is in {trusted_directory()}") from None
    if not known and not as_json:
        print("nobody but your own key: `precompile trust add KEY.pub --name NAME`")
        return
    _show(known, as_json)


@app.command()
def remove(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The name, or the beginning of the keyid.")
    ],
    as_json: _AsJson = False,
) -> None:
    """Trust this one no more."""
    try:
        verifier = remove_trusted(name)
    except MisuseError as error:
        raise typer.BadParameter(str(error)) from None
    if as_json:
        tell({"keyid": verifier.keyid})
    else:
        print(f"not trusted any more: {verifier.keyid}")


def _show(known: dict[str, Believed], as_json: bool) -> None:
    if as_json:
        facts = [
            {"name": name, "keyid": key.keyid, "subjects": list(_subjects(key))}
            for name, key in known.items()
        ]
        tell({"keys": facts})
        return
    width = max(map(len, known))
    for name, key in known.items():
        whom = f"  {text.safe(', '.join(_subjects(key)))}" if _subjects(key) else ""
        print(f"{name:{width}}  {key.keyid}{whom}")


def _subjects(key: Believed) -> tuple[str, ...]:
    return key.patterns if isinstance(key, CertificateVerifier) else ()
