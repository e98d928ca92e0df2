"""What a writer must keep to beyond what every reader checks."""

from collections.abc import Iterator
from itertools import pairwise

from google.protobuf import unknown_fields
from google.protobuf.message import Message

from precompile.v1 import artifact_pb2, bundle_pb2
from precompile_conformance.reader.fault import Refused
from precompile_conformance.reader.frame import Frame
from precompile_conformance.reader.manifest import MOST_CONTENT
from precompile_conformance.reader.read import Opened, open_all
from precompile_conformance.reader.table import BACKEND, CACHE, Row, rows
from precompile_conformance.wire import MANIFEST_TAG, record

# Every reader takes a manifest of this size.
MANIFEST_FLOOR = 16 << 20


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
    content = 0
    for index, segment in enumerate(open_all(data)):
        frame, manifest = segment.frame, segment.manifest
        if segment.begins_chain:
            stored.clear()
        found = [*_encoding_faults(manifest, frame, data), *_table_faults(manifest)]
        content += sum(manifest.artifacts.content_size)
        if content > MOST_CONTENT * (frame.offset + frame.size):
            found.append("content goes past 65,536 bytes for each byte of the bundle so far")
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


def _table_faults(manifest: bundle_pb2.Manifest) -> Iterator[str]:
    artifacts = manifest.artifacts
    if manifest.HasField("artifacts") and not artifacts.ByteSize():
        yield "it has a table without anything in it"
    if list(dict.fromkeys(artifacts.type)) != list(range(len(artifacts.types))):
        yield "types are not those in use, in the order of their first use"
    for detail in artifacts.details:
        if not detail.backends and not detail.attributes:
            yield f"the detail of artifact {detail.artifact} says nothing"
        # A kind of a later version may name some: it is written anew as it was. [PCB-EXT-008]
        kind = artifacts.types[artifacts.type[detail.artifact]].kind
        if kind in (CACHE, BACKEND) and detail.backends:
            yield f"artifact {detail.artifact} is no entry and names backends"
    for removed in manifest.removed:
        if removed.content_digest:
            yield f"a removal of {removed.key!r} has a digest"


def _repeats(segment: Opened, stored: set[bytes]) -> Iterator[str]:
    """Equal content is stored once within a chain; what cannot be read is not there."""
    written: dict[bytes, Row] = {}
    for row in rows(segment.manifest.artifacts):
        blocks = segment.contents.blocks_of(row)
        if any(segment.manifest.blocks[index].size for index in blocks):
            first = written.setdefault(row.content_digest, row)
            is_elsewhere = (row.block, row.offset) != (first.block, first.offset)
            if row.content_digest in stored or is_elsewhere:
                yield f"content of {row.key!r} is stored again"
    stored.update(digest for digest, row in written.items() if _is_readable(segment, row))


def _is_readable(segment: Opened, row: Row) -> bool:
    try:
        segment.contents.artifact(row)
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
