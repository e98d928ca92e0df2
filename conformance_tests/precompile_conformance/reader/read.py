"""All stages over one input, to what a testee must say of it."""

from precompile.conformance.v1 import reading_pb2
from precompile.v1 import artifact_pb2, bundle_pb2
from precompile_conformance.reader import trust
from precompile_conformance.reader.content import Contents
from precompile_conformance.reader.fault import Limits, Refused
from precompile_conformance.reader.frame import Frame, frames_of
from precompile_conformance.reader.manifest import BACKEND, CACHE, Chain, decode, validate
from precompile_conformance.wire import sha256

EXACT, SUPERSET = 1, 2


def read(data: bytes, request: reading_pb2.ReadRequest | None = None) -> reading_pb2.BundleDump:
    """The dump of an accepted bundle; of `request`, all but its path counts.

    Raises:
        Refused: a fault of FRAME to COMPAT.
    """
    request = request or reading_pb2.ReadRequest()
    limits = Limits.of(request.limits)
    frames = frames_of(data, limits, request.recover)
    digest = sha256(b"".join(frame.payload_digest for frame in frames))
    if request.expected_digest and request.expected_digest != digest:
        raise Refused("DIGEST_MISMATCH", None, "bundle digest")
    if request.HasField("trust"):
        for frame in frames:
            trust.check(frame, request.trust)
    manifests = decode(frames, limits)
    chain = Chain()
    contents = []
    for frame, manifest in zip(frames, manifests, strict=True):
        places = validate(manifest, frame, chain)
        contents.append(Contents(data, manifest, places, limits, frame.manifest_offset))
    matches = [_matches(manifest, request) for manifest in manifests]
    if not any(matches):
        raise Refused("INCOMPATIBLE_ENVIRONMENT", frames[-1].manifest_offset)
    dump = reading_pb2.BundleDump(size=frames[-1].offset + frames[-1].size)
    dump.ignored = len(data) - dump.size
    dump.bundle_digest = digest
    current: dict[tuple[str, str], artifact_pb2.Artifact] = {}
    for frame, manifest, content, match in zip(frames, manifests, contents, matches, strict=True):
        dump.segments.append(_segment(frame, manifest, content, match))
        if match:
            for removed in manifest.removed:
                current.pop((removed.type, removed.key), None)
            current |= {(a.type, a.key): a for a in manifest.artifacts}
    for artifact in current.values():
        dump.current.append(_id(artifact, with_digest=True))
    fault = next(filter(None, (content.first_fault() for content in contents)), None)
    if fault:
        dump.content_fault.CopyFrom(fault.message())
    return dump


def extract(data: bytes, type_name: str, key: str) -> bytes | None:
    """The content of a current artifact, or None.

    Raises:
        Refused: the bundle or the content is.
    """
    limits, chain, found = Limits(), Chain(), None
    frames = frames_of(data, limits, recover=False)
    for frame, manifest in zip(frames, decode(frames, limits), strict=True):
        contents = Contents(
            data, manifest, validate(manifest, frame, chain), limits, frame.manifest_offset
        )
        if any((r.type, r.key) == (type_name, key) for r in manifest.removed):
            found = None
        for artifact in manifest.artifacts:
            if (artifact.type, artifact.key) == (type_name, key):
                found = contents, artifact
    return found[0].artifact(found[1]) if found else None


def _matches(manifest: bundle_pb2.Manifest, request: reading_pb2.ReadRequest) -> bool:
    if not request.HasField("host"):
        return True
    facts = {fact.name: set(fact.values) for fact in request.host.facts}
    for requirement in manifest.requirements:
        here, wanted = facts.get(requirement.name), set(requirement.values)
        if here is None:
            return False
        holds = {EXACT: here == wanted, SUPERSET: here >= wanted}
        if not holds.get(requirement.match, False):
            return False
    return True


def _segment(
    frame: Frame, manifest: bundle_pb2.Manifest, contents: Contents, matches: bool
) -> reading_pb2.SegmentDump:
    dump = reading_pb2.SegmentDump(
        offset=frame.offset,
        size=frame.size,
        payload_digest=frame.payload_digest,
        begins_chain=not manifest.previous_manifest_digest,
        matches=matches,
        producer=bundle_pb2.Producer(name=manifest.producer.name, version=manifest.producer.version),
        removed=[_id(removed, with_digest=False) for removed in manifest.removed],
    )
    for requirement in manifest.requirements:
        dump.requirements.add(
            name=requirement.name, match=requirement.match, values=requirement.values
        )
    for artifact in manifest.artifacts:
        dump.artifacts.append(_artifact(artifact, contents))
    return dump


def _artifact(
    artifact: artifact_pb2.Artifact, contents: Contents
) -> reading_pb2.ArtifactDump:
    dump = reading_pb2.ArtifactDump(
        type=artifact.type,
        key=artifact.key,
        kind=artifact.kind,
        content_digest=artifact.content_digest,
        content_size=artifact.content_size,
    )
    if artifact.kind not in (CACHE, BACKEND):
        dump.backends.extend(_id(backend, with_digest=True) for backend in artifact.backends)
    for attribute in artifact.attributes:
        added = dump.attributes.add(name=attribute.name)
        if which := attribute.WhichOneof("value"):
            setattr(added, which, getattr(attribute, which))
    try:
        contents.artifact(artifact)
    except Refused as fault:
        dump.content_fault.CopyFrom(fault.message())
    return dump


def _id(
    named: artifact_pb2.Artifact | artifact_pb2.ArtifactId, *, with_digest: bool
) -> artifact_pb2.ArtifactId:
    digest = named.content_digest if with_digest else b""
    return artifact_pb2.ArtifactId(type=named.type, key=named.key, content_digest=digest)


