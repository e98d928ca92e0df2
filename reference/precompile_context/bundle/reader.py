"""An open bundle: its segments, what is current in them, and verified content."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from precompile_context.bundle import framing
from precompile_context.bundle.codec import decode_envelope, decode_manifest
from precompile_context.bundle.content import ContentReader
from precompile_context.bundle.density import most_elements
from precompile_context.bundle.limits import DEFAULT_LIMITS, Limits
from precompile_context.bundle.manifest import BlockEntry, Manifest, StoredArtifact
from precompile_context.bundle.segment import Segment
from precompile_context.bundle.source import Buffer, ByteSource, as_source
from precompile_context.bundle.validate import ChainBlocks, validate
from precompile_context.bundle.walk import (
    SegmentFrame,
    check_head,
    complete_prefix,
    is_boundary,
    walk_back,
)
from precompile_context.environment import Environment, Requirement
from precompile_context.errors import ErrorCode, PrecompileError
from precompile_context.pausing import without_collection
from precompile_context.trust import Envelope, TrustPolicy
from precompile_context.trust.policy import check_policy

ArtifactName = tuple[str, str]


class Reached(NamedTuple):
    """How far the checks of a bundle's segments came, for checking those that follow.

    `items` is how many all manifests list, or a few more where they were not counted,
    `content` the sum of their artifacts' sizes in bytes, `chain` the own blocks of the
    last chain.
    """

    items: int
    content: int
    chain: ChainBlocks


class Bundle:
    """The segments of one input, checked through VALIDATE; content is checked when it is read.

    Attributes:
        source: where the bytes are.
        segments: in file order; empty never.
        size: the bytes that the segments take, E where a torn tail was left out.
        ignored: the bytes after them.
        policy: what each segment was found trusted by.
        limits: those that it was opened with.
        reached: what checking further segments goes on from.
    """

    def __init__(
        self,
        source: ByteSource,
        segments: tuple[Segment, ...],
        limits: Limits,
        policy: TrustPolicy,
        reached: Reached,
    ) -> None:
        self.source = source
        self.segments = segments
        self.policy = policy
        self.limits = limits
        self.reached = reached
        self.size = segments[-1].offset + segments[-1].size
        # [PCB-RECV-002]
        self.ignored = source.size - self.size
        self._content = ContentReader(source, segments, limits)

    @classmethod
    def open(
        cls,
        source: Buffer | ByteSource,
        *,
        policy: TrustPolicy,
        limits: Limits = DEFAULT_LIMITS,
        recover: bool = False,
    ) -> "Bundle":
        """Check FRAME, TRUST, DECODE and VALIDATE and give the bundle; reads indexes alone.

        With `recover`, an input whose tail is torn is read up to E, the end of its
        last complete segment found forwards; what follows is counted in `ignored`.

        Raises:
            PrecompileError: the first fault, in the order of the stages.
            MisuseError: `policy` is none.
        """
        check_policy(policy)
        source = as_source(source)
        # [PCB-READ-001] [PCB-READ-003] [PCB-READ-010]
        check_head(source)
        frames, envelopes = _frames(source, limits, recover)
        # [PCB-READ-009] [PCB-SIGN-008] All segments, before anything of any manifest is decoded.
        for index, (frame, envelope) in enumerate(zip(frames, envelopes, strict=True)):
            policy.check(envelope, index, frame.manifest_offset)
        segments, reached = check_manifests(frames, envelopes, limits)
        return cls(source, segments, limits, policy, reached)

    def over(self, source: Buffer | ByteSource) -> "Bundle":
        """The same bundle, its content read from another source of the same bytes."""
        bundle = Bundle(as_source(source), self.segments, self.limits, self.policy, self.reached)
        bundle.ignored = self.ignored
        return bundle

    def envelope(self, segment: Segment) -> Envelope:
        """A segment's payload and signatures, read again, and the same payload as before.

        Raises:
            PrecompileError: MALFORMED_FRAME, the source has changed.
        """
        at = segment.manifest_offset
        end = segment.offset + segment.size - framing.FOOTER_SIZE
        record = self.source.read(at, end - at)
        prefix = framing.read_manifest_prefix(record, 0)
        if prefix is not None:
            envelope = decode_envelope(record[prefix[0] :], at, self.limits.signatures)
            if envelope.payload_digest == segment.payload_digest:
                return envelope
        detail = "another manifest stands here than when the bundle was opened"
        raise PrecompileError(ErrorCode.MALFORMED_FRAME, detail, at)

    def check_trust(self, policy: TrustPolicy) -> None:
        """Return where `policy` trusts every segment.

        Raises:
            PrecompileError: a TRUST code; MALFORMED_FRAME, the source has changed.
        """
        if policy is not self.policy:
            for segment in self.segments:
                policy.check(self.envelope(segment), segment.index, segment.manifest_offset)

    @property
    def digest(self) -> bytes:
        """SHA-256 over all payload digests in file order: names this sequence of segments."""
        return hashlib.sha256(b"".join(s.payload_digest for s in self.segments)).digest()

    def matching(self, environment: Environment) -> tuple[Segment, ...]:
        """The segments whose requirements this environment meets.

        Raises:
            PrecompileError: INCOMPATIBLE_ENVIRONMENT where there is none, naming
                the facts that differ in the last segment.
        """
        matching = tuple(
            segment
            for segment in self.segments
            # [PCB-HOST-004]
            if not environment.mismatches(segment.manifest.requirements)
        )
        # [PCB-HOST-005] [PCB-HOST-007]
        if not matching:
            last = self.segments[-1]
            facts = environment.mismatches(last.manifest.requirements)
            raise PrecompileError(
                ErrorCode.INCOMPATIBLE_ENVIRONMENT,
                "; ".join(str(mismatch) for mismatch in facts),
                last.manifest_offset,
            )
        return matching

    def by_requirements(self) -> dict[tuple[Requirement, ...], list[Segment]]:
        """The segments of each environment, both in the order of their first one."""
        groups: dict[tuple[Requirement, ...], list[Segment]] = {}
        for segment in self.segments:
            groups.setdefault(segment.manifest.requirements, []).append(segment)
        return groups

    def current(
        self, segments: Iterable[Segment] | None = None
    ) -> dict[ArtifactName, StoredArtifact]:
        """The current artifact of each (type, key) in `segments`, in first-recorded order."""
        # [PCB-CURR-001] [PCB-CURR-002] [PCB-CURR-003] [PCB-CURR-004]
        current: dict[ArtifactName, StoredArtifact] = {}
        for segment in self.segments if segments is None else segments:
            for removed in segment.manifest.removed:
                current.pop((removed.type, removed.key), None)
            for artifact in segment.manifest.artifacts:
                current[artifact.type, artifact.key] = artifact
        return current

    def read(self, artifact: StoredArtifact) -> bytes:
        """The artifact's content, verified.

        Raises:
            PrecompileError: a CONTENT code; LIMIT_EXCEEDED.
        """
        return self._content.read(artifact)

    def view(self, artifact: StoredArtifact) -> memoryview:
        """As `read`, without a copy where the content is stored uncompressed in one piece.

        The view is of the source's own memory: of a mapped file it shows what
        later happens to the file, so it is for files that nobody rewrites.
        """
        return self._content.view(artifact)

    def stream(self, artifact: StoredArtifact) -> Iterator[memoryview]:
        """The content block by block; a digest that does not match raises at the end."""
        return self._content.stream(artifact)

    def has_own_blocks(self, artifact: StoredArtifact) -> bool:
        """Whether `own_blocks` can give the content: it is large, and alone in its blocks."""
        return self._content.has_own_blocks(artifact)

    def own_blocks(self, artifact: StoredArtifact) -> Iterator[tuple[BlockEntry, memoryview]]:
        """The blocks that hold this content alone: each one's entry, and its data as stored.

        Raises:
            PrecompileError: a CONTENT code, as with `stream`.
        """
        return self._content.own_blocks(artifact)

    def release(self) -> None:
        """Let go of the few blocks that are kept in memory for the next read."""
        self._content.release()

    def verify(self, progress: Callable[[int], None] = lambda size: None) -> None:
        """Read every block and every content of every segment.

        `progress` is told the size in bytes of each block that was read.

        Raises:
            PrecompileError: the first fault in file order.
        """
        for segment in self.segments:
            self._content.verify(segment, progress)


def _frames(
    source: ByteSource, limits: Limits, recover: bool
) -> tuple[list[SegmentFrame], list[Envelope]]:
    """The FRAME stage over all segments; the fault at the lowest offset decides."""
    end = source.size
    frames, faults = walk_back(source, end, limits)
    # [PCB-RECV-001] [PCB-RECV-003]
    if recover:
        end = complete_prefix(source, limits)
        if end and (_may_be_torn(faults) or not is_boundary(end, frames, faults)):
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


def check_manifests(
    frames: list[SegmentFrame],
    envelopes: list[Envelope],
    limits: Limits,
    before: Bundle | None = None,
) -> tuple[tuple[Segment, ...], Reached]:
    """The stages DECODE and VALIDATE over segments that follow those of `before`, if any."""
    reached = before.reached if before else Reached(0, 0, {})
    chain = dict(reached.chain)
    with without_collection():
        manifests, items, content = _decode(frames, envelopes, limits, reached, before)
        segments = _validate(frames, envelopes, manifests, chain, before)
    return segments, Reached(items, content, chain)


def _decode(
    frames: list[SegmentFrame],
    envelopes: list[Envelope],
    limits: Limits,
    reached: Reached,
    before: Bundle | None,
) -> tuple[list[Manifest], int, int]:
    """The manifests, and with them the sums of `Reached`."""
    manifests = []
    items, content, _ = reached
    most = sum(most_elements(envelope.payload) for envelope in envelopes)
    counted = items + most > limits.items  # else there cannot be too many
    first = len(before.segments) if before else 0
    for index, (frame, envelope) in enumerate(zip(frames, envelopes, strict=True), first):
        left = limits.items - items if counted else None
        manifest, count = decode_manifest(envelope.payload, index, frame.manifest_offset, left)
        items += count
        content += sum(artifact.content_size for artifact in manifest.artifacts)
        # [PCB-LIM-003]
        if content > limits.total_content:
            detail = f"artifacts claim {content} bytes; the limit is {limits.total_content}"
            raise PrecompileError(ErrorCode.LIMIT_EXCEEDED, detail, frame.manifest_offset)
        manifests.append(manifest)
    return manifests, items if counted else items + most, content


def _validate(
    frames: list[SegmentFrame],
    envelopes: list[Envelope],
    manifests: list[Manifest],
    chain: ChainBlocks,
    before: Bundle | None,
) -> tuple[Segment, ...]:
    """The segments; `chain` becomes that of the last one."""
    segments = []
    first, previous = 0, b""
    if before:
        first, previous = len(before.segments), before.segments[-1].payload_digest
    parts = zip(frames, envelopes, manifests, strict=True)
    for index, (frame, envelope, manifest) in enumerate(parts, first):
        places = validate(manifest, frame, previous, chain)
        previous = envelope.payload_digest  # verified by now
        segments.append(
            Segment(
                index, frame.offset, frame.size, frame.manifest_offset, previous, manifest, places
            )
        )
    return tuple(segments)
