"""What the hostile tests share: small valid bundles, and the fault that an input is refused for."""

from collections.abc import Callable, MutableSequence
from typing import Any

import pytest

from precompile.v1 import artifact_pb2, bundle_pb2
from precompile_conformance.build import Artifact, BuiltBundle, Segment, bundle
from precompile_context.bundle import Bundle
from precompile_context.errors import ErrorCode, PrecompileError
from precompile_context.trust import UNSIGNED, TrustPolicy

Fault = tuple[ErrorCode, int | None]
Edit = Callable[[bundle_pb2.Manifest], object]

PLAIN = Segment(artifacts=(Artifact("one", b"first content"), Artifact("two", b"second content")))
MORE = Segment(artifacts=(Artifact("three", b"third content"),))


def edits(*steps: Edit) -> Edit:
    """All of the steps as one edit of a manifest."""

    def edit(manifest: bundle_pb2.Manifest) -> None:
        for step in steps:
            step(manifest)

    return edit


def kind(number: int) -> Edit:
    """All artifacts of the first type are of this kind."""
    return lambda manifest: setattr(manifest.artifacts.types[0], "kind", number)


def detail(manifest: bundle_pb2.Manifest) -> artifact_pb2.ArtifactDetail:
    """That of the first artifact, for more to be put into it."""
    details = manifest.artifacts.details
    return details[0] if details else details.add()


def place(size: int, block: int, offset: int) -> Edit:
    """The first artifact's content is `size` bytes and begins there."""

    def edit(manifest: bundle_pb2.Manifest) -> None:
        table = manifest.artifacts
        table.content_size[0], table.block[0], table.offset[0] = size, block, offset

    return edit


def _columns(table: artifact_pb2.ArtifactTable) -> tuple[MutableSequence[Any], ...]:
    return table.type, table.key, table.content_size, table.block, table.offset


def drop_last(manifest: bundle_pb2.Manifest) -> None:
    """The table has its last row no more."""
    table = manifest.artifacts
    for column in _columns(table):
        column.pop()
    table.content_digest = table.content_digest[:-32]


def repeat_first(manifest: bundle_pb2.Manifest) -> None:
    """The table has its first row once more behind the last one."""
    table = manifest.artifacts
    for column in _columns(table):
        column.append(column[0])
    table.content_digest += table.content_digest[:32]


def two_segments() -> BuiltBundle:
    """A valid chain of two."""
    return bundle(PLAIN, MORE)


def open_fault(data: bytes, *, policy: TrustPolicy = UNSIGNED, **options: Any) -> Fault:
    """Code and offset for which `Bundle.open` refuses the input."""
    with pytest.raises(PrecompileError) as caught:
        Bundle.open(data, policy=policy, **options)
    return caught.value.code, caught.value.offset


def verify_fault(data: bytes, *, policy: TrustPolicy = UNSIGNED, **options: Any) -> Fault:
    """Code and offset for which an input that opens is refused once its content is read."""
    opened = Bundle.open(data, policy=policy, **options)
    with pytest.raises(PrecompileError) as caught:
        opened.verify()
    return caught.value.code, caught.value.offset


def contents(
    data: bytes, *, policy: TrustPolicy = UNSIGNED, **options: Any
) -> dict[tuple[str, str], bytes]:
    """Every current artifact's content, all of the bundle verified before."""
    opened = Bundle.open(data, policy=policy, **options)
    opened.verify()
    return {name: opened.read(artifact) for name, artifact in opened.current().items()}
