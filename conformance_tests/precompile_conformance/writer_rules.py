"""What a writer must keep to beyond what every reader checks."""

from collections.abc import Iterator
from itertools import pairwise

from google.protobuf import unknown_fields
from google.protobuf.message import Message

from precompile.v1 import artifact_pb2, bundle_pb2
from precompile_conformance.reader.fault import Refused
from precompile_conformance.reader.frame import Frame
from precompile_conformance.reader.read import Opened, open_all
from precompile_conformance.wire import MANIFEST_TAG, record

# Every reader takes a manifest of this size.
MANIFEST_FLOOR = 16 << 20
CACHE, BACKEND = 1, 2


def faults(data: bytes, since: int = 0, *, once: bool = False) -> Iterator[str]:
    """What is wrong with a bundle, which a reader accepts, as the work of a writer.

    Segments before the byte `since` are another writer's. With `once`, content that is
    stored twice is a fault, too.
    """
    for offset, fault in _all_faults(data, once):
        if offset >= since:
            yield fault


def _all_faults(data: bytes, once: bool) -> Iterator[tuple[int, str]]:
    stored: set[bytes] = set()
    for index, segment in enumerate(open_all(data)):
        frame, manifest = segment.frame, segment.manifest
        if not manifest.previous_manifest_digest:
            stored.clear()
        found = [*_encoding_faults(manifest, frame, data), *_content_faults(manifest)]
        found += _repeats(segment, stored) if once else ()
        yield from ((frame.offset, f"segment {index}: {fault}") for fault in found)


def _encoding_faults(manifest: bundle_pb2.Manifest, frame: Frame, data: bytes) -> Iterator[str]:
    if manifest.SerializeToString(deterministic=True) != frame.envelope.payload:
        yield "its payload is not the deterministic encoding of the manifest"
    encoded = record(MANIFEST_TAG, frame.envelope.SerializeToString(deterministic=True))
    if encoded != data[frame.manifest_offset : frame.footer_offset]:
        yield "its envelope is not encoded deterministically"
    if _has_unknown(manifest) or _has_unknown(frame.envelope):
        yield "it holds fields that version 1.0 does not define"
    if frame.footer_offset - frame.manifest_offset > MANIFEST_FLOOR:
        yield "its manifest is larger than every reader takes"
    if any(a >= b for a, b in pairwise(manifest.required_features)):
        yield "required_features are not sorted and distinct"


def _content_faults(manifest: bundle_pb2.Manifest) -> Iterator[str]:
    for artifact in manifest.artifacts:
        # A kind of a later version may name some: it is written anew as it was. [PCB-EXT-008]
        if artifact.kind in (CACHE, BACKEND) and artifact.backends:
            yield f"{artifact.key!r} is no entry and names backends"
    for removed in manifest.removed:
        if removed.content_digest:
            yield f"a removal of {removed.key!r} has a digest"


def _repeats(segment: Opened, stored: set[bytes]) -> Iterator[str]:
    """Equal content is stored once within a chain; what cannot be read is not there."""
    manifest = segment.manifest
    written: dict[bytes, set[tuple[int, int, int]]] = {}
    for artifact in manifest.artifacts:
        own = {
            (extent.block, extent.offset, extent.size)
            for extent in artifact.extents
            if manifest.blocks[extent.block].size
        }
        if own:
            written.setdefault(artifact.content_digest, own)
            if artifact.content_digest in stored or own != written[artifact.content_digest]:
                yield f"content of {artifact.key!r} is stored again"
    stored.update(digest for digest in written if _is_readable(segment, digest))


def _is_readable(segment: Opened, digest: bytes) -> bool:
    artifact = next(a for a in segment.manifest.artifacts if a.content_digest == digest)
    try:
        segment.contents.artifact(artifact)
    except Refused:
        return False
    return True


def _has_unknown(message: Message) -> bool:
    # A value of a later type, of an artifact that was loaded and is written anew. [PCB-EXT-008]
    later = isinstance(message, artifact_pb2.Attribute) and not message.WhichOneof("value")
    if len(unknown_fields.UnknownFieldSet(message)) and not later:
        return True
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        children = [value] if isinstance(value, Message) else value
        if any(_has_unknown(child) for child in children):
            return True
    return False
