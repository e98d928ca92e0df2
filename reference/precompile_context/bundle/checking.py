"""The stages FRAME, DECODE and VALIDATE over all segments of an input."""

from dataclasses import dataclass, field

from precompile_context.bundle.codec import decode_envelope, decode_manifest
from precompile_context.bundle.forwards import complete_prefix
from precompile_context.bundle.frames import SegmentFrame, check_same_major
from precompile_context.bundle.limits import CONTENT_PER_BYTE, Limits
from precompile_context.bundle.manifest import Manifest
from precompile_context.bundle.segment import Segment
from precompile_context.bundle.source import ByteSource
from precompile_context.bundle.validate import ChainBlocks, validate
from precompile_context.bundle.walk import is_boundary, walk_back
from precompile_context.errors import ErrorCode, PrecompileError
from precompile_context.pausing import without_collection
from precompile_context.trust import Envelope


@dataclass(frozen=True, slots=True)
class Reached:
    """How far the checks of a bundle's segments came, for checking those that follow.

    Attributes:
        items: how many things all manifests list.
        content: sum of the sizes of their artifacts' contents in bytes.
        chain: the own blocks of the last chain.
        segments: how many there are, and `digest` is that of the last one's payload.
    """

    items: int = 0
    content: int = 0
    chain: ChainBlocks = field(default_factory=dict)
    segments: int = 0
    digest: bytes = b""


def frames_of(
    source: ByteSource, limits: Limits, recover: bool
) -> tuple[list[SegmentFrame], list[Envelope]]:
    """The FRAME stage over all segments; the fault at the lowest offset decides."""
    end = source.size
    frames, faults = walk_back(source, end, limits)
    # [PCB-RECV-001] [PCB-RECV-003]
    if recover:
        end = complete_prefix(source, limits)
        if end and (_may_be_torn(faults) or not is_boundary(end, frames, faults)):
            check_same_major(source, end)
            frames, faults = walk_back(source, end, limits)
    envelopes = []
    for frame in frames:
        try:
            envelope = decode_envelope(frame.envelope, frame.manifest_offset, limits.signatures)
            envelopes.append(envelope)
        except PrecompileError as fault:
            faults.append(fault)
    if faults:
        # [PCB-READ-002] [PCB-READ-008]
        raise min(faults, key=lambda fault: fault.offset or 0)
    return frames, envelopes


def _may_be_torn(faults: list[PrecompileError]) -> bool:
    return any(f.code in (ErrorCode.TRUNCATED, ErrorCode.MALFORMED_FRAME) for f in faults)


@without_collection
def check_manifests(
    frames: list[SegmentFrame],
    envelopes: list[Envelope],
    limits: Limits,
    reached: Reached | None = None,
) -> tuple[tuple[Segment, ...], Reached]:
    """The stages DECODE and VALIDATE over the segments that come after `reached`, to the end."""
    reached = reached or Reached()
    manifests, items, content = _decode(frames, envelopes, limits, reached)
    chain = dict(reached.chain)
    segments = _validate(frames, envelopes, manifests, chain, reached)
    count = reached.segments + len(segments)
    return segments, Reached(items, content, chain, count, segments[-1].payload_digest)


def _decode(
    frames: list[SegmentFrame], envelopes: list[Envelope], limits: Limits, reached: Reached
) -> tuple[list[Manifest], int, int]:
    """The manifests, and with them the sums of `Reached`."""
    manifests = []
    items, content = reached.items, reached.content
    size = frames[-1].offset + frames[-1].size
    most = min(limits.total_content, CONTENT_PER_BYTE * size)
    for index, (frame, envelope) in enumerate(
        zip(frames, envelopes, strict=True), reached.segments
    ):
        left = limits.items - items
        manifest, count = decode_manifest(envelope.payload, index, frame.manifest_offset, left)
        items += count
        content += manifest.artifacts.content
        # [PCB-LIM-003] [PCB-LIM-010]
        if content > most:
            detail = f"artifacts claim {content} bytes; the most in {size} bytes is {most}"
            raise PrecompileError(ErrorCode.LIMIT_EXCEEDED, detail, frame.manifest_offset)
        manifests.append(manifest)
    return manifests, items, content


def _validate(
    frames: list[SegmentFrame],
    envelopes: list[Envelope],
    manifests: list[Manifest],
    chain: ChainBlocks,
    reached: Reached,
) -> tuple[Segment, ...]:
    """The segments; `chain` becomes that of the last one."""
    segments = []
    previous = reached.digest
    parts = zip(frames, envelopes, manifests, strict=True)
    for index, (frame, envelope, manifest) in enumerate(parts, reached.segments):
        places = validate(manifest, frame, previous, chain)
        previous = envelope.payload_digest  # verified by now
        segments.append(
            Segment(
                index, frame.offset, frame.size, frame.manifest_offset, previous, manifest, places
            )
        )
    return tuple(segments)
