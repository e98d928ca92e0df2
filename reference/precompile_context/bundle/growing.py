"""A bundle that grows: what was appended since it was opened is checked, and that alone."""

from collections.abc import Iterable
from itertools import pairwise

from precompile_context.bundle import framing
from precompile_context.bundle.codec import decode_envelope
from precompile_context.bundle.limits import Limits
from precompile_context.bundle.manifest import Manifest
from precompile_context.bundle.reader import Bundle, decode, place
from precompile_context.bundle.segment import Segment
from precompile_context.bundle.source import ByteSource
from precompile_context.bundle.validate import ChainBlocks
from precompile_context.bundle.walk import appended_frames, check_head
from precompile_context.errors import PrecompileError
from precompile_context.pausing import without_collection


class GrowingBundle:
    """A bundle and what going on from its end needs: no index is decoded twice.

    Attributes:
        bundle: as it was when it was opened, or last found grown.
    """

    def __init__(self, bundle: Bundle, limits: Limits) -> None:
        self.bundle = bundle
        self._limits = limits
        self._chain: ChainBlocks = {}
        self._items = self._content = 0
        self._counted: list[Segment] = []

    def grown(self, source: ByteSource) -> Bundle | None:
        """The bundle in `source` where that begins with this one; None where it is to be opened.

        The last manifest of each chain must be the very one that was there: by its
        digest it stands for all manifests before it. Whatever else is not simply
        more segments, each sound and trusted, is left to `Bundle.open`, which says
        what is wrong with it.
        """
        if source.size < self.bundle.size:
            return None
        try:
            check_head(source)
            if not all(self._is_in(source, segment) for segment in _last_of_chains(self.bundle)):
                return None
            return self.bundle if source.size == self.bundle.size else self._extended(source)
        except PrecompileError:
            return None

    def _is_in(self, source: ByteSource, segment: Segment) -> bool:
        at, end = segment.manifest_offset, segment.offset + segment.size
        footer_at = end - framing.FOOTER_SIZE
        record = source.read(at, end - at)
        prefix = framing.read_manifest_prefix(record, 0)
        if prefix is None or record[footer_at - at :] != framing.footer(
            at - segment.offset, segment.size
        ):
            return False
        envelope = decode_envelope(record[prefix[0] : footer_at - at], at, self._limits.signatures)
        self.bundle.policy.check(envelope, segment.index, at)
        return envelope.payload_digest == segment.payload_digest

    def _extended(self, source: ByteSource) -> Bundle | None:
        before, limits = self.bundle, self._limits
        frames = appended_frames(source, before.size, limits)
        first = len(before.segments)
        if not frames or first + len(frames) > limits.segments:
            return None
        envelopes = [
            decode_envelope(frame.envelope, frame.manifest_offset, limits.signatures)
            for frame in frames
        ]
        for index, (frame, envelope) in enumerate(zip(frames, envelopes, strict=True), first):
            before.policy.check(envelope, index, frame.manifest_offset)
        self._count(before.segments[len(self._counted) :])
        with without_collection():
            manifests = decode(frames, [e.payload for e in envelopes], limits, first)
            if not self._leave_room_for(manifests):
                return None
            digests = [envelope.payload_digest for envelope in envelopes]
            chain = dict(self._chain)
            segments = place(frames, digests, manifests, chain, before.segments)
            self.bundle = Bundle(source, before.segments + segments, limits, before.policy)
            self._count(segments)
        return self.bundle

    def _count(self, segments: Iterable[Segment]) -> None:
        for segment in segments:
            if segment.begins_chain:
                self._chain.clear()
            for entry, there in zip(segment.manifest.blocks, segment.blocks, strict=True):
                if entry.size:
                    self._chain[entry.digest, entry.compression, entry.content_size] = there
            self._items += _items(segment.manifest)
            self._content += _content(segment.manifest)
            self._counted.append(segment)

    def _leave_room_for(self, manifests: list[Manifest]) -> bool:
        return (
            self._items + sum(map(_items, manifests)) <= self._limits.items
            and self._content + sum(map(_content, manifests)) <= self._limits.total_content
        )


def _last_of_chains(bundle: Bundle) -> list[Segment]:
    ends = [s for s, following in pairwise(bundle.segments) if following.begins_chain]
    return [*ends, bundle.segments[-1]]


def _items(manifest: Manifest) -> int:
    """As a decoded message's items are counted; see `decode_manifest`."""
    return (
        len(manifest.blocks)
        + len(manifest.removed)
        + sum(1 + len(requirement.values) for requirement in manifest.requirements)
        + sum(1 + len(a.extents) + len(a.backends) + len(a.fields) for a in manifest.artifacts)
    )


def _content(manifest: Manifest) -> int:
    return sum(artifact.content_size for artifact in manifest.artifacts)
