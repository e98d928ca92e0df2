"""The hex examples of the norm: they are what the reference shows, reads and writes again.

```hex bundle NAME              a complete bundle
```hex segment NAME after BASE  a segment that follows the bundle BASE
"""

import re
from collections.abc import Iterator

from precompile_conformance.spec.hex_listing import parse

_FENCE = re.compile(r"^```hex (bundle|segment) (\w+)(?: after (\w+))?\n(.*?)\n```$", re.M | re.S)
_CHANGE = re.compile(
    r"^\| (\w+) \| ([0-9A-F]{4}) \| ([0-9A-F]{2}) \| ([0-9A-F]{2}) \| ([A-Z_]+) \| (\d+) \|$", re.M
)


def bundles(text: str) -> dict[str, bytes]:
    """The examples by name, each as a complete bundle.

    Raises:
        ValueError: one is not annotated hex, or follows an example that is not there.
    """
    found: dict[str, bytes] = {}
    for kind, name, base, lines in _FENCE.findall(text):
        if kind == "segment" and base not in found:
            raise ValueError(f"example {name} follows {base or 'nothing'}")
        found[name] = (found[base] if kind == "segment" else b"") + parse(lines)
    return found


def faults(text: str) -> Iterator[str]:
    """What is wrong with the examples and with the table of changed bytes."""
    try:
        examples = bundles(text)
    except ValueError as error:
        yield str(error)
        return
    if not examples:
        yield "there is no example"
    for name, data in examples.items():
        yield from _round_trip(name, data)
    yield from _listings(text, examples)
    changes = _CHANGE.findall(text)
    if not changes:
        yield "there is no table of changed bytes"
    for name, at, old, new, code, offset in changes:
        position = int(at, 16)
        sound = examples.get(name, b"")
        if sound[position : position + 1] != bytes.fromhex(old):
            yield f"byte {at} of example {name} is not {old}"
            continue
        outcome = _outcome(sound[:position] + bytes.fromhex(new) + sound[position + 1 :])
        if outcome != f"{code} at {offset}":
            yield f"byte {at} of {name} changed to {new}: {outcome}, not {code} at {offset}"


def _listings(text: str, examples: dict[str, bytes]) -> Iterator[str]:
    """Each example is what `precompile inspect --bytes` prints of it, notes included."""
    from precompile_context.bundle.annotated import annotate
    from precompile_context.bundle.source import BufferSource

    for _, name, base, lines in _FENCE.findall(text):
        start = len(examples[base]) if base else 0
        told = lines.splitlines()
        shown = list(annotate(BufferSource(examples[name]), start=start))
        if told != shown:
            line = next((a for a, b in zip(told, shown, strict=False) if a != b), "its length")
            yield f"example {name} is not what inspect --bytes prints: {line}"


def _round_trip(name: str, data: bytes) -> Iterator[str]:
    """Write what the reference reads: the bytes must be the same."""
    from precompile_context import UNSIGNED, Bundle, PrecompileError
    from precompile_context.bundle import Chain, NewArtifact, SegmentWriter

    try:
        bundle = Bundle.open(data, policy=UNSIGNED)
        bundle.verify()
        chain, again = Chain(), b""
        for segment in bundle.segments:
            manifest = segment.manifest
            writer = SegmentWriter(
                chain, requirements=manifest.requirements, producer=manifest.producer
            )
            artifacts = [
                NewArtifact(
                    a.type, a.key, a.kind, a.content_digest, bundle.read(a), a.backends, a.fields
                )
                for a in manifest.artifacts
            ]
            again += b"".join(writer.chunks(artifacts, manifest.removed))
    except PrecompileError as error:
        yield f"example {name} is refused: {error}"
        return
    if again != data:
        yield f"example {name} is not what the reference writes of it"


def _outcome(data: bytes) -> str:
    from precompile_context import UNSIGNED, Bundle, PrecompileError

    try:
        Bundle.open(data, policy=UNSIGNED).verify()
    except PrecompileError as error:
        return f"{error.code.name} at {error.offset}"
    return "accepted"
