"""`precompile show`: one artifact, and the source of a compiled graph, without unpickling it."""

import pickletools
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from precompile_context.bundle import Bundle, StoredArtifact
from precompile_context.cli import refusal, text
from precompile_context.cli.inspect import describe_artifact
from precompile_context.cli.stores import opened
from precompile_context.cli.told import tell
from precompile_context.trust import UNSIGNED

app = typer.Typer()

# Shorter texts are names.
_LEAST_LINES = 3


@app.command()
def show(
    file: Annotated[str, typer.Argument(metavar="BUNDLE", help="A file, or a store's name.")],
    key: Annotated[
        str,
        typer.Argument(metavar="KEY", help="The artifact's key, or as much of it as no other has."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="The same, for programs.")] = False,
) -> None:
    """Show an artifact: its fields, its backends, and the source that it was compiled from.

    Source is looked for in pickles without unpickling them, and so shown of anyone's
    bundle; content that is text is shown as it is. What is read is verified.
    """
    bundle = opened(file, policy=UNSIGNED)
    found = _find(bundle, key)
    if not found:
        raise refusal.lacking(file, f"key that begins with {key!r}")
    keys = sorted({artifact.key for artifact in found})
    if len(keys) > 1:
        shown = ", ".join(map(text.safe, keys[:4])) + (", …" if len(keys) > 4 else "")
        raise typer.BadParameter(f"{key} begins {len(keys)} keys: {shown}")
    with refusal.about(file):
        described = [_describe(bundle, artifact) for artifact in found]
    if as_json:
        tell({"artifacts": described})
        return
    for facts in described:
        _print(facts)


def _find(bundle: Bundle, key: str) -> list[StoredArtifact]:
    """The current artifacts with this key, else those whose keys begin so."""
    current = list(bundle.current().values())
    exact = [artifact for artifact in current if artifact.key == key]
    return exact or [artifact for artifact in current if artifact.key.startswith(key)]


def _describe(bundle: Bundle, artifact: StoredArtifact) -> dict[str, Any]:
    content = bundle.read(artifact)
    facts = describe_artifact(bundle, artifact, current=True)
    return {**facts, "segment": artifact.segment, "sources": list(sources(content))}


def sources(content: bytes) -> Iterator[str]:
    """Texts of several lines in a pickle, longest first; the content itself where it is text.

    Nothing is unpickled: the pickle's instructions are read, and none is carried out.
    """
    found: dict[str, None] = {}
    try:
        for _, argument, _ in pickletools.genops(content):
            if isinstance(argument, str) and argument.count("\n") >= _LEAST_LINES:
                found[argument] = None
    except Exception:  # no pickle, or one that is cut off: what stands before is shown
        pass
    if found:
        yield from sorted(found, key=len, reverse=True)
    elif content and _is_text(content):
        yield content.decode()


def _is_text(content: bytes) -> bool:
    try:
        return all(char.isprintable() or char in "\n\t" for char in content.decode())
    except UnicodeDecodeError:
        return False


def _print(facts: dict[str, Any]) -> None:
    size = text.size(facts["content_size"])
    print(f"{text.safe(facts['type'])} {text.safe(facts['key'])}")
    print(f"  {facts['kind'].lower()} of segment {facts['segment']}, {size}")
    for name, value in facts["attributes"].items():
        print(f"  {text.safe(name)} = {text.shorten(text.safe(str(value)), text.WIDTH - 30)}")
    for backend in facts["backends"]:
        print(f"  names {text.safe(backend['type'])} {text.safe(backend['key'])}")
    if not facts["sources"]:
        print("  no source in it: precompile extract writes its content to a file")
    for source in facts["sources"]:
        print()
        print("\n".join(text.safe(line.expandtabs(4)) for line in source.splitlines()))
