"""What is fuzzed. Each target takes any bytes, and ends, or a finding's exception escapes."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from fuzz import signing
from precompile_context import (
    UNSIGNED,
    ArtifactKind,
    Bundle,
    BundleFile,
    CacheArtifact,
    DirectoryPrecompileCache,
    Environment,
    Limits,
    MemoryPrecompileCache,
    PrecompileCacheArtifact,
    PrecompileContext,
    PrecompileError,
    Registry,
)
from precompile_context.adapters.pytorch.megacache import (
    from_mega_cache,
    read_mega_cache,
    to_mega_cache,
)
from precompile_context.bundle.codec import decode_manifest
from precompile_context.bundle.encode import encode_manifest
from precompile_context.bundle.forwards import complete_prefix
from precompile_context.bundle.source import BufferSource
from precompile_context.bundle.walk import walk_back
from precompile_context.trust import TrustPolicy, VerifyingKey

T = TypeVar("T")

# Zeros compress 16,000 times: what content may cost is bounded by these, not by the input.
LIMITS = Limits(
    artifact_content=16 << 20,
    total_content=64 << 20,
    total_decompressed=64 << 20,
)
# Larger inputs are for their cost: of them the operation alone is done, not what checks it.
_SMALL = 64 << 10


@dataclass(frozen=True)
class Blob(CacheArtifact):
    """Content and no more."""

    TYPE: ClassVar[str] = "test.blob"

    def populate_cache(self) -> None:
        """Goes nowhere."""


@dataclass(frozen=True)
class Code(PrecompileCacheArtifact[bytes]):
    """A backend with fields."""

    TYPE: ClassVar[str] = "test.code"

    flag: bool = False
    note: str = ""

    def after_deserialization(self) -> bytes:
        """The content itself."""
        return self.content


@dataclass(frozen=True)
class Entry(PrecompileCacheArtifact[bytes]):
    """An entry."""

    TYPE: ClassVar[str] = "test.entry"
    KIND: ClassVar[ArtifactKind] = ArtifactKind.ENTRY

    def after_deserialization(self) -> bytes:
        """The content itself."""
        return self.content


REGISTRY = Registry()
for _cls in (Blob, Code, Entry):
    REGISTRY.register(_cls)


def framing(data: bytes) -> None:
    """The walk from the end and the search from the start, and what each promises."""
    source = BufferSource(data)
    end = complete_prefix(source, LIMITS)
    assert 0 <= end <= len(data)
    assert complete_prefix(BufferSource(data[:end]), LIMITS) == end
    frames, faults = walk_back(source, len(data), LIMITS)
    assert all(fault.offset is not None and 0 <= fault.offset <= len(data) for fault in faults)
    if not faults:
        at = 0
        for frame in frames:
            assert frame.offset == at < frame.manifest_offset
            at += frame.size
        assert at == len(data)


def manifest(data: bytes) -> None:
    """A payload alone: what is decoded is encoded and decoded again without a change."""
    decoded, items = decode_manifest(data, 0, 0, LIMITS.items)
    encoded = encode_manifest(decoded)
    again, items_again = decode_manifest(encoded, 0, 0, LIMITS.items)
    assert encode_manifest(again) == encoded
    assert items_again <= items


def reader(data: bytes) -> None:
    """A bundle opened without its torn tail; all content is read, however damaged the rest is."""
    opened = Bundle.open(data, limits=LIMITS, policy=UNSIGNED, recover=True)
    assert opened.size + opened.ignored == len(data)
    for segment in opened.segments:
        for artifact in segment.manifest.artifacts:
            try:
                content = opened.read(artifact)
            except PrecompileError:
                continue
            assert len(content) == artifact.content_size
            assert hashlib.sha256(content).digest() == artifact.content_digest


def verify(data: bytes) -> None:
    """A whole bundle, opened strictly and verified; then opening it leniently finds the same."""
    opened = Bundle.open(data, limits=LIMITS, policy=UNSIGNED)
    opened.verify()
    if len(data) < _SMALL:
        assert opened.ignored == 0
        lenient = Bundle.open(data, limits=LIMITS, policy=UNSIGNED, recover=True)
        assert _payloads(lenient) == _payloads(opened)


POLICY = TrustPolicy([VerifyingKey(signing.PUBLIC)])


def trust(data: bytes) -> None:
    """Opened under a policy: then each segment's payload is one that the key's owner signed."""
    opened = Bundle.open(data, limits=LIMITS, policy=POLICY, recover=True)
    for segment in opened.segments:
        envelope = opened.envelope(segment)
        assert signing.is_signed(envelope)
        assert hashlib.sha256(envelope.payload).digest() == segment.payload_digest
        again, _ = decode_manifest(envelope.payload, segment.index, 0, LIMITS.items)
        assert encode_manifest(again) == encode_manifest(segment.manifest)


def append(data: bytes) -> None:
    """A file that is appended to and folded: what was read before is read afterwards."""
    with tempfile.TemporaryDirectory(dir=_memory_disk()) as folder:
        path = Path(folder, "bundle")
        path.write_bytes(data)
        file = BundleFile(path, limits=LIMITS)
        before = None
        if len(data) <= _SMALL:
            before = _refusal_is_none(
                lambda: Bundle.open(data, limits=LIMITS, policy=UNSIGNED, recover=True)
            )
        context = PrecompileContext(registry=REGISTRY, limits=LIMITS, policy=UNSIGNED)
        context.record_artifact(Blob.TYPE, "appended", b"new content")
        try:
            context.save_to(file)
        except PrecompileError:
            assert path.read_bytes() == data
            assert os.listdir(folder) == [path.name]
            raise
        if len(data) > _SMALL:
            return
        after = Bundle.open(path.read_bytes(), limits=LIMITS, policy=UNSIGNED)
        kept = _payloads(before) if before else []
        assert _payloads(after)[: len(kept)] == kept
        assert path.read_bytes().startswith(data[: before.size if before else 0])
        current = _digests(after)
        assert (Blob.TYPE, "appended") in current
        unfolded = path.read_bytes()
        try:
            file.fold(b"", policy=UNSIGNED)
        except PrecompileError:
            assert path.read_bytes() == unfolded
            raise
        assert _digests(Bundle.open(path.read_bytes(), limits=LIMITS, policy=UNSIGNED)) == current
        assert os.listdir(folder) == [path.name]


def context(data: bytes) -> None:
    """Loaded, applied, recorded to and serialized: nothing that was current is lost."""
    subject = PrecompileContext(registry=REGISTRY, limits=LIMITS, policy=UNSIGNED)
    subject.load(data)
    loaded = subject.current()
    if len(data) > _SMALL:
        return
    subject.populate(MemoryPrecompileCache())
    subject.record_artifact(Blob.TYPE, "recorded", b"new content")
    current = subject.current()
    assert {(id_.type, id_.key) for id_ in loaded} <= {(id_.type, id_.key) for id_ in current}
    serialized = subject.serialize()
    assert serialized is not None
    again = PrecompileContext(registry=REGISTRY, limits=LIMITS, policy=UNSIGNED)
    again.load(serialized[0])
    assert set(again.current()) == set(current)


def cache(data: bytes) -> None:
    """A file of a directory cache, read as the entry that it may be: a miss or an entry."""
    faults: list[Any] = []
    directory = _OneFile(data)
    entries = DirectoryPrecompileCache(
        directory, REGISTRY, policy=UNSIGNED, on_fault=lambda *fault: faults.append(fault)
    )
    stitched = entries.read(Entry.TYPE, "e")
    assert len(faults) <= 1
    if stitched is not None:
        assert (stitched.entry.TYPE, stitched.entry.key) == (Entry.TYPE, "e")
        assert not faults


class _OneFile:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, name: str) -> bytes:
        return self._data

    def replace(self, name: str, chunks: Iterable[bytes | memoryview]) -> None:
        raise AssertionError("a read writes nothing")


def megacache(data: bytes) -> None:
    """torch's mega-cache: what is imported is exported and read again."""
    imported = from_mega_cache(data, environment=Environment())
    if len(data) > _SMALL:
        return
    read = {(a.type, a.key, a.content) for a in read_mega_cache(data)}
    exported = {(a.type, a.key, a.content) for a in read_mega_cache(to_mega_cache(imported))}
    assert exported <= read
    assert {(type_, content) for type_, _, content in exported} <= {(t, c) for t, _, c in read}


