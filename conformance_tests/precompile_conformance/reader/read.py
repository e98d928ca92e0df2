"""All stages over one input, to what a testee must say of it."""

from collections.abc import Iterable
from dataclasses import dataclass

from precompile.conformance.v1 import reading_pb2
from precompile.v1 import bundle_pb2, environment_pb2
from precompile_conformance.reader import trust
from precompile_conformance.reader.content import Contents, Held
from precompile_conformance.reader.fault import Limits, Refused
from precompile_conformance.reader.frame import Frame, frames_of
from precompile_conformance.reader.manifest import Chain, decode, validate
from precompile_conformance.reader.table import Row, rows
from precompile_conformance.wire import sha256

EXACT, SUPERSET = 1, 2


@dataclass
class Opened:
    """A segment of an accepted bundle."""

    frame: Frame
    manifest: bundle_pb2.Manifest
    contents: Contents
    matches: bool

    @property
    def begins_chain(self) -> bool:
        """Whether it names no segment before it."""
        return not self.manifest.previous_manifest_digest


def open_all(data: bytes, request: reading_pb2.ReadRequest | None = None) -> list[Opened]:
    """The segments of an accepted bundle; of `request`, all but its path counts.

    Raises:
        Refused: a fault of FRAME to COMPAT.
    """
    request = request or reading_pb2.ReadRequest()
    limits = Limits.of(request.limits)
    frames = frames_of(data, limits, request.recover)
    if request.HasField("trust"):
        for frame in frames:
            trust.check(frame, request.trust)
    manifests = decode(frames, limits)
    chain, held = Chain(), Held()
    opened = []
    for frame, manifest in zip(frames, manifests, strict=True):
        places = validate(manifest, frame, chain)
        contents = Contents(data, manifest, places, limits, frame.manifest_offset, held)
        opened.append(Opened(frame, manifest, contents, _matches(manifest, request)))
    if not any(segment.matches for segment in opened):
        raise Refused("INCOMPATIBLE_ENVIRONMENT", frames[-1].manifest_offset)
    if request.expected_digest and request.expected_digest != bundle_digest(frames):
        raise Refused("DIGEST_MISMATCH", None, "bundle digest")
    return opened


def bundle_digest(frames: list[Frame]) -> bytes:
    """SHA-256 over all payload digests."""
    return sha256(b"".join(frame.payload_digest for frame in frames))


def current_of(opened: list[Opened]) -> dict[tuple[str, str], tuple[Row, Opened]]:
    """The current artifacts of the segments that match, in order: those of all chains."""
    merged: dict[tuple[str, str], tuple[Row, Opened]] = {}
    chain: dict[tuple[str, str], tuple[Row, Opened]] = {}
    for segment in opened:
        if segment.begins_chain:
            merged |= chain
            chain = {}
        if segment.matches:
            for removed in segment.manifest.removed:
                chain.pop((removed.type, removed.key), None)
            chain |= {row.name: (row, segment) for row in rows(segment.manifest.artifacts)}
    return merged | chain


def read(data: bytes, request: reading_pb2.ReadRequest | None = None) -> reading_pb2.BundleDump:
    """The dump of an accepted bundle.

    Raises:
        Refused: as `open_all`.
    """
    opened = open_all(data, request)
    last = opened[-1].frame
    dump = reading_pb2.BundleDump(size=last.offset + last.size)
    dump.ignored = len(data) - dump.size
    dump.bundle_digest = bundle_digest([segment.frame for segment in opened])
    faults = [fault for segment in opened for fault in segment.contents.faults()]
    dump.segments.extend(map(_segment, opened))
    for row, _ in current_of(opened).values():
        dump.current.add(type=row.type, key=row.key, content_digest=row.content_digest)
    if faults:
        dump.content_fault.CopyFrom(faults[0].message())
    return dump


def extract(data: bytes, type_name: str, key: str) -> bytes | None:
    """The content of a current artifact, or None.

    Raises:
        Refused: the bundle or the content is.
    """
    found = current_of(open_all(data)).get((type_name, key))
    return found[1].contents.artifact(found[0]) if found else None


def _matches(manifest: bundle_pb2.Manifest, request: reading_pb2.ReadRequest) -> bool:
    if not request.HasField("host"):
        return True
    return meets(request.host, manifest.requirements)


def meets(host: reading_pb2.Host, requirements: Iterable[environment_pb2.Requirement]) -> bool:
    """Whether a host meets all of the requirements."""
    facts = {fact.name: set(fact.values) for fact in host.facts}
    for requirement in requirements:
        here, wanted = facts.get(requirement.name), set(requirement.values)
        if here is None:
            return False
        holds = {EXACT: here == wanted, SUPERSET: here >= wanted}
        if not holds.get(requirement.match, False):
            return False
    return True


def _segment(opened: Opened) -> reading_pb2.SegmentDump:
    frame, manifest = opened.frame, opened.manifest
    dump = reading_pb2.SegmentDump(
        offset=frame.offset,
        size=frame.size,
        payload_digest=frame.payload_digest,
        begins_chain=opened.begins_chain,
        matches=opened.matches,
        producer=bundle_pb2.Producer(
            name=manifest.producer.name, version=manifest.producer.version
        ),
    )
    for removed in manifest.removed:
        dump.removed.add(type=removed.type, key=removed.key)
    for requirement in manifest.requirements:
        dump.requirements.add(
            name=requirement.name, match=requirement.match, values=requirement.values
        )
    dump.artifacts.extend(_artifact(row, opened.contents) for row in rows(manifest.artifacts))
    return dump


def _artifact(row: Row, contents: Contents) -> reading_pb2.ArtifactDump:
    dump = reading_pb2.ArtifactDump(
        type=row.type,
        key=row.key,
        kind=row.kind,  # type: ignore[arg-type]  # any number
        content_digest=row.content_digest,
        content_size=row.content_size,
    )
    for backend in row.backends:
        dump.backends.add(type=backend.type, key=backend.key, content_digest=backend.content_digest)
    for attribute in row.attributes:
        added = dump.attributes.add(name=attribute.name)
        if which := attribute.WhichOneof("value"):
            setattr(added, which, getattr(attribute, which))
    try:
        contents.artifact(row)
    except Refused as fault:
        dump.content_fault.CopyFrom(fault.message())
    return dump
