"""Several segments as one: what they hold together, for writing it anew."""

import hashlib
from dataclasses import dataclass

from precompile_context.artifact import ArtifactId
from precompile_context.bundle.encode import encode_stored_manifest
from precompile_context.bundle.manifest import StoredArtifact
from precompile_context.bundle.reader import Bundle
from precompile_context.bundle.segment import Segment
from precompile_context.bundle.stored_content import StoredContent
from precompile_context.bundle.writer import NewArtifact
from precompile_context.environment import Requirement


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


def is_fully_known(segment: Segment) -> bool:
    """Whether its manifest, encoded anew, is the payload byte for byte: nothing would be lost."""
    payload = encode_stored_manifest(segment.manifest)
    return hashlib.sha256(payload).digest() == segment.payload_digest


def fold(bundle: Bundle, segments: tuple[Segment, ...]) -> Folded:
    """The net effect of `segments` on those before them; content is read when it is written."""
    removed: dict[ArtifactId, None] = {}
    if segments[0].index:  # else nothing stands before that could be taken away
        for segment in segments:
            removed |= {ArtifactId(id_.type, id_.key): None for id_ in segment.manifest.removed}
    return Folded(
        requirements=segments[0].manifest.requirements,
        artifacts=[unwritten(bundle, stored) for stored in bundle.current(segments).values()],
        removed=tuple(removed),
    )


def unwritten(bundle: Bundle, stored: StoredArtifact, origin: str = "") -> NewArtifact:
    """A stored artifact as one to be written; `origin` names the bundle in an error's text."""
    return NewArtifact(
        stored.type,
        stored.key,
        stored.kind,
        stored.content_digest,
        StoredContent(bundle, stored, origin),
        stored.backends,
        stored.fields,
    )
