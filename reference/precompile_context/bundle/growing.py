"""A bundle that grows: what was appended since it was opened is checked, and that alone."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from precompile_context.bundle import framing
from precompile_context.bundle.checking import Reached, check_manifests
from precompile_context.bundle.codec import decode_envelope
from precompile_context.bundle.forwards import appended_frames
from precompile_context.bundle.frames import SegmentFrame, check_head
from precompile_context.bundle.limits import Limits
from precompile_context.bundle.reader import Bundle
from precompile_context.bundle.segment import Segment
from precompile_context.bundle.source import ByteSource
from precompile_context.bundle.validate import place_blocks
from precompile_context.bundle.walk import last_frame
from precompile_context.bundle.writer import Written
from precompile_context.errors import PrecompileError
from precompile_context.trust import TrustPolicy


def grown(before: Bundle, source: ByteSource) -> Bundle | None:
    """The bundle in `source` where that begins with `before`; None where it is to be opened.

    The last manifest of each chain must be the very one that was there: by its
    digest it stands for all manifests before it. Between segments must stand what divides
    them. Whatever else is not simply more segments, each sound and trusted, is left to
    `Bundle.open`, which says what is wrong with it.
    """
    if source.size < before.size:
        return None
    try:
        check_head(source)
        if not all(_meet(source, *pair) for pair in pairwise(before.segments)):
            return None
        if not all(_is_in(source, before, segment) for segment in _last_of_chains(before)):
            return None
        return before if source.size == before.size else _extended(before, source)
    except PrecompileError:
        return None


def extended(
    before: Bundle | None,
    written: Sequence[Written],
    source: ByteSource,
    policy: TrustPolicy,
    limits: Limits,
) -> Bundle | None:
    """The bundle after segments were written behind `before`, without reading them again.

    None where a reader with this policy and these limits would refuse them, for whatever.
    """
    segments = list(before.segments) if before else []
    at = before.size if before else 0
    reached = before.reached if before else Reached()
    items, content, chain = reached.items, reached.content, dict(reached.chain)
    try:
        for one in written:
            index, manifest_at = len(segments), at + one.manifest_offset
            policy.check(one.envelope, index, manifest_at)
            frame = SegmentFrame(at, one.size, manifest_at, memoryview(b""))
            manifest = replace(
                one.manifest, artifacts=replace(one.manifest.artifacts, segment=index)
            )
            places = place_blocks(manifest, frame, chain)
            digest = one.envelope.payload_digest
            segments.append(Segment(index, at, one.size, manifest_at, digest, manifest, places))
            items, content = items + manifest.items, content + manifest.artifacts.content
            at += one.size
        limits.check_room(content, items)
    except PrecompileError:
        return None
    reached = Reached(items, content, chain, len(segments), segments[-1].payload_digest)
    return Bundle(source, tuple(segments), limits, policy, reached)


def ends_with(
    source: ByteSource, payload_digest: bytes, policy: TrustPolicy, limits: Limits
) -> bool:
    """Whether the last segment in `source` is the one with this digest; nothing is decoded.

    By its digest it stands for the manifests of its chain before it.
    """
    try:
        check_head(source)
        frame = last_frame(source, limits)
        envelope = decode_envelope(frame.envelope, frame.manifest_offset, limits.signatures)
        policy.check(envelope, 0, frame.manifest_offset)
    except PrecompileError:
        return False
    return envelope.payload_digest == payload_digest


def _meet(source: ByteSource, segment: Segment, following: Segment) -> bool:
    """Whether the one's footer stands before the other's header."""
    expected = framing.footer(segment.manifest_offset - segment.offset, segment.size)
    expected += framing.HEADER
    return source.read(following.offset - framing.FOOTER_SIZE, len(expected)) == expected


def _is_in(source: ByteSource, before: Bundle, segment: Segment) -> bool:
    at, end = segment.manifest_offset, segment.offset + segment.size
    footer_at = end - framing.FOOTER_SIZE
    record = source.read(at, end - at)
    prefix = framing.read_manifest_prefix(record, 0)
    if prefix is None or record[footer_at - at :] != framing.footer(
        at - segment.offset, segment.size
    ):
        return False
    envelope = decode_envelope(record[prefix[0] : footer_at - at], at, before.limits.signatures)
    before.policy.check(envelope, segment.index, at)
    return envelope.payload_digest == segment.payload_digest


def _extended(before: Bundle, source: ByteSource) -> Bundle | None:
    limits, first = before.limits, len(before.segments)
    frames = appended_frames(source, before.size, limits)
    if not frames or first + len(frames) > limits.segments:
        return None
    envelopes = [
        decode_envelope(frame.envelope, frame.manifest_offset, limits.signatures)
        for frame in frames
    ]
    for index, (frame, envelope) in enumerate(zip(frames, envelopes, strict=True), first):
        before.policy.check(envelope, index, frame.manifest_offset)
    segments, reached = check_manifests(frames, envelopes, limits, before.reached)
    return Bundle(source, before.segments + segments, limits, before.policy, reached)


def _last_of_chains(bundle: Bundle) -> list[Segment]:
    ends = [s for s, following in pairwise(bundle.segments) if following.begins_chain]
    return [*ends, bundle.segments[-1]]
