"""Inputs too large to be kept: made when they are asked for, in files with holes."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from precompile.v1 import artifact_pb2, bundle_pb2
from precompile_conformance.build import PAYLOAD_TYPE, Artifact, Segment, bundle
from precompile_conformance.wire import (
    FOOTER_SIZE,
    HEADER,
    MANIFEST_TAG,
    block_prefix,
    block_record_size,
    footer,
    record,
    sha256,
)

_STEP = 64 << 20
FIRST, LAST = b"before the hole", b"behind the hole"
MOST = 1 << 30  # bytes of the longest block record
COMPLETE, TORN = bundle(Segment(artifacts=(Artifact("first", FIRST),))), b"torn"


@dataclass(frozen=True)
class Hole:
    """A block of so many zero bytes, which take no room on a disk that knows holes."""

    size: int

    def digest(self) -> bytes:
        """SHA-256 of that many zero bytes."""
        digest = hashlib.sha256()
        zeros = bytes(_STEP)
        for start in range(0, self.size, _STEP):
            digest.update(memoryview(zeros)[: min(_STEP, self.size - start)])
        return digest.digest()


def make(recipe: str, path: Path) -> None:
    """Write the input of this recipe.

    Raises:
        ValueError: there is no such recipe.
    """
    if recipe not in RECIPES:
        raise ValueError(f"no recipe is called {recipe!r}")
    RECIPES[recipe](path)


def _with_holes(path: Path, holes: list[Hole]) -> None:
    """One segment: a small artifact, the holes as one artifact, a small artifact behind them."""
    manifest = bundle_pb2.Manifest()
    digests = {hole: hole.digest() for hole in set(holes)}
    with path.open("wb") as file:
        file.write(HEADER)
        _small(file, manifest, "first", FIRST)
        for hole in holes:
            prefix = block_prefix(hole.size)
            file.write(prefix)
            file.seek(hole.size, 1)
            _entry(manifest, digests[hole], len(prefix) + hole.size, hole.size)
        whole = manifest.artifacts.add(
            type="test.blob", key="zeros", kind=artifact_pb2.ARTIFACT_KIND_CACHE
        )
        whole.content_size = sum(hole.size for hole in holes)
        whole.content_digest = Hole(whole.content_size).digest()
        for index, hole in enumerate(holes):
            whole.extents.add(block=1 + index, size=hole.size)
        _small(file, manifest, "last", LAST)
        _finish(file, manifest)


def _small(file, manifest: bundle_pb2.Manifest, key: str, content: bytes) -> None:  # type: ignore[no-untyped-def]
    prefix = block_prefix(len(content))
    file.write(prefix + content)
    _entry(manifest, sha256(content), len(prefix) + len(content), len(content))
    artifact = manifest.artifacts.add(
        type="test.blob", key=key, kind=artifact_pb2.ARTIFACT_KIND_CACHE,
        content_digest=sha256(content), content_size=len(content),
    )  # fmt: skip
    artifact.extents.add(block=len(manifest.blocks) - 1, size=len(content))


def _entry(manifest: bundle_pb2.Manifest, digest: bytes, size: int, content_size: int) -> None:
    manifest.blocks.add(
        digest=digest, size=size, compression=bundle_pb2.COMPRESSION_NONE, content_size=content_size
    )


def _finish(file, manifest: bundle_pb2.Manifest, start: int = 0) -> None:  # type: ignore[no-untyped-def]
    """The manifest record and the footer behind what was written of the segment at `start`."""
    manifest_offset = file.tell() - start
    payload = manifest.SerializeToString(deterministic=True)
    envelope = bundle_pb2.Envelope(
        payload=payload, payload_type=PAYLOAD_TYPE, payload_digest=sha256(payload)
    )
    file.write(record(MANIFEST_TAG, envelope.SerializeToString(deterministic=True)))
    file.write(footer(manifest_offset, file.tell() + FOOTER_SIZE - start))


def _many_artifacts(path: Path) -> None:
    """100,000 artifacts of one byte each, all in one block."""
    content = bytes(range(256))
    manifest = bundle_pb2.Manifest()
    with path.open("wb") as file:
        prefix = block_prefix(len(content))
        file.write(HEADER + prefix + content)
        _entry(manifest, sha256(content), len(prefix) + len(content), len(content))
        for index in range(100_000):
            byte = content[index % 256 : index % 256 + 1]
            artifact = manifest.artifacts.add(
                type="test.blob", key=f"{index:06}", kind=artifact_pb2.ARTIFACT_KIND_CACHE,
                content_digest=sha256(byte), content_size=1,
            )  # fmt: skip
            artifact.extents.add(block=0, offset=index % 256, size=1)
        _finish(file, manifest)


def _around_a_record(size: int, path: Path) -> None:
    """A block record of so many bytes between two small artifacts."""
    manifest = bundle_pb2.Manifest()
    with path.open("wb") as file:
        file.write(HEADER)
        _small(file, manifest, "first", FIRST)
        _record_of(file, size)
        manifest.blocks.append(entry_of_record(size))
        _small(file, manifest, "last", LAST)
        _finish(file, manifest)


def _record_of(file, size: int) -> None:  # type: ignore[no-untyped-def]
    prefix = block_prefix(block_record_size(size))
    file.write(prefix)
    file.seek(size - len(prefix), 1)


def entry_of_record(size: int) -> bundle_pb2.BlockEntry:
    """What is said of a large record: five bytes, so that it is refused before it is read."""
    return bundle_pb2.BlockEntry(
        digest=bytes(32), size=size, compression=bundle_pb2.COMPRESSION_NONE, content_size=5
    )


def _torn_behind_a_record(size: int, path: Path) -> None:
    """COMPLETE, a segment that is a block record of so many bytes, and TORN."""
    start = len(COMPLETE.data)
    manifest = bundle_pb2.Manifest(previous_manifest_digest=sha256(COMPLETE.segments[0].payload))
    manifest.blocks.append(entry_of_record(size))
    with path.open("wb") as file:
        file.write(COMPLETE.data + HEADER)
        _record_of(file, size)
        _finish(file, manifest, start)
        file.write(TORN)


_BLOCK = 64 << 20
RECIPES: dict[str, Callable[[Path], None]] = {
    "past-2-gib": lambda path: _with_holes(path, [Hole(_BLOCK)] * 33),
    "past-4-gib": lambda path: _with_holes(path, [Hole(_BLOCK)] * 65),
    "100000-artifacts": _many_artifacts,
    "with-a-record-of-1-gib": partial(_around_a_record, MOST),
    "with-a-record-over-1-gib": partial(_around_a_record, MOST + 1),
    "torn-behind-a-record-of-1-gib": partial(_torn_behind_a_record, MOST),
    "torn-behind-a-record-over-1-gib": partial(_torn_behind_a_record, MOST + 1),
}


def recipes() -> Iterator[str]:
    """Their names."""
    return iter(RECIPES)
