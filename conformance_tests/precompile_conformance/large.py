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
    footer,
    record,
    sha256,
)

_STEP = 64 << 20
FIRST, LAST = b"before the hole", b"behind the hole"
MOST = 1 << 26  # bytes of data in the longest block
MANY = 100_000
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
        size = sum(hole.size for hole in holes)
        _add(manifest, "zeros", Hole(size).digest(), size, block=1)
        _small(file, manifest, "last", LAST)
        _finish(file, manifest)


def _small(file, manifest: bundle_pb2.Manifest, key: str, content: bytes) -> None:  # type: ignore[no-untyped-def]
    prefix = block_prefix(len(content))
    file.write(prefix + content)
    _entry(manifest, sha256(content), len(prefix) + len(content), len(content))
    _add(manifest, key, sha256(content), len(content), block=len(manifest.blocks) - 1)


def _add(
    manifest: bundle_pb2.Manifest, key: str, digest: bytes, size: int, block: int, offset: int = 0
) -> None:
    """One artifact more."""
    table = manifest.artifacts
    if not table.types:
        table.types.add(name="test.blob", kind=artifact_pb2.ARTIFACT_KIND_CACHE)
    table.type.append(0)
    table.key.append(key)
    table.content_digest += digest
    table.content_size.append(size)
    table.block.append(block)
    table.offset.append(offset)


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
    """MANY artifacts of one byte each, all in one block."""
    content = bytes(range(256))
    manifest = bundle_pb2.Manifest()
    with path.open("wb") as file:
        prefix = block_prefix(len(content))
        file.write(HEADER + prefix + content)
        _entry(manifest, sha256(content), len(prefix) + len(content), len(content))
        table = manifest.artifacts
        table.types.add(name="test.blob", kind=artifact_pb2.ARTIFACT_KIND_CACHE)
        table.key.extend(f"{index:06}" for index in range(MANY))
        table.type.extend([0] * MANY)
        table.block.extend([0] * MANY)
        table.content_size.extend([1] * MANY)
        table.offset.extend(index % 256 for index in range(MANY))
        table.content_digest = b"".join(
            sha256(content[index % 256 : index % 256 + 1]) for index in range(MANY)
        )
        _finish(file, manifest)


def _around_a_block(size: int, path: Path) -> None:
    """A block of so many bytes of data between two small artifacts."""
    manifest = bundle_pb2.Manifest()
    with path.open("wb") as file:
        file.write(HEADER)
        _small(file, manifest, "first", FIRST)
        _block_of(file, size)
        manifest.blocks.append(entry_of_block(size))
        _small(file, manifest, "last", LAST)
        _finish(file, manifest)


def _block_of(file, size: int) -> None:  # type: ignore[no-untyped-def]
    file.write(block_prefix(size))
    file.seek(size, 1)


def entry_of_block(size: int) -> bundle_pb2.BlockEntry:
    """What is said of a large block: five bytes, so that it is refused before it is read."""
    return bundle_pb2.BlockEntry(
        digest=bytes(32), size=len(block_prefix(size)) + size,
        compression=bundle_pb2.COMPRESSION_NONE, content_size=5,
    )  # fmt: skip


def _torn_behind_a_block(size: int, path: Path) -> None:
    """COMPLETE, a segment that is a block of so many bytes of data, and TORN."""
    start = len(COMPLETE.data)
    manifest = bundle_pb2.Manifest(previous_manifest_digest=sha256(COMPLETE.segments[0].payload))
    manifest.blocks.append(entry_of_block(size))
    with path.open("wb") as file:
        file.write(COMPLETE.data + HEADER)
        _block_of(file, size)
        _finish(file, manifest, start)
        file.write(TORN)


RECIPES: dict[str, Callable[[Path], None]] = {
    "past-2-gib": lambda path: _with_holes(path, [Hole(MOST)] * 33),
    "past-4-gib": lambda path: _with_holes(path, [Hole(MOST)] * 65),
    "100000-artifacts": _many_artifacts,
    "with-a-block-of-64-mib": partial(_around_a_block, MOST),
    "with-a-block-over-64-mib": partial(_around_a_block, MOST + 1),
    "with-a-block-of-1-gib": partial(_around_a_block, 1 << 30),
    "torn-behind-a-block-of-64-mib": partial(_torn_behind_a_block, MOST),
    "torn-behind-a-block-over-64-mib": partial(_torn_behind_a_block, MOST + 1),
    "torn-behind-a-block-of-1-gib": partial(_torn_behind_a_block, 1 << 30),
}


def recipes() -> Iterator[str]:
    """Their names."""
    return iter(RECIPES)
