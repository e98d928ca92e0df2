"""`precompile extract`: one artifact's content, verified."""

import errno
import sys
from pathlib import Path
from typing import Annotated

import typer

from precompile_context import files
from precompile_context.bundle import Bundle, StoredArtifact
from precompile_context.cli import refusal, text
from precompile_context.cli.stores import opened
from precompile_context.cli.told import tell
from precompile_context.trust import UNSIGNED

app = typer.Typer()


@app.command()
def extract(
    file: Annotated[str, typer.Argument(metavar="BUNDLE", help="A file, or a store's name.")],
    type_name: Annotated[str, typer.Argument(metavar="TYPE", help="The artifact's type.")],
    key: Annotated[str, typer.Argument(metavar="KEY", help="The artifact's key.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT", help="Where to; - is standard output.")
    ],
    segment: Annotated[
        int | None, typer.Option(help="From this segment; by default from the last that has it.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="What was written, for programs.")
    ] = False,
) -> None:
    """Write the content of an artifact to a file, whatever host it was made for.

    The content is data: nothing is executed or unpickled, so no signature is asked
    for. The file appears whole and undamaged, or not at all.
    """
    bundle = opened(file, policy=UNSIGNED)
    artifact = _find(file, bundle, type_name, key, segment)
    with refusal.about(file):
        if str(output) == "-":
            _write_out(bundle.read(artifact))
            return
        if output.exists() and not output.is_file():
            with output.open("wb") as device:  # or a pipe
                device.write(bundle.read(artifact))
        else:
            files.replace(output, bundle.stream(artifact))
    if as_json:
        facts = {
            "type": type_name,
            "key": key,
            "segment": artifact.segment,
            "content_size": artifact.content_size,
            "content_digest": artifact.content_digest.hex(),
            "output": str(output),
        }
        tell(facts)
    else:
        print(f"{text.safe(str(output))}: {text.size(artifact.content_size)}")


def _write_out(content: bytes) -> None:
    """All of it is verified before the first byte goes out: a pipe cannot be taken back."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, "standard output is closed")
    sys.stdout.buffer.write(content)
    sys.stdout.flush()


def _find(
    file: str, bundle: Bundle, type_name: str, key: str, segment: int | None
) -> StoredArtifact:
    if segment is not None and not 0 <= segment < len(bundle.segments):
        raise typer.BadParameter(f"the bundle has segments 0 to {len(bundle.segments) - 1}")
    segments = None if segment is None else bundle.segments[segment : segment + 1]
    artifact = bundle.current(segments).get((type_name, key))
    if artifact is None:
        raise refusal.lacking(file, f"{type_name} {key!r}")
    return artifact
