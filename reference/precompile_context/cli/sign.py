"""`precompile sign`: vouch for all that a bundle holds."""

from pathlib import Path
from typing import Annotated

import typer

from precompile_context.cli import refusal, text
from precompile_context.cli.keys import Key, check_before_own_key, own_key, read_key
from precompile_context.cli.told import tell
from precompile_context.files import BundleFile
from precompile_context.stores import is_store_name

app = typer.Typer()


@app.command()
def sign(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The bundle.")],
    key: Key = None,
    passphrase_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Its first line is the key's passphrase."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="What was done, for programs.")] = False,
) -> None:
    """Add this key's signature to every segment that does not carry it, and replace the file.

    Whoever signs vouches for all of it, whoever wrote it: all of it is checked first,
    but nothing can check what its code does. Others' signatures stay, and so does
    the bundle digest.
    """
    if is_store_name(file):
        raise typer.BadParameter("pieces of a store are never changed: pull, sign and push a file")
    if key is None and passphrase_file is not None:
        raise typer.BadParameter("your own key has no passphrase; --key names the one that has")
    with refusal.about(file):
        if key is None:
            check_before_own_key([Path(file)])
        signer = read_key(key, passphrase_file) or own_key()
        count = BundleFile(Path(file)).sign(signer)
    if as_json:
        tell({"ok": True, "keyid": signer.keyid, "signed": count})
    elif count:
        print(f"{text.safe(file)}: {text.plural(count, 'segment')} signed")
    else:
        print(f"{text.safe(file)}: every segment was signed by this key already")
