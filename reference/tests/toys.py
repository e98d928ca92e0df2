"""Artifact types of a toy compiler, contexts that know them, and short ways to both."""

import contextlib
import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from precompile_context import (
    ArtifactId,
    ArtifactKind,
    BundleFile,
    CacheArtifact,
    Environment,
    ErrorCode,
    MemoryPrecompileCache,
    PrecompileCacheArtifact,
    PrecompileContext,
    PrecompileError,
    Registry,
    StitchedEntry,
)
from precompile_context.bundle import Bundle, Chain, NewArtifact, SegmentWriter
from precompile_context.environment import Requirement
from precompile_context.trust import UNSIGNED

# Content that the toys refuse to be applied with.
REFUSED = b"refused"
HERE = Environment.of(cpu="avx2")
ELSEWHERE = Environment.of(cpu="avx512")

Name = tuple[str, str]


@dataclass(frozen=True)
class Blob(CacheArtifact):
    """Goes to `populated`, the toy compiler's cache."""

    TYPE = "test.blob"
    populated: ClassVar[list[tuple[str, bytes]]] = []

    def populate_cache(self) -> None:
        if self.content == REFUSED:
            raise ValueError("the toy cache refuses it")
        self.populated.append((self.key, self.content))


@dataclass(frozen=True)
class Graph(PrecompileCacheArtifact[str]):
    """A backend; stands for its content as text."""

    TYPE = "test.graph"

    def after_deserialization(self) -> str:
        if self.content == REFUSED:
            raise ValueError("the toy deserializer refuses it")
        return self.content.decode()


@dataclass(frozen=True)
class Kernel(PrecompileCacheArtifact[bytes]):
    """A backend with one field of each type that can travel."""

    TYPE = "test.kernel"

    symbol: str = "main"
    warps: int = 4
    seconds: float = 0.5
    pinned: bool = False
    signature: bytes = b""

    def after_deserialization(self) -> bytes:
        return self.content


@dataclass(frozen=True)
class Step(PrecompileCacheArtifact[None]):
    """An entry."""

    TYPE = "test.step"
    KIND = ArtifactKind.ENTRY

    guard: str = ""

    def after_deserialization(self) -> None:
        return None


BLOB, GRAPH, KERNEL, STEP = Blob.TYPE, Graph.TYPE, Kernel.TYPE, Step.TYPE


class FailingCache(MemoryPrecompileCache):
    """Refuses the entries with the key "full" as a full disk does."""

    def write(self, stitched: StitchedEntry) -> None:
        if stitched.entry.key == "full":
            raise OSError(28, "No space left on device")
        super().write(stitched)


def toy_registry() -> Registry:
    """A registry that knows the four types above."""
    registry = Registry()
    for cls in (Blob, Graph, Kernel, Step):
        registry.register(cls)
    return registry


def toy_context(environment: Environment | None = None, **options: Any) -> PrecompileContext:
    """An empty context that knows the four types, and trusts everyone unless told otherwise."""
    options = {"policy": UNSIGNED, **options}
    return PrecompileContext(environment=environment, registry=toy_registry(), **options)


def blobs(environment: Environment | None = None, /, **contents: bytes) -> PrecompileContext:
    """A context with a recorded blob for each keyword."""
    context = toy_context(environment)
    for key, content in contents.items():
        context.record_artifact(BLOB, key, content)
    return context


def graph_and_step(graph: bytes = b"graph") -> PrecompileContext:
    """A context with an entry "s" and its backend "g"."""
    context = toy_context()
    context.record_artifact(GRAPH, "g", graph)
    context.record_artifact(STEP, "s", b"step", backends=[(GRAPH, "g")])
    return context


def serialized(context: PrecompileContext) -> bytes:
    """The context's bundle, which must not be None."""
    result = context.serialize()
    assert result is not None
    return result[0]


def loaded(data: bytes, environment: Environment | None = None) -> PrecompileContext:
    """A new context with the bundle loaded."""
    context = toy_context(environment)
    context.load(data)
    return context


def names(context: PrecompileContext) -> list[Name]:
    """(type, key) of what is current, in its order."""
    return [(id_.type, id_.key) for id_ in context.current()]


def contents(context: PrecompileContext) -> dict[Name, bytes]:
    """Content of what is current, in its order."""
    found = {name: context.lookup(*name) for name in names(context)}
    return {name: artifact.content for name, artifact in found.items() if artifact}


def bundle_contents(data: bytes, environment: Environment | None = None) -> dict[Name, bytes]:
    """As `contents`, straight from a bundle, everything verified before."""
    bundle = Bundle.open(data, policy=UNSIGNED)
    bundle.verify()
    segments = bundle.segments if environment is None else bundle.matching(environment)
    return {name: bundle.read(stored) for name, stored in bundle.current(segments).items()}


def segment_count(data: bytes) -> int:
    """Segments of a bundle."""
    return len(Bundle.open(data, policy=UNSIGNED).segments)


def stored_backend_digest(data: bytes) -> bytes:
    """The digest by which a bundle's entry "s" names its one backend."""
    (backend,) = Bundle.open(data, policy=UNSIGNED).current()[STEP, "s"].backends
    return backend.content_digest


def sha256(content: bytes) -> bytes:
    """The digest of every kind in a bundle."""
    return hashlib.sha256(content).digest()


def new_artifact(
    key: str,
    content: bytes = b"",
    *,
    type: str = BLOB,
    kind: ArtifactKind | int = ArtifactKind.CACHE,
    backends: tuple[ArtifactId, ...] = (),
    **fields: Any,
) -> NewArtifact:
    """An artifact as a segment writer takes it."""
    return NewArtifact(
        type, key, kind, sha256(content), content, backends, tuple(sorted(fields.items()))
    )


def write_segment(
    *artifacts: NewArtifact,
    chain: Chain | None = None,
    requirements: tuple[Requirement, ...] = (),
    removed: tuple[Name, ...] = (),
) -> bytes:
    """One segment's bytes; it becomes part of `chain`."""
    writer = SegmentWriter(Chain() if chain is None else chain, requirements=requirements)
    gone = tuple(ArtifactId(*name) for name in removed)
    return b"".join(writer.chunks(artifacts, gone))


def noise(size: int, seed: int = 0) -> bytes:
    """Bytes that do not compress, the same each time."""
    return random.Random(seed).randbytes(size)


@contextlib.contextmanager
def refused(code: ErrorCode) -> Iterator[pytest.ExceptionInfo[PrecompileError]]:
    """The block raises a PrecompileError with this code."""
    with pytest.raises(PrecompileError) as caught:
        yield caught
    assert caught.value.code is code


def save(file: BundleFile, **contents: bytes) -> None:
    """Append a blob for each keyword, as another process would."""
    blobs(None, **contents).save_to(file)


def file_contents(file: BundleFile) -> dict[Name, bytes]:
    """What a file holds, all of it verified."""
    return bundle_contents(file.path.read_bytes())


def readable_contents(path: Path) -> dict[Name, bytes]:
    """What a reader gets of a file, all verified, a torn tail left out; {} where it gets none."""
    try:
        opened = BundleFile(path).open(policy=UNSIGNED)
    except (FileNotFoundError, PrecompileError):
        return {}
    opened.verify()
    return {name: opened.read(stored) for name, stored in opened.current().items()}


def file_segment_count(file: BundleFile) -> int:
    """Segments of a file."""
    return segment_count(file.path.read_bytes())


def flip(data: bytes, at: int) -> bytes:
    """The data with one bit of the byte `at` another."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
