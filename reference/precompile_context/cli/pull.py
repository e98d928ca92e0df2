"""`precompile pull`: all that a store holds, as one file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from precompile_context.bundle.source import ranges
from precompile_context.cli import text
from precompile_context.cli.progress import progress
from precompile_context.cli.stores import bundle_in, reading_of
from precompile_context.cli.told import tell
from precompile_context.files import Chunk, replace
from precompile_context.stores import is_store_name
from precompile_context.trust import UNSIGNED

app = typer.Typer()


@app.command()
def pull(
    store: Annotated[
        str, typer.Argument(metavar="STORE", help="Where from: s3://bucket/team/train/.")
    ],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The bundle's file.")],
    force: Annotated[
        bool, typer.Option("--replace", help="Put it in the place of a file that is there.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="What came, for programs.")] = False,
) -> None:
    """Fetch all that a store holds as one bundle file, byte for byte and with its signatures.

    It applies nothing, and so takes a bundle of anyone. `precompile merge` makes a smaller
    one of it, and adds to a file.
    """
    if not is_store_name(store):
        raise typer.BadParameter(f"{store} is no store's name; a file is copied by cp")
    if file.exists() and not force:
        raise typer.BadParameter(
            f"{file} is there: --replace puts the store's in its place, "
            f"`precompile merge {file} STORE -o {file}` adds to it"
        )
    reading = reading_of(store, UNSIGNED, whole=True)
    bundle = bundle_in(store, reading)

    def chunks() -> Iterator[Chunk]:
        with progress("pulling", bundle.size) as advance:
            for chunk in ranges(bundle.source, 0, bundle.size):
                yield chunk
                advance(len(chunk))

    replace(file, chunks())
    if as_json:
        facts = {"ok": True, "digest": bundle.digest.hex(), "size": bundle.size}
        tell({**facts, "pieces": [piece.name for piece in reading.pieces]})
        return
    print(
        f"{text.safe(str(file))}: {text.plural(len(bundle.segments), 'segment')} of "
        f"{text.plural(len(reading.pieces), 'piece')}, {text.size(bundle.size)}"
    )
    print(f"  digest {bundle.digest.hex()}")
