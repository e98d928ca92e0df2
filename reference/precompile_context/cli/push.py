"""`precompile push`: what a bundle holds and a store lacks, put there."""

from typing import Annotated

import typer

from precompile_context.bundle.source import ranges
from precompile_context.cli import text
from precompile_context.cli.keys import Key, Trust, trusting_inputs
from precompile_context.cli.progress import progress
from precompile_context.cli.stores import (
    COMMAND_SECONDS,
    opened,
    reading_of,
    store_of,
)
from precompile_context.cli.told import tell
from precompile_context.errors import MisuseError
from precompile_context.stores import Patience, Store, StoreError, Traffic, lacking
from precompile_context.stores import push as put
from precompile_context.stores.registry.registry_store import RegistryStore

app = typer.Typer()


@app.command()
def push(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="A file, or a store's name.")],
    store: Annotated[
        str, typer.Argument(metavar="STORE", help="Where to: s3://bucket/team/train/, file:FOLDER.")
    ],
    trust: Trust = None,
    key: Key = None,
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help="Neither check signatures nor sign.")
    ] = False,
    subject: Annotated[
        str | None,
        typer.Option(metavar="TAG", help="An image of the same repository to attach it to."),
    ] = None,
    as_image: Annotated[
        bool,
        typer.Option("--as-image", help="An image of one file, for volumes, in place of layers."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="What was put, for programs.")] = False,
) -> None:
    """Put what a bundle holds and a store lacks there, as new pieces; nothing there changes.

    A bundle of which nothing is there goes as it is, with its signatures. Of one that
    grew since it was pushed, what is new goes, signed by this user's own key, or by
    --key. Each segment must be signed by that key, or one that is trusted.

    Credentials come from the vendor's own environment variables and files; a registry's,
    from docker's configuration.
    """
    if (subject or as_image) and not store.lower().startswith("oci:"):
        raise typer.BadParameter("--subject and --as-image are for registries: oci://…")
    if subject and as_image:
        raise typer.BadParameter("an image is attached to none: --subject or --as-image")
    trusted = trusting_inputs([bundle], trust, key, unsigned=unsigned)
    to = store_of(store)
    if not to.writable:
        raise typer.BadParameter(f"{to.name} is one object, to be read: push to a folder's name")
    source = opened(bundle, policy=trusted.policy, whole=True)
    if as_image:
        _put_image(_registry(to), b"".join(ranges(source.source, 0, source.size)), as_json)
        return
    there = reading_of(store, trusted.policy)
    traffic = Traffic()
    put_now = []
    try:
        for data in lacking(source, there.bundle, trusted.signer):
            with progress("pushing", len(data)) as advance:
                patience = Patience(COMMAND_SECONDS)
                put_now.append(put(to, data, patience=patience, traffic=traffic))
                advance(len(data))
        if subject is not None:
            Patience(COMMAND_SECONDS).wait(_registry(to).attach(subject))
    except (StoreError, MisuseError) as error:
        raise StoreError(f"{to.name}: {error}") from error
    if as_json:
        pieces = [{"name": p.name, "size": p.size, "is_new": p.is_new} for p in put_now]
        tell({"ok": True, "pieces": pieces, "sent": traffic.sent})
        return
    new = [piece for piece in put_now if piece.is_new]
    if not new:
        print(f"{text.safe(to.name)}: all of it is there already")
        return
    size = text.size(sum(piece.size for piece in new))
    print(f"{text.safe(to.name)}: {text.plural(len(new), 'piece')} more, {size}")
    for piece in new:
        print(f"  {piece.name}")


def _put_image(to: RegistryStore, data: bytes, as_json: bool) -> None:
    with progress("pushing", len(data)) as advance:
        is_new = Patience(COMMAND_SECONDS).wait(to.put_image(data))
        advance(len(data))
    if as_json:
        tell({"ok": True, "is_new": is_new, "size": len(data)})
        return
    what = f"an image of one file, {text.size(len(data))}" if is_new else "it is there already"
    print(f"{text.safe(to.name)}: {what}")


def _registry(to: Store) -> RegistryStore:
    assert isinstance(to, RegistryStore)
    return to
