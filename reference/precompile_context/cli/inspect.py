"""`precompile inspect`: what a bundle holds, without reading any content."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from precompile_context.artifact import ArtifactKind
from precompile_context.bundle import Bundle, Segment, StoredArtifact
from precompile_context.bundle.annotated import annotate
from precompile_context.bundle.manifest import NONE, ZSTD
from precompile_context.cli import environments, signatures, text
from precompile_context.cli.keys import read_keys
from precompile_context.cli.page import embedded
from precompile_context.cli.stores import opened
from precompile_context.cli.told import tell
from precompile_context.environment import Match
from precompile_context.files import BundleFile, replace
from precompile_context.stores import is_store_name
from precompile_context.trust import UNSIGNED
from precompile_context.trust.pem import Believed

app = typer.Typer()

# More are shown by environment.
_MOST_SEGMENTS = 6
# Eight lines: what a value is, and that it goes on.
_BYTES_OF_A_VALUE = 128


@app.command()
def inspect(
    file: Annotated[str, typer.Argument(metavar="BUNDLE", help="A file, or a store's name.")],
    as_json: Annotated[bool, typer.Option("--json", help="All of it, for programs.")] = False,
    full: Annotated[bool, typer.Option("--full", help="List every artifact and value.")] = False,
    as_bytes: Annotated[
        bool,
        typer.Option("--bytes", help="Every byte and what it is; with --full, of long values too."),
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(
            help="Write a page that shows its index offline; with --full, its content too.",
            metavar="OUT.html",
        ),
    ] = None,
    trust: Annotated[
        list[str] | None,
        typer.Option(
            help="Show what this public key signed as trusted, as with your own; may be repeated.",
            metavar="KEY",
        ),
    ] = None,
) -> None:
    """Show segments, who signed them, what they require of a host, artifacts, and what repeats.

    Reads the indexes alone; `precompile verify` checks the content too. It applies
    nothing, and so shows a bundle of anyone.
    """
    if html is not None and html.resolve() == Path(file).resolve():
        raise typer.BadParameter("--html: the page would replace the bundle")
    if as_bytes + as_json + (html is not None) > 1:
        raise typer.BadParameter("--json, --bytes and --html exclude each other")
    if as_bytes:
        _print_bytes(file, full)
        return
    keys = signatures.known_keys(read_keys(trust))
    bundle = opened(file, policy=UNSIGNED)
    if html is not None:
        name = Path(file).name
        replace(html, [embedded(name, bundle, full=full).encode()])
    elif as_json:
        tell(describe(bundle, keys))
    else:
        _print(file, bundle, full, keys)


def _print_bytes(file: str, full: bool) -> None:
    """The bytes, and then what they are refused for: whoever mends a writer wants to see both."""
    source = (
        opened(file, policy=UNSIGNED).source if is_store_name(file) else BundleFile(file).source()
    )
    for line in annotate(source, most=None if full else _BYTES_OF_A_VALUE):
        print(line)
    Bundle.open(source, policy=UNSIGNED)


def describe(bundle: Bundle, keys: Sequence[Believed] = ()) -> dict[str, Any]:
    """The bundle as plain values; field names are stable."""
    current = {(a.segment, a.type, a.key) for a in bundle.current().values()}
    signed = signatures.describe(bundle, keys)
    return {
        "size": bundle.size,
        "ignored": bundle.ignored,
        "digest": bundle.digest.hex(),
        "repeats": repeats(bundle),
        "segments": [
            _describe_segment(bundle, segment, current) | {"signatures": signed[segment.index]}
            for segment in bundle.segments
        ],
    }


def _describe_segment(
    bundle: Bundle, segment: Segment, current: set[tuple[int, str, str]]
) -> dict[str, Any]:
    manifest = segment.manifest
    return {
        "offset": segment.offset,
        "size": segment.size,
        "payload_digest": segment.payload_digest.hex(),
        "begins_chain": segment.begins_chain,
        "producer": {"name": manifest.producer.name, "version": manifest.producer.version},
        "requirements": [
            {"name": r.name, "match": _match(r.match), "values": list(r.values)}
            for r in manifest.requirements
        ],
        "blocks": [
            {
                "offset": place.offset,
                "size": entry.size,
                "external": entry.size == 0,
                "compression": _compression(entry.compression),
                "content_size": entry.content_size,
                "digest": entry.digest.hex(),
            }
            for entry, place in zip(manifest.blocks, segment.blocks, strict=True)
        ],
        "artifacts": [
            describe_artifact(bundle, a, (a.segment, a.type, a.key) in current)
            for a in manifest.artifacts
        ],
        "removed": [{"type": r.type, "key": r.key} for r in manifest.removed],
    }


def describe_artifact(bundle: Bundle, artifact: StoredArtifact, current: bool) -> dict[str, Any]:
    """An artifact as plain values; field names are stable."""
    return {
        "type": artifact.type,
        "key": artifact.key,
        "kind": _kind(artifact.kind),
        "current": current,
        "content_size": artifact.content_size,
        "content_digest": artifact.content_digest.hex(),
        "blocks": list(bundle.blocks(artifact)),
        "backends": [
            {"type": b.type, "key": b.key, "content_digest": b.content_digest.hex()}
            for b in artifact.backends
        ],
        "attributes": {name: text.plain(value) for name, value in artifact.attributes.items()},
    }


def repeats(bundle: Bundle) -> dict[str, int]:
    """How often content is named again, what that would have taken, and what is superseded."""
    seen: dict[bytes, int] = {}
    again = saved = 0
    artifacts = [a for segment in bundle.segments for a in segment.manifest.artifacts]
    for artifact in artifacts:
        if artifact.content_digest in seen:
            again += 1
            saved += artifact.content_size
        seen[artifact.content_digest] = artifact.content_size
    return {
        "contents_named_again": again,
        "bytes_not_stored_again": saved,
        "superseded_or_removed": len(artifacts) - len(bundle.current()),
    }


def _match(value: int) -> str:
    return value.name if isinstance(value, Match) else f"MATCH_{value}"


def _kind(value: int) -> str:
    return value.name if isinstance(value, ArtifactKind) else f"KIND_{value}"


def _compression(value: int) -> str:
    return "NONE" if value == NONE else "ZSTD" if value == ZSTD else f"COMPRESSION_{value}"


def _print(file: str, bundle: Bundle, full: bool, keys: Sequence[Believed]) -> None:
    content = sum(a.content_size for s in bundle.segments for a in s.manifest.artifacts)
    count = sum(len(segment.manifest.artifacts) for segment in bundle.segments)
    print(
        f"{text.safe(file)}: {text.plural(len(bundle.segments), 'segment')}, "
        f"{text.plural(count, 'artifact')}, {text.size(bundle.size)}"
    )
    print(f"  content   {text.size(content)}, {content / bundle.size:.1f} times the file's size")
    print(f"  digest    {bundle.digest.hex()}")
    facts = repeats(bundle)
    if facts["contents_named_again"]:
        print(
            f"  repeats   {text.plural(facts['contents_named_again'], 'content')} named again, "
            f"{text.size(facts['bytes_not_stored_again'])} not stored again"
        )
    if facts["superseded_or_removed"]:
        print(
            f"  obsolete  {text.plural(facts['superseded_or_removed'], 'artifact')} "
            "superseded or removed by a later segment"
        )
    if bundle.ignored:
        print(
            f"  ignored   {text.size(bundle.ignored)} after the last complete segment, "
            f"from byte {bundle.size}"
        )
    signed = [signatures.lines(one, full=full) for one in signatures.describe(bundle, keys)]
    if len(bundle.segments) > _MOST_SEGMENTS and not full:
        for line in environments.groups(bundle, signed):
            text.heading(line) if line.startswith("environment ") else print(line)
        print("\n(--full lists every segment and artifact)")
        return
    for segment in bundle.segments:
        _print_segment(segment, full, signed[segment.index])


def _print_segment(segment: Segment, full: bool, signed: list[str]) -> None:
    manifest = segment.manifest
    chain = ", begins a chain" if segment.begins_chain else ""
    print()
    size = text.size(segment.size)
    text.heading(f"segment {segment.index} at byte {segment.offset}: {size}{chain}")
    producer = text.safe(f"{manifest.producer.name} {manifest.producer.version}".strip())
    print(f"  written by {producer or 'an unnamed program'}")
    for line in signed:
        print(f"  {line}")
    for requirement in manifest.requirements:
        print(environments.requirement_line(requirement, full=full))
    own = [entry for entry in manifest.blocks if entry.size]
    kinds = Counter(_compression(entry.compression).lower() for entry in own)
    blocks = ", ".join(f"{number} {name}" for name, number in sorted(kinds.items())) or "none"
    external = len(manifest.blocks) - len(own)
    print(f"  blocks: {blocks}" + (f"; {external} of earlier segments" if external else ""))
    _print_artifacts(segment, full)
    for removed in manifest.removed:
        print(f"  removes {text.safe(removed.type)} {text.safe(removed.key)}")


def _print_artifacts(segment: Segment, full: bool) -> None:
    groups: dict[tuple[str, str], list[StoredArtifact]] = defaultdict(list)
    for artifact in segment.manifest.artifacts:
        groups[artifact.type, _kind(artifact.kind).lower()].append(artifact)
    for (type_name, kind), artifacts in groups.items():
        total = text.size(sum(artifact.content_size for artifact in artifacts))
        print(f"  {text.plural(len(artifacts), kind + ' artifact'):>22}  {total:>8}  {type_name}")
        for artifact in artifacts if full else artifacts[:3]:
            key = text.safe(artifact.key)
            shown = key if full else text.shorten(key, text.WIDTH - 36)
            print(f"{'':24}  {text.size(artifact.content_size):>8}  {shown}")
            if artifact.kind == ArtifactKind.ENTRY:
                _print_entry(artifact, full)
        if not full and len(artifacts) > 3:
            print(f"{'':24}  {'':>8}  and {len(artifacts) - 3} more (--full lists them)")


def _print_entry(artifact: StoredArtifact, full: bool) -> None:
    """What an entry says of itself, the function's name say, and what it names."""
    for name, value in artifact.attributes.items():
        line = f"{'':36}{text.safe(name)} = "
        shown = text.safe(str(value))
        print(line + (shown if full else text.shorten(shown, text.WIDTH - len(line))))
    for backend in artifact.backends if full else artifact.backends[:3]:
        line = f"{'':36}names {text.safe(backend.type)} "
        key = text.safe(backend.key)
        print(line + (key if full else text.shorten(key, text.WIDTH - len(line))))
    if not full and len(artifact.backends) > 3:
        print(f"{'':36}and {len(artifact.backends) - 3} more")
