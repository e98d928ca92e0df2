"""`precompile verify`: every digest, reference and chain of a bundle."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from precompile_context.bundle import Bundle
from precompile_context.cli import text
from precompile_context.files import BundleFile

app = typer.Typer()


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The bundle.")],
    recover: Annotated[
        bool, typer.Option("--recover", help="Leave a torn tail out instead of refusing it.")
    ] = False,
    expect: Annotated[
        str | None,
        typer.Option(metavar="DIGEST", help="The bundle digest that it must have, in hex."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The verdict, for programs.")] = False,
) -> None:
    """Read all of a bundle and check it; exit 1 with the code and the byte offset if it is bad.

    Signatures do not notice segments that were dropped from the end or put in
    another order; `--expect` does.
    """
    bundle = BundleFile(file).open(recover=recover)
    _read_all(bundle)
    as_expected = expect is None or expect.lower() == bundle.digest.hex()
    if as_json:
        print(json.dumps({"ok": as_expected, **_facts(bundle)}))
    elif as_expected:
        _print(file, bundle)
    else:
        print(f"{text.safe(str(file))}: sound, but its digest is {bundle.digest.hex()}")
    if not as_expected:
        raise typer.Exit(1)


def _read_all(bundle: Bundle) -> None:
    """Verify with a progress bar, where a person watches."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("verifying", total=bundle.size)
        bundle.verify(lambda size: progress.advance(task, size))


def _facts(bundle: Bundle) -> dict[str, Any]:
    return {
        "digest": bundle.digest.hex(),
        "segments": len(bundle.segments),
        "artifacts": sum(len(segment.manifest.artifacts) for segment in bundle.segments),
        "size": bundle.size,
        "ignored": bundle.ignored,
    }


def _print(file: Path, bundle: Bundle) -> None:
    facts = _facts(bundle)
    print(
        f"{text.safe(str(file))}: sound; {text.plural(facts['segments'], 'segment')}, "
        f"{text.plural(facts['artifacts'], 'artifact')}, {text.size(bundle.size)}"
    )
    print(f"  digest {facts['digest']}")
    print("  unsigned: the digests show that nothing was damaged, not who made it")
    if bundle.ignored:
        print(f"  left out: {bundle.ignored} bytes of a torn tail from byte {bundle.size}")
