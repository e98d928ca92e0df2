"""Requests of the class Writer."""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from precompile.conformance.v1 import writing_pb2
from precompile.v1 import artifact_pb2, environment_pb2
from precompile_context import (
    ArtifactId,
    ArtifactKind,
    Bundle,
    BundleFile,
    MisuseError,
    PrecompileError,
    Requirement,
)
from precompile_context.artifact import attribute_fault, key_fault, name_fault
from precompile_context.bundle import Chain, NewArtifact, SegmentWriter
from precompile_context.environment import sorted_requirements
from precompile_context.trust import UNSIGNED, SigningKey
from testees.reference.dump import kind_of, value_of


def write(request: writing_pb2.WriteRequest, written: writing_pb2.Written) -> None:
    """Write the segments described, one behind another."""
    if request.spec_version != "1.0":
        raise MisuseError(f"version {request.spec_version!r} cannot be written")
    if not request.segments:
        raise MisuseError("a bundle has at least one segment")
    chain = Chain()
    chunks: list[bytes | memoryview] = []
    for description in request.segments:
        chunks += _described(description)(chain)
    written.bundle = b"".join(chunks)


def append(request: writing_pb2.AppendRequest, appended: writing_pb2.Appended) -> None:
    """Extend the file at the path by one segment."""
    chunks = _described(request.segment)  # misuse comes before the file is looked at
    with BundleFile(request.path).appending(UNSIGNED) as file:
        file.append(chunks(Chain.of(file.bundle) if file.bundle else Chain()))
    appended.SetInParent()


def sign(request: writing_pb2.SignRequest, signed: writing_pb2.Signed) -> None:
    """Add a signature to every segment of the file at the path."""
    try:
        key = SigningKey(Ed25519PrivateKey.from_private_bytes(request.seed))
    except ValueError as error:
        raise MisuseError(f"no Ed25519 private key: {error}") from None
    BundleFile(request.path).sign(key)
    signed.SetInParent()


def concatenate(request: writing_pb2.ConcatenateRequest, written: writing_pb2.Written) -> None:
    """The inputs one behind another, each of which must be a bundle."""
    data = b""
    for path in request.paths:
        part = Path(path).read_bytes()
        try:
            Bundle.open(part, policy=UNSIGNED)
        except PrecompileError as error:
            offset = None if error.offset is None else len(data) + error.offset
            raise PrecompileError(error.code, error.detail, offset) from None
        data += part
    written.bundle = data


def requirements_of(
    messages: Iterable[environment_pb2.Requirement],
) -> tuple[Requirement, ...]:
    """Requirements as the reference takes them from a caller."""
    return sorted_requirements(Requirement(m.name, m.match, tuple(m.values)) for m in messages)


def _described(
    description: writing_pb2.SegmentDescription,
) -> Callable[[Chain], Iterable[bytes | memoryview]]:
    """What gives the segment's bytes at the end of a chain."""
    artifacts = [_artifact(message) for message in description.artifacts]
    if len({(artifact.type, artifact.key) for artifact in artifacts}) < len(artifacts):
        raise MisuseError("an artifact stands twice in the description")
    removed = [_id(message, with_digest=False) for message in description.removed]
    requirements = requirements_of(description.requirements)
    return lambda chain: SegmentWriter(chain, requirements=requirements).chunks(artifacts, removed)


def _artifact(message: writing_pb2.ArtifactDescription) -> NewArtifact:
    _check(name_fault(message.type) or key_fault(message.key))
    kind = kind_of(message.kind)
    if message.backends and kind is not ArtifactKind.ENTRY:
        raise MisuseError("only entries name backends")
    fields = sorted((a.name, value_of(a)) for a in message.attributes)
    for name, value in fields:
        _check(attribute_fault(name, value))
    if len(dict(fields)) < len(fields):
        raise MisuseError("an attribute stands twice in the description")
    return NewArtifact(
        message.type,
        message.key,
        kind,
        hashlib.sha256(message.content).digest(),
        message.content,
        tuple(_id(backend, with_digest=True) for backend in message.backends),
        tuple(fields),
    )


def _id(message: artifact_pb2.ArtifactId, *, with_digest: bool) -> ArtifactId:
    _check(name_fault(message.type) or key_fault(message.key))
    return ArtifactId(message.type, message.key, message.content_digest if with_digest else b"")


def _check(fault: str | None) -> None:
    if fault:
        raise MisuseError(fault)
