"""Bundles by name, for commands: a file's path, or a store's name."""

import contextlib
import sys
import time
from collections.abc import Callable
from typing import Annotated, TypeAlias

import typer

from precompile_context.bundle import Bundle
from precompile_context.cli import text
from precompile_context.cli.counted_store import CountedStore
from precompile_context.cli.progress import progress
from precompile_context.errors import MisuseError, PrecompileError
from precompile_context.files import BundleFile
from precompile_context.stores import (
    Grace,
    Level,
    Patience,
    Reading,
    Store,
    StoreError,
    StoreName,
    is_store_name,
    open_store,
    read_store,
)
from precompile_context.trust import TrustPolicy

# A person watches, and can end it.
COMMAND_SECONDS = 3600.0

GraceOption: TypeAlias = Annotated[
    float,
    typer.Option(
        "--grace",
        min=0,
        metavar="SECONDS",
        help="Of a store: so long, the pieces that are replaced are kept for who reads.",
    ),
]


def store_of(name: str) -> Store:
    """The store of this name.

    Raises:
        typer.BadParameter: no store has it.
        OSError: an extra is missing.
    """
    try:
        return open_store(name)
    except MisuseError as error:
        raise typer.BadParameter(str(error)) from None


def grace_of(seconds: float) -> Grace:
    """So long, with a line for who waits at a terminal."""

    def wait(seconds: float) -> None:
        if seconds and sys.stderr.isatty():
            print(f"waiting {seconds:g} s for who has listed the pieces", file=sys.stderr)
        time.sleep(seconds)

    return Grace(seconds, wait)


def reading_of(name: str, policy: TrustPolicy, *, whole: bool = False) -> Reading:
    """The store of this name, as it can be read; what is left out is told, a line each.

    Raises:
        typer.BadParameter: no store has this name.
        OSError: it does not answer, or, with `whole`, something is left out.
        PrecompileError: its pieces together go past the limits.
    """
    store = store_of(name)
    parsed = StoreName.parse(name)
    level = Level(f"{parsed}?{sorted(parsed.options.items())}")
    with contextlib.suppress(OSError):  # then there is none
        level.make()
    with progress("reading", None) as advance:
        counted = CountedStore(store, advance)
        patience = Patience(COMMAND_SECONDS)
        reading = read_store(counted, policy=policy, patience=patience, level=level)
    if reading.fault is not None:
        raise StoreError(f"{store.name}: {reading.fault}")
    for left in reading.left_out:
        line = f"{store.name}: piece {left.piece} is left out: {left.reason}"
        if whole:
            raise StoreError(line)
        print(f"precompile: {text.safe(line)}", file=sys.stderr)
    return reading


def opened(name: str, *, policy: TrustPolicy, recover: bool = True, whole: bool = False) -> Bundle:
    """The bundle of this name; of a store with `whole`, all of it or none.

    Raises:
        typer.BadParameter: it is a store's name, and a wrong one.
        PrecompileError, OSError: it cannot be opened.
    """
    if not is_store_name(name):
        return BundleFile(name).open(policy=policy, recover=recover)
    return bundle_in(name, reading_of(name, policy, whole=whole))


def opened_input(policy: TrustPolicy) -> Callable[[str], Bundle]:
    """As `opened`, for one of several; a rejection's text says which one it is of."""

    def open_(name: str) -> Bundle:
        try:
            return opened(name, policy=policy, whole=True)
        except PrecompileError as error:
            named = PrecompileError(error.code, f"{name}: {error.detail}", error.offset)
            named.file = name
            raise named from error

    return open_


def bundle_in(name: str, reading: Reading) -> Bundle:
    """What was read.

    Raises:
        OSError: there is no piece that could be read.
    """
    if reading.bundle is None:
        what = "no piece that can be used" if reading.left_out else "no piece"
        raise StoreError(f"{name.partition('?')[0]}: {what} is there")
    return reading.bundle
