"""An open bundle: its segments, what is current in them, and verified content."""

import hashlib
from collections.abc import Callable, Iterable, Iterator

from precompile_context import html
from precompile_context.bundle import framing
from precompile_context.bundle.checking import Reached, check_manifests, frames_of
from precompile_context.bundle.codec import decode_envelope
from precompile_context.bundle.content import ContentReader
from precompile_context.bundle.current import Current
from precompile_context.bundle.frames import check_head
from precompile_context.bundle.limits import DEFAULT_LIMITS, Limits
from precompile_context.bundle.segment import Segment
from precompile_context.bundle.source import Buffer, ByteSource, as_source
from precompile_context.bundle.stored import BlockEntry, StoredArtifact
from precompile_context.environment import Environment, Requirement
from precompile_context.errors import ErrorCode, PrecompileError
from precompile_context.trust import Envelope, TrustPolicy
from precompile_context.trust.policy import check_policy


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
        read_row: as `read` of the artifact in this row of this segment's, which is not made for it.
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
        self.read_row = self._content.read_row

    def __repr__(self) -> str:
        return html.shown("Bundle", self._shown())

    def _repr_html_(self) -> str:
        return html.table("Bundle", self._shown())

    def _shown(self) -> list[tuple[str, object]]:
        return [
            ("segments", len(self.segments)),
            ("artifacts", sum(len(s.manifest.artifacts) for s in self.segments)),
            ("bytes", self.size),
            ("digest", f"{self.digest.hex()[:12]}…"),
            ("policy", repr(self.policy)),
        ]

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
        frames, envelopes = frames_of(source, limits, recover)
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

    def current(self, segments: Iterable[Segment] | None = None) -> Current:
        """The current artifact of each (type, key) in `segments`, in first-recorded order.

        They are some of this bundle's, by default all: the others count for where chains
        begin, and for nothing else.
        """
        # [PCB-HOST-006]
        matching = range(len(self.segments))
        return Current(self.segments, matching if segments is None else {s.index for s in segments})

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

    def blocks(self, artifact: StoredArtifact) -> Iterator[int]:
        """The indexes of the blocks of its manifest that the content lies in; each, if several,
        is whole.
        """
        return self._content.blocks(artifact)

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
