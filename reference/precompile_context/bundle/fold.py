"""Several segments as one: what they hold together, for writing it anew."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

from precompile_context.artifact import ArtifactId
from precompile_context.bundle.batch import NewArtifact
from precompile_context.bundle.encode import encode_manifest
from precompile_context.bundle.reader import Bundle
from precompile_context.bundle.segment import Segment
from precompile_context.bundle.stored import StoredArtifact
from precompile_context.bundle.stored_content import StoredContent
from precompile_context.environment import Requirement

# Each costs whoever opens the bundle a read and a manifest, and compresses by itself.
MANY_SEGMENTS = 32


@dataclass(frozen=True, slots=True)
class Folded:
    """What one segment in place of several holds."""

    requirements: tuple[Requirement, ...]
    artifacts: list[NewArtifact]
    removed: tuple[ArtifactId, ...]


def foldable(segments: tuple[Segment, ...]) -> bool:
    """Whether one segment can mean the same as these: one chain, equal requirements.

    And each holds no more than we know: a field of a later version would be lost.
    """
    # [PCB-APPD-011]
    return all(
        segment.manifest.requirements == segments[0].manifest.requirements
        and not segment.begins_chain
        for segment in segments[1:]
    ) and all(is_fully_known(segment) for segment in segments)


def foldable_runs(segments: tuple[Segment, ...]) -> list[tuple[Segment, ...]]:
    """The segments by runs of equal requirements, each of which one can mean the same as.

    Empty where that cannot be of all of them: see `foldable`. Several compilers that append
    in turn leave several runs.
    """
    runs = [tuple(run) for _, run in groupby(segments, lambda s: s.manifest.requirements)]
    one_chain = not any(segment.begins_chain for segment in segments[1:])
    return runs if one_chain and all(map(foldable, runs)) else []


def foldable_tail(bundle: Bundle, is_ours: Callable[[Segment], bool]) -> tuple[Segment, ...]:
    """The most segments at the bundle's end that one could stand for, all of them ours."""
    last = bundle.segments[-1]
    start = len(bundle.segments)
    for segment in reversed(bundle.segments):
        if (
            segment.manifest.requirements != last.manifest.requirements
            or (segment.begins_chain and segment.index > 0)
            or not is_fully_known(segment)
            or not is_ours(segment)
        ):
            break
        start = segment.index
    return bundle.segments[start:]


def is_worth_folding(bundle: Bundle, segments: tuple[Segment, ...]) -> bool:
    """Whether there are many of them, or more bytes of their blocks are dead than live.

    Dead is what no current artifact lies in: it was superseded or removed.
    """
    if len(segments) < 2:
        return False
    if len(segments) >= MANY_SEGMENTS:
        return True
    blocks = {
        place.offset: entry
        for segment in segments
        for entry, place in zip(segment.manifest.blocks, segment.blocks, strict=True)
        if entry.size
    }
    live: dict[tuple[int, int], int] = {}
    for artifact in bundle.current(segments).values():
        segment = bundle.segments[artifact.segment]
        for index in bundle.blocks(artifact):
            whole = segment.manifest.blocks[index].content_size
            size = min(artifact.content_size, whole)
            live[segment.blocks[index].offset, artifact.offset] = size
    size_of_live = sum(
        blocks[offset].size * size / blocks[offset].content_size
        for (offset, _), size in live.items()
        if offset in blocks
    )
    return sum(entry.size for entry in blocks.values()) > 2 * size_of_live


def is_fully_known(segment: Segment) -> bool:
    """Whether its manifest, encoded anew, is the payload byte for byte: nothing would be lost."""
    payload = encode_manifest(segment.manifest)
    return hashlib.sha256(payload).digest() == segment.payload_digest


def fold(bundle: Bundle, segments: tuple[Segment, ...]) -> Folded:
    """The net effect of `segments` on those before them; content is read when it is written."""
    removed: dict[ArtifactId, None] = {}
    if not segments[0].begins_chain:  # else nothing stands before that could be taken away
        for segment in segments:
            removed |= {ArtifactId(id_.type, id_.key): None for id_ in segment.manifest.removed}
    return Folded(
        requirements=segments[0].manifest.requirements,
        artifacts=[unwritten(bundle, stored) for stored in bundle.current(segments).values()],
        removed=tuple(removed),
    )


def unwritten(
    bundle: Bundle, stored: StoredArtifact, origin: str = "", *, is_common: bool = False
) -> NewArtifact:
    """A stored artifact as one to be written; the rest is StoredContent's."""
    return NewArtifact(
        stored.type,
        stored.key,
        stored.kind,
        stored.content_digest,
        StoredContent(bundle, stored, origin, is_common=is_common),
        stored.backends,
        stored.fields,
    )
