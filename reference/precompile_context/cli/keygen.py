"""`precompile keygen`: a new key, or the user's own."""

from pathlib import Path
from typing import Annotated

import typer

from precompile_context.cli.keys import own_key, read_passphrase
from precompile_context.cli.told import tell
from precompile_context.files import keys
from precompile_context.trust import SigningKey

app = typer.Typer()


@app.command()
def keygen(
    key: Annotated[
        Path | None,
        typer.Argument(
            metavar="KEY",
            help="Where the new private key goes. Without it, your own key, which "
            "`precompile run` signs with, is made where there is none.",
        ),
    ] = None,
    passphrase_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Encrypt the key; the first line is the passphrase."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="What was made, for programs.")] = False,
) -> None:
    """Make an Ed25519 key, as PEM, and beside it KEY.pub for those who are to trust it.

    A key that is there already, or a KEY.pub, is never replaced. openssl reads and writes the same
    files.
    """
    if key is None:
        if passphrase_file is not None:
            raise typer.BadParameter("your own key has no passphrase: nobody is asked for one")
        path, made = keys.local_key_file(), own_key()
    else:
        path, made = key, SigningKey.generate()
        keys.check_no_public_half(path)
        keys.write_signing_key(path, made, read_passphrase(passphrase_file))
    public = keys.write_public_half(path, made)
    if as_json:
        facts = {"keyid": made.keyid, "private": str(path), "public": str(public)}
        tell(facts)
    else:
        print(f"{path}: private, yours alone")
        print(f"{public}: public, for those who are to trust it")
        print(f"keyid {made.keyid}")
