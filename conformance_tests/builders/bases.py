"""Small valid bundles that defects are put into, and how to put one in."""

from collections.abc import Callable
from dataclasses import replace

from precompile.v1 import artifact_pb2, bundle_pb2
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


def set_in(column: str, index: int, value: int | str) -> Edit:
    """One element of a column of the table is another."""

    def edit(manifest: bundle_pb2.Manifest) -> None:
        getattr(manifest.artifacts, column)[index] = value

    return edit


def detail_of(manifest: bundle_pb2.Manifest, artifact: int = 0) -> artifact_pb2.ArtifactDetail:
    """The detail of an artifact, made where there is none."""
    for detail in manifest.artifacts.details:
        if detail.artifact == artifact:
            return detail
    return manifest.artifacts.details.add(artifact=artifact)


def first_twice(manifest: bundle_pb2.Manifest) -> None:
    """The table's first artifact stands at its end once more."""
    table = manifest.artifacts
    for name in ("type", "key", "content_size", "block", "offset"):
        column = getattr(table, name)
        column.append(column[0])
    table.content_digest += table.content_digest[:32]


def digest_at(index: int, digest: bytes) -> Edit:
    """An artifact's content_digest is another."""

    def edit(manifest: bundle_pb2.Manifest) -> None:
        digests = manifest.artifacts.content_digest
        manifest.artifacts.content_digest = put(digests, 32 * index, digest)

    return edit


def kind_of_first(kind: int) -> Edit:
    """The kind of the first type is another."""

    def edit(manifest: bundle_pb2.Manifest) -> None:
        setattr(manifest.artifacts.types[0], "kind", kind)  # noqa: B010  # any number

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
