"""Small valid bundles that defects are put into, and how to put one in."""

from collections.abc import Callable
from dataclasses import replace

from precompile.v1 import bundle_pb2
from precompile_conformance.build import Artifact, Block, BuiltBundle, Segment, bundle

Edit = Callable[[bundle_pb2.Manifest], object]

PLAIN = Segment(artifacts=(Artifact("one", b"first content"), Artifact("two", b"second content")))
MORE = Segment(artifacts=(Artifact("three", b"third content"),))
CONTENT = b"some content, some content, some content"
GOOD = Artifact("good", b"content of a block that nobody touched")


def two() -> BuiltBundle:
    """A chain of PLAIN and MORE: the base of most defects."""
    return bundle(PLAIN, MORE)


def edited(edit: Edit, segment: Segment = MORE) -> BuiltBundle:
    """PLAIN, and behind it a segment with its manifest edited."""
    return bundle(PLAIN, replace(segment, edit=edit))


def edits(*steps: Edit) -> Edit:
    """All of the steps as one edit of a manifest."""

    def edit(manifest: bundle_pb2.Manifest) -> None:
        for step in steps:
            step(manifest)

    return edit


def beside_good(*blocks: Block, content: bytes = CONTENT) -> BuiltBundle:
    """A good block, and the blocks told, the first of them with the artifact "one"."""
    artifacts = (GOOD, Artifact("one", content))
    return bundle(Segment(artifacts=artifacts, blocks=(Block(GOOD.content), *blocks)))


def put(data: bytes, at: int, value: bytes) -> bytes:
    """The data with other bytes from `at` on."""
    return data[:at] + value + data[at + len(value) :]


def flip(data: bytes, at: int) -> bytes:
    """The data with one bit of the byte `at` another."""
    return put(data, at, bytes([data[at] ^ 1]))
