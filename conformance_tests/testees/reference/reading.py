"""Requests of the class Reader."""

import dataclasses
import hashlib
from pathlib import Path

from precompile.conformance.v1 import reading_pb2
from precompile.v1 import bundle_pb2, environment_pb2
from precompile_context import (
    Bundle,
    Environment,
    ErrorCode,
    Limits,
    PrecompileError,
    Segment,
    StoredArtifact,
)
from precompile_context.bundle import DEFAULT_LIMITS
from precompile_context.files import BundleFile
from precompile_context.trust import UNSIGNED, TrustPolicy, VerifyingKey
from testees.reference.dump import artifact_id, attributes, rejection

INLINE = 1 << 20  # content up to this length is sent back whole


def environment_of(host: reading_pb2.Host) -> Environment:
    """The facts of a host."""
    return Environment({fact.name: frozenset(fact.values) for fact in host.facts})


def limits_of(asked: reading_pb2.ReadLimits) -> Limits:
    """The default limits, and those that were asked for."""
    return dataclasses.replace(
        DEFAULT_LIMITS, **{field.name: value for field, value in asked.ListFields()}
    )


def policy_of(asked: reading_pb2.TrustPolicy) -> TrustPolicy:
    """Whose bundles are accepted."""
    return TrustPolicy(map(VerifyingKey, asked.trusted_keys), threshold=asked.threshold)


def read(request: reading_pb2.ReadRequest, dump: reading_pb2.BundleDump) -> None:
    """Fill `dump` with what the bundle at the path holds."""
    limits = limits_of(request.limits)
    data = Path(request.path).read_bytes()
    policy = policy_of(request.trust) if request.HasField("trust") else UNSIGNED
    bundle = Bundle.open(data, limits=limits, recover=request.recover, policy=policy)
    if request.expected_digest and request.expected_digest != bundle.digest:
        raise PrecompileError(ErrorCode.DIGEST_MISMATCH, "another bundle than was expected")
    matching = bundle.segments
    if request.HasField("host"):
        matching = bundle.matching(environment_of(request.host))
    dump.bundle_digest = bundle.digest
    dump.size = bundle.size
    dump.ignored = bundle.ignored
    for segment in bundle.segments:
        _segment(dump.segments.add(), segment, bundle, segment in matching)
    for stored in bundle.current(matching).values():
        dump.current.add(type=stored.type, key=stored.key, content_digest=stored.content_digest)
    # What reading each artifact spent of the limits must not count here.
    if fault := _fault(bundle.over(bundle.source).verify):
        dump.content_fault.CopyFrom(rejection(fault))


def _fault(check: object, *arguments: object) -> PrecompileError | None:
    try:
        check(*arguments)  # type: ignore[operator]
    except PrecompileError as error:
        return error
    return None


def _segment(
    dump: reading_pb2.SegmentDump, segment: Segment, bundle: Bundle, matches: bool
) -> None:
    manifest = segment.manifest
    dump.offset, dump.size = segment.offset, segment.size
    dump.payload_digest = segment.payload_digest
    dump.begins_chain = segment.begins_chain
    dump.matches = matches
    dump.producer.CopyFrom(
        bundle_pb2.Producer(name=manifest.producer.name, version=manifest.producer.version)
    )
    for requirement in manifest.requirements:
        dump.requirements.append(
            environment_pb2.Requirement(
                name=requirement.name,
                match=int(requirement.match),  # type: ignore[arg-type]
                values=requirement.values,
            )
        )
    for removed in manifest.removed:
        dump.removed.add(type=removed.type, key=removed.key)
    for stored in manifest.artifacts:
        _artifact(dump.artifacts.add(), stored, bundle)


def _artifact(dump: reading_pb2.ArtifactDump, stored: StoredArtifact, bundle: Bundle) -> None:
    dump.type, dump.key, dump.kind = stored.type, stored.key, int(stored.kind)  # type: ignore[assignment]
    dump.content_digest, dump.content_size = stored.content_digest, stored.content_size
    dump.backends.extend(artifact_id(backend) for backend in stored.backends)
    dump.attributes.extend(attributes(stored.attributes))
    digest = hashlib.sha256()
    try:
        for piece in bundle.stream(stored):
            digest.update(piece)
        dump.content_digest = digest.digest()
    except PrecompileError as error:
        dump.content_fault.CopyFrom(rejection(error))


def extract(request: reading_pb2.ExtractRequest, extracted: reading_pb2.Extracted) -> None:
    """Fill `extracted` with the content of one artifact, read by ranges of the file."""
    bundle = BundleFile(request.path).open(policy=UNSIGNED, recover=False)
    extracted.SetInParent()
    stored = bundle.current().get((request.type, request.key))
    if stored is None:
        return
    extracted.found = True
    digest = hashlib.sha256()
    for piece in bundle.stream(stored):
        digest.update(piece)
        extracted.content_size += len(piece)
        if stored.content_size <= INLINE:
            extracted.content += bytes(piece)
    extracted.content_digest = digest.digest()