def _payloads(bundle: Bundle) -> list[bytes]:
    # A NaN makes a manifest unequal to itself.
    return [segment.payload_digest for segment in bundle.segments]


def _digests(bundle: Bundle) -> dict[tuple[str, str], bytes]:
    return {name: stored.content_digest for name, stored in bundle.current().items()}


def _refusal_is_none(call: Callable[[], T]) -> T | None:
    try:
        return call()
    except PrecompileError:
        return None


def _memory_disk() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


@dataclass(frozen=True, slots=True)
class Target:
    """What runs, and the folder of its corpus: targets that take the same input share one."""

    run: Callable[[bytes], None]
    corpus: str


TARGETS = {
    "framing": Target(framing, "bundle"),
    "manifest": Target(manifest, "manifest"),
    "reader": Target(reader, "bundle"),
    "verify": Target(verify, "bundle"),
    "trust": Target(trust, "bundle"),
    "append": Target(append, "bundle"),
    "context": Target(context, "bundle"),
    "cache": Target(cache, "bundle"),
    "megacache": Target(megacache, "megacache"),
}


def answer(target: Target, data: bytes) -> str:
    """`ok`, or the code for which the input is refused. What else it raises is a finding."""
    try:
        target.run(data)
    except PrecompileError as error:
        refusal = error
    else:
        return "ok"
    assert refusal.offset is None or 0 <= refusal.offset <= len(data)
    return refusal.code.name
