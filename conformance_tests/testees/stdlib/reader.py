"""Reads Precompile Bundles, version 1.0, with nothing but the standard library.

Written from SPEC.md and proto/ alone; the ids of requirements stand at the code that meets them.
The shortest way to see how the format works: SCHEMA, then `open_bundle` and what it calls, then
`stream`.
"""

import ctypes
import hashlib
import json
import mmap
import re
import struct
import sys
from array import array
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate, chain, groupby, pairwise
from pathlib import Path
from typing import Any

Data = bytes | mmap.mmap
HEADER = b"\x0a\x15\x0a\x11precompile.bundle\x10\x01"
FOOTER = struct.Struct("<3sQcQ")  # 22 12 09, manifest_offset, 11, segment_size
PAYLOAD_TYPE = "application/vnd.precompile.manifest.v1+protobuf"
NAME, KEY = re.compile(r"[a-z][a-z0-9_.]{0,127}"), re.compile(r"[^\x00-\x1f\x7f-\x9f]+")
EXACT, SUPERSET, NONE, ZSTD, CACHE, BACKEND = 1, 2, 1, 2, 1, 2
MOST_DATA = 1 << 26  # of a block, and of its content; its record takes 10 bytes more
DENSITY = 65_536  # bytes of content a byte of the bundle [PCB-LIM-010]
# The fields of each message, numbered from 1. Those with a `*` are repeated; the number behind
# it is how many bytes each element stands for in PCB-WIRE-008.
SCHEMA = {
    "Envelope": "payload:bytes payload_type:string signatures:Signature* payload_digest:bytes",
    "Signature": "sig:bytes keyid:string",
    "Manifest": "required_features:string*2 previous_manifest_digest:bytes producer:Producer "
    "requirements:Requirement*4 blocks:BlockEntry*32 artifacts:ArtifactTable removed:ArtifactId*4",
    "Producer": "name:string version:string",
    "Requirement": "name:string match:uint32 values:string*2",
    "BlockEntry": "digest:bytes size:uint64 compression:uint32 content_size:uint64",
    "ArtifactTable": "types:ArtifactType*4 type:uint32* key:string*32 content_digest:bytes "
    "content_size:uint64* block:uint32* offset:uint64* details:ArtifactDetail*4",
    "ArtifactType": "name:string kind:uint32",
    "ArtifactDetail": "artifact:uint32 backends:ArtifactId*4 attributes:Attribute*4",
    "ArtifactId": "type:string key:string content_digest:bytes",
    "Attribute": "name:string value:bytes value:string value:sint64 value:double value:bool",
}
# Of each type of field the wire type, the default, and what makes its value; enums are uint32.
KINDS: dict[str, tuple[int, Any, Callable[[Any], Any]]] = {
    "uint32": (0, 0, lambda number: number & 0xFFFF_FFFF),
    "uint64": (0, 0, int),
    "sint64": (0, 0, lambda number: (number >> 1) ^ -(number & 1)),
    "bool": (0, False, bool),
    "double": (1, 0.0, lambda data: struct.unpack("<d", data)[0]),  # [PCB-ART-006]
    "bytes": (2, b"", bytes),
    "string": (2, "", lambda data: data.decode("utf-8")),  # [PCB-WIRE-002]
}
# Name, type, whether repeated, wire type and bytes an element, by message and number.
FIELDS: dict[str, dict[int, tuple[str, str, bool, int, int]]] = {}
CLASSES: dict[str, Callable[[], Any]] = {}  # whose attributes are the fields' defaults


def add_messages(schema: Mapping[str, str]) -> None:
    """Makes messages known to `decode`."""
    KINDS.update(dict.fromkeys(schema, (2, None, bytes)))
    SCHEMA.update(schema)
    for message, text in schema.items():
        FIELDS[message], defaults = {}, dict[str, Any]()
        for number, (name, kind) in enumerate((word.split(":") for word in text.split()), 1):
            plain, star, least = kind.partition("*")
            wire_type, default, _ = KINDS[plain]
            FIELDS[message][number] = (name, plain, bool(star), wire_type, int(least or 0))
            defaults[name] = () if star else default
        CLASSES[message] = type(message, (), defaults | {"value": None})  # no member of the oneof


add_messages(SCHEMA)


class Refused(Exception):  # noqa: N818
    """A rejection: code, offset where there is one, what is wrong. [PCB-READ-005] [PCB-READ-011]"""

    def __init__(self, code: str, offset: int | None, detail: str) -> None:
        super().__init__(f"{code} at {offset}: {detail}")
        self.code, self.offset, self.detail = code, offset, detail


def check(holds: object, code: str, offset: int, detail: str) -> None:
    """Refuses where something does not hold."""
    if not holds:
        raise Refused(code, offset, detail)


@dataclass(frozen=True)
class Limits:
    """The limits with their defaults. [PCB-LIM-001] [PCB-LIM-002] [PCB-LIM-005]"""

    manifest_bytes: int = 16 << 20
    items: int = 4_000_000
    segments: int = 65_536
    signatures: int = 64
    artifact_content: int = 16 << 30
    total_content: int = 64 << 30
    total_decompressed: int = 256 << 30


DEFAULTS = Limits()


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Gives the varint at `at` and the offset behind it; bits above the 64th are dropped."""
    if at < len(data) and data[at] < 0x80:
        return data[at], at + 1
    value = 0
    for index, byte in enumerate(data[at : at + 10]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at + index + 1
    raise ValueError("a varint is cut off or has more than 10 bytes")


def encoded(value: int) -> bytes:
    """Gives the minimal varint of a value."""
    rest = value >> 7
    return bytes([value & 0x7F | 0x80]) + encoded(rest) if rest else bytes([value])


def wire_fields(data: bytes) -> Iterator[tuple[int, int, Any]]:
    """Yields number, wire type and value of a message's fields; groups are skipped."""
    at = 0
    groups: list[int] = []  # the numbers of those that are open
    while at < len(data):
        tag, at = varint(data, at)
        number, wire_type = tag >> 3, tag & 7
        value: int | bytes = b""
        if not 1 <= number < 1 << 29 or wire_type > 5:
            raise ValueError(f"field {number} of wire type {wire_type}")
        if wire_type == 0:
            value, at = varint(data, at)
        elif wire_type == 3:
            groups.append(number)
        elif wire_type == 4:
            if not groups or groups.pop() != number:
                raise ValueError("a group ends that did not begin")
        else:
            size, at = varint(data, at) if wire_type == 2 else (8 if wire_type == 1 else 4, at)
            value, at = data[at : at + size], at + size
        if at > len(data):
            raise ValueError(f"field {number} is cut off")
        if not groups:
            yield number, wire_type, value
    if groups:
        raise ValueError("a group does not end")


def varints(data: bytes) -> Iterator[int]:
    """Yields the varints of a packed column."""
    at = len(data) if data.isascii() else 0  # each is one byte, most often
    yield from data[:at]
    while at < len(data):
        value, at = varint(data, at)
        yield value


def known_fields(data: bytes, schema: str) -> Iterator[tuple[str, str, bool, int, Any]]:
    """Yields name, type, whether repeated, least size, value of known fields. [PCB-WIRE-003]"""
    for number, wire_type, value in wire_fields(data):
        name, kind, repeated, expected, least = FIELDS[schema].get(number, ("", "", False, -1, 0))
        if wire_type == expected or (wire_type == 2 and expected == 0 and repeated):  # packed
            yield name, kind, repeated, least, value


def decode(data: bytes, schema: str, message: Any = None) -> Any:
    """Decodes a message, or merges it into a former one. [PCB-WIRE-001] [PCB-WIRE-004]"""
    message = CLASSES[schema]() if message is None else message
    for name, kind, repeated, _, raw in known_fields(data, schema):
        wire_type, _, make = KINDS[kind]
        former = getattr(message, name)
        if repeated and not former:
            former = array("Q") if wire_type == 0 else []
            setattr(message, name, former)
        if repeated and wire_type == 0:  # a column: 8 bytes an element
            former.extend(map(make, varints(raw) if isinstance(raw, bytes) else [raw]))
        elif repeated:
            former.append(decode(raw, kind) if kind in SCHEMA else make(raw))
        else:
            setattr(message, name, decode(raw, kind, former) if kind in SCHEMA else make(raw))
    return message


def least_sizes(data: bytes, schema: str) -> Iterator[int]:
    """Yields the least size of each element that has one, of ignored ones too. [PCB-WIRE-008]"""
    for _, kind, _, least, value in known_fields(data, schema):
        if least:
            yield least
        if kind in SCHEMA and value:
            yield from least_sizes(value, kind)


def minimal_varint(data: Data, at: int) -> tuple[int, int]:
    """Gives the minimal varint at `at` and the offset behind it; -1 where there is none."""
    head = data[at : at + 10]
    try:
        value, size = varint(head, 0)
    except ValueError:
        return -1, at
    return (value, at + size) if encoded(value) == head[:size] else (-1, at)


def block_prefix(size: int) -> bytes:
    """Gives the tags and lengths of a block record of `size` bytes, nothing where none has it."""
    for content in range(max(size - 12, 1), size - 3 if size <= MOST_DATA + 10 else 0):
        inner = b"\x0a" + encoded(content)
        prefix = b"\x12" + encoded(len(inner) + content) + inner
        if len(prefix) + content == size:
            return prefix
    return b""


@dataclass
class Segment:
    """A segment: the offsets of it, its manifest record and its end, and what it holds."""

    start: int
    manifest_at: int
    end: int
    envelope: Any = None
    digest: bytes = b""  # of the payload
    manifest: Any = None
    table: Any = None  # of the manifest
    chain: int = 0  # its number in the bundle
    records: list[tuple[int, int]] = field(default_factory=list)  # offset and size by block index
    begins: list[int] = field(default_factory=list)  # of each block: content in those before it

    def check(self, holds: object, code: str, detail: str) -> None:
        """Refuses, at the manifest record, where something does not hold."""
        check(holds, code, self.manifest_at, detail)

    def names(self) -> list[tuple[str, str]]:
        """Gives type and key of each artifact."""
        types, table = [each.name for each in self.table.types], self.table
        return [(types[at], key) for at, key in zip(table.type, table.key, strict=True)]

    def artifacts(self) -> Iterator["Artifact"]:
        """Yields all artifacts."""
        return (Artifact(self, row) for row in range(len(self.table.key)))


class Artifact:
    """One row of a segment's table, made when somebody asks for it."""

    def __init__(self, segment: Segment, row: int) -> None:
        table, begins = segment.table, segment.begins
        of_type = table.types[table.type[row]]
        self.segment, self.type, self.kind, self.key = (
            segment,
            of_type.name,
            of_type.kind,
            table.key[row],
        )
        self.content_digest = table.content_digest[32 * row : 32 * row + 32]
        self.content_size, self.offset = table.content_size[row], table.offset[row]
        end = begins[table.block[row]] + self.offset + self.content_size
        self.blocks = range(table.block[row], bisect_left(begins, end))  # that it lies in
        at = bisect_left(table.details, row, key=lambda detail: detail.artifact)
        found = at < len(table.details) and table.details[at].artifact == row
        detail = table.details[at] if found else CLASSES["ArtifactDetail"]()
        self.backends, self.attributes = detail.backends, detail.attributes


@dataclass
class Bundle:
    """An opened bundle; `ignored` bytes stand behind its last segment. [PCB-RECV-002]"""

    data: Data
    limits: Limits
    segments: list[Segment]
    ignored: int
    decompressed: int = 0
    held: tuple[int, bytes] = (0, b"")  # offset and content of the block that was read last
    digests: dict[Any, bytes] = field(default_factory=dict)  # of contents, by their places


def check_major(data: Data, at: int) -> None:
    """Refuses where a header of another major stands at `at`. [PCB-FRAME-004]"""
    head = data[at : at + 32]
    if head[:1] == HEADER[:1] and head[2:22] == HEADER[2:22]:
        major, _ = minimal_varint(head, 22)
        check(major in (-1, 1), "UNSUPPORTED_VERSION", at, str(major))


def check_header(data: Data, start: int) -> None:
    """Refuses where no header constant stands at `start`."""
    head = data[start : start + len(HEADER)]
    if start == 0:
        torn = 0 < len(head) < len(HEADER) and HEADER.startswith(head)
        check(not torn, "TRUNCATED", len(head), "a part of a header")  # [PCB-FRAME-006]
        magic = head[:1] == HEADER[:1] and head[2:21] == HEADER[2:21]
        check(magic, "NOT_A_BUNDLE", 0, "no magic")  # [PCB-FRAME-003]
    check_major(data, start)
    check(head == HEADER, "MALFORMED_FRAME", start, "header")  # [PCB-FRAME-005]


def attempt(faults: list[Refused], step: Callable[..., None], *arguments: Any) -> None:
    """Does a step and notes its fault."""
    try:
        step(*arguments)
    except Refused as fault:
        faults.append(fault)


def walk(
    data: Data, size: int, limits: Limits, found: list[Segment], faults: list[Refused]
) -> None:
    """Finds the segments from the last to the first; refuses where it stops. [PCB-FRAME-013]"""
    end = size
    while end > 0:
        at = end - FOOTER.size
        footer = data[max(at, 0) : end]
        if at < 23 or footer[:3] + footer[11:12] != b"\x22\x12\x09\x11":
            check(end != size, "TRUNCATED", size, "no footer at the end")  # [PCB-FRAME-007]
            raise Refused("MALFORMED_FRAME", max(at, 0), "no footer")  # [PCB-FRAME-012]
        _, manifest_offset, _, segment_size = FOOTER.unpack(footer)
        fits = segment_size <= end and 23 <= manifest_offset < segment_size - FOOTER.size
        check(fits, "MALFORMED_FRAME", at, "footer")  # [PCB-FRAME-010]
        start = end - segment_size
        manifest_at = start + manifest_offset
        length, behind = minimal_varint(data, manifest_at + 1)
        exact = data[manifest_at] == 0x1A and length >= 0 and behind + length == at
        check(exact, "MALFORMED_FRAME", manifest_at, "record")  # [PCB-FRAME-009] [PCB-FRAME-011]
        small = at - manifest_at <= limits.manifest_bytes
        check(small, "LIMIT_EXCEEDED", manifest_at, "manifest_bytes")  # [PCB-LIM-003]
        found.insert(0, Segment(start, manifest_at, end))
        attempt(faults, check_header, data, start)
        check(len(found) <= limits.segments, "LIMIT_EXCEEDED", start, "segments")
        end = start


def read_envelope(data: Data, segment: Segment, limits: Limits) -> None:
    """Decodes and checks the envelope of a segment. [PCB-ENV-006] [PCB-ENV-007]"""
    _, content_at = minimal_varint(data, segment.manifest_at + 1)
    serialized = data[content_at : segment.end - FOOTER.size]
    try:
        signatures = sum(field[:2] == (3, 2) for field in wire_fields(serialized))
        segment.check(signatures <= limits.signatures, "LIMIT_EXCEEDED", "many")  # [PCB-ENV-008]
        envelope = decode(serialized, "Envelope")
    except ValueError as error:  # [PCB-ENV-005]
        raise Refused("MALFORMED_FRAME", segment.manifest_at, str(error)) from error
    segment.envelope, segment.digest = envelope, hashlib.sha256(envelope.payload).digest()
    right = envelope.payload_digest == segment.digest
    segment.check(right, "MALFORMED_FRAME", "payload_digest")  # [PCB-ENV-004]
    right = envelope.payload_type == PAYLOAD_TYPE
    segment.check(right, "UNSUPPORTED_FEATURE", "payload_type")  # [PCB-ENV-002]


def complete_prefix(data: Data) -> int:
    """Gives E, the end of the longest prefix of complete segments. [PCB-RECV-001]"""
    end = 0
    while data[end : end + 23] == HEADER:
        at = end + 23
        while data[at : at + 1] == b"\x12":
            length, behind = minimal_varint(data, at + 1)
            prefix = block_prefix(behind + length - at)
            if not prefix or data[at : at + len(prefix)] != prefix:
                return end
            at = behind + length
        length, behind = minimal_varint(data, at + 1)
        manifest_end = behind + length
        if length < 0 or manifest_end > len(data) or data[at] != 0x1A:
            return end
        footer = FOOTER.pack(b"\x22\x12\x09", at - end, b"\x11", manifest_end + 20 - end)
        if data[manifest_end : manifest_end + 20] != footer:
            return end
        end = manifest_end + 20
    return end


def decode_payload(segment: Segment) -> int:
    """Decodes a payload; gives how many elements the limit `items` counts."""
    items = least = 0
    payload = segment.envelope.payload
    try:
        for size in least_sizes(payload, "Manifest"):  # takes no memory
            items, least = items + 1, least + size
            if least > len(payload):
                raise ValueError("more elements than bytes")
        segment.manifest = decode(payload, "Manifest")
    except ValueError as error:
        raise Refused("MALFORMED_MANIFEST", segment.manifest_at, str(error)) from error
    segment.table = segment.manifest.artifacts or CLASSES["ArtifactTable"]()
    features = segment.manifest.required_features
    segment.check(not features, "UNSUPPORTED_FEATURE", str(features[:9]))  # [PCB-EXT-001]
    return items


def check_table(segment: Segment) -> None:
    """Refuses columns that do not make a table."""
    table, malformed = segment.table, "MALFORMED_MANIFEST"
    size, columns = len(table.key), (table.type, table.content_size, table.block, table.offset)
    right = all(len(each) == size for each in columns) and len(table.content_digest) == 32 * size
    segment.check(right, malformed, "columns of different lengths")  # [PCB-TABLE-001]
    right = max(table.type, default=-1) < len(table.types)
    segment.check(right, malformed, "an index past the types")  # [PCB-TABLE-002]
    distinct = {(each.name, each.kind) for each in table.types}
    segment.check(len(distinct) == len(table.types), malformed, "types")  # [PCB-TABLE-003]
    rows = chain([-1], (each.artifact for each in table.details), [size])
    right = all(first < second for first, second in pairwise(rows))
    segment.check(right, malformed, "details")  # [PCB-TABLE-004]


def check_values(segment: Segment) -> None:
    """Refuses enums that are not set and digests of other lengths."""
    manifest, table = segment.manifest, segment.table
    right = all(each.match for each in manifest.requirements)
    right = right and all(each.compression for each in manifest.blocks)
    right = right and all(each.kind for each in table.types)
    segment.check(right, "MALFORMED_MANIFEST", "enum")  # [PCB-WIRE-005]
    for detail in table.details:
        if table.types[table.type[detail.artifact]].kind in (CACHE, BACKEND):
            detail.backends = ()  # [PCB-ART-002]
    backends = (each.content_digest for detail in table.details for each in detail.backends)
    optional = chain([manifest.previous_manifest_digest], backends)
    right = all(len(each) in (0, 32) for each in optional)
    right = right and all(len(each.digest) == 32 for each in manifest.blocks)
    segment.check(right, "MALFORMED_MANIFEST", "digest")  # [PCB-WIRE-006]


def check_names(segment: Segment) -> None:
    """Refuses names that break their rules and lists that are not sorted and distinct."""
    manifest, table = segment.manifest, segment.table
    lists = chain(
        [[each.name for each in manifest.requirements]],
        (each.values for each in manifest.requirements),
        ([each.name for each in detail.attributes] for detail in table.details),
    )
    # Python compares texts as their UTF-8 compares. [PCB-REQ-002] [PCB-REQ-004] [PCB-ART-005]
    right = all(first < second for texts in lists for first, second in pairwise(texts))
    segment.check(right, "INVALID_NAME", "a list is not sorted and distinct")
    backends = (each for detail in table.details for each in detail.backends)
    attributes = (each for detail in table.details for each in detail.attributes)
    ids = [*manifest.removed, *backends]  # [PCB-NAME-006]
    named = chain(manifest.requirements, table.types, attributes)
    names = chain((each.name for each in named), (each.type for each in ids))
    segment.check(all(map(NAME.fullmatch, names)), "INVALID_NAME", "a name")  # [PCB-NAME-001]
    keys = [*table.key, *(each.key for each in ids)]
    segment.check(all(map(KEY.fullmatch, keys)), "INVALID_NAME", "a key")
    texts = chain(keys, (value for each in manifest.requirements for value in each.values))
    right = all(len(text.encode()) <= 1024 for text in texts)  # [PCB-NAME-002] [PCB-REQ-004]
    segment.check(right, "INVALID_NAME", "a key's or a value's length")


def check_blocks(segment: Segment, earlier: dict[Any, tuple[int, int]]) -> None:
    """Refuses wrong block entries; finds their records, in `earlier` those of external ones."""
    offset = segment.start + 23
    own = {}
    for entry in segment.manifest.blocks:
        block = (entry.digest, entry.compression, entry.content_size)
        right = 0 < entry.content_size <= MOST_DATA
        segment.check(right, "BAD_REFERENCE", "content_size")  # [PCB-BLOCK-005]
        if entry.size:
            segment.check(block_prefix(entry.size), "BAD_REFERENCE", "size")  # [PCB-BLOCK-003]
            own[block] = (offset, entry.size)
            offset += entry.size
        else:
            segment.check(block in earlier, "BAD_REFERENCE", "external block")  # [PCB-BLOCK-006]
        segment.records.append(own[block] if entry.size else earlier[block])
    segment.check(offset == segment.manifest_at, "BAD_REFERENCE", "sizes")  # [PCB-BLOCK-004]
    earlier.update(own)


def check_places(segment: Segment) -> None:
    """Refuses a content that is not where one can be."""
    table, sizes = segment.table, [each.content_size for each in segment.manifest.blocks]
    segment.begins = begins = [0, *accumulate(sizes)]
    edges, runs = {begin: index for index, begin in enumerate(begins)}, set[tuple[int, int]]()
    for size, block, offset in zip(table.content_size, table.block, table.offset, strict=True):
        if size == 0:
            right = block == offset == 0
            segment.check(right, "BAD_REFERENCE", "a place of nothing")  # [PCB-PLACE-001]
            continue
        right = block < len(sizes) and offset < sizes[block]
        segment.check(right, "BAD_REFERENCE", "no such place")  # [PCB-PLACE-002]
        end = begins[block] + offset + size
        right = end <= begins[block + 1] or (offset == 0 and end in edges)
        segment.check(right, "BAD_REFERENCE", "blocks in part")  # [PCB-PLACE-003]
        if end > begins[block + 1]:
            runs.add((block, edges[end]))
    for (_, stop), (start, _) in pairwise(sorted(runs)):
        segment.check(stop <= start, "BAD_REFERENCE", "runs over one another")  # [PCB-PLACE-005]


def validate(segments: list[Segment]) -> None:
    """VALIDATE: manifests agree with themselves, their segments and their chains."""
    former, number, earlier = b"", 0, dict[Any, tuple[int, int]]()
    for segment in segments:
        check_names(segment)
        names = segment.names()
        right = len(set(names)) == len(names)
        segment.check(right, "DUPLICATE_ARTIFACT", "artifacts")  # [PCB-NAME-003]
        previous = segment.manifest.previous_manifest_digest
        segment.check(previous in (b"", former), "BROKEN_CHAIN", "former")  # [PCB-CHAIN-002]
        if not previous:  # [PCB-CHAIN-003]
            number, earlier = number + 1, {}
        segment.chain = number
        check_blocks(segment, earlier)
        check_places(segment)
        former = segment.digest


def open_bundle(data: Data, limits: Limits = DEFAULTS, recover: bool = False) -> Bundle:
    """Opens a bundle, strictly or with recovery, by the policy *unsigned*. [PCB-READ-008]"""
    check_header(data, 0)
    size, segments, faults = len(data), list[Segment](), list[Refused]()
    attempt(faults, walk, data, size, limits, segments, faults)
    complete = complete_prefix(data) if recover else 0  # [PCB-RECV-003]
    inside = all(complete not in (segment.start, segment.end) for segment in segments)
    torn = any(fault.code in ("TRUNCATED", "MALFORMED_FRAME") for fault in faults)
    if complete and (torn or (not faults and inside)):
        check_major(data, complete)  # [PCB-RECV-006]
        size, segments, faults = complete, [], []
        attempt(faults, walk, data, size, limits, segments, faults)
    for segment in segments:
        attempt(faults, read_envelope, data, segment, limits)
    if faults:  # [PCB-READ-002]
        raise min(faults, key=lambda fault: fault.offset or 0)
    items = total_content = 0
    for segment in segments:
        items += decode_payload(segment)
        segment.check(items <= limits.items, "LIMIT_EXCEEDED", "items")
        check_table(segment)
        check_values(segment)
        total_content += sum(segment.table.content_size)
        most = min(limits.total_content, DENSITY * size)  # [PCB-LIM-010]
        segment.check(total_content <= most, "LIMIT_EXCEEDED", "total_content")
    validate(segments)
    return Bundle(data, limits, segments, len(data) - size)


def met(requirement: Any, facts: Mapping[str, Collection[str]]) -> bool:
    """Says whether a host meets a requirement. [PCB-HOST-001] [PCB-HOST-002] [PCB-HOST-003]"""
    if requirement.name not in facts or requirement.match not in (EXACT, SUPERSET):
        return False
    required, actual = set(requirement.values), set(facts[requirement.name])
    return required == actual if requirement.match == EXACT else required <= actual


def matching(bundle: Bundle, facts: Mapping[str, Collection[str]]) -> list[Segment]:
    """COMPAT: gives the segments that match a host. [PCB-HOST-004] [PCB-HOST-006]"""
    matches, unmet = list[Segment](), list[str]()
    for segment in bundle.segments:
        failed = [each for each in segment.manifest.requirements if not met(each, facts)]
        unmet += [f"{each.name}: {each.values}, not {facts.get(each.name)}" for each in failed]
        matches += [] if failed else [segment]
    bundle.segments[-1].check(matches, "INCOMPATIBLE_ENVIRONMENT", "; ".join(unmet))
    return matches  # [PCB-HOST-005] [PCB-HOST-007]


def current(segments: list[Segment]) -> dict[tuple[str, str], tuple[Segment, int]]:
    """Gives segment and row of what is current by type and key. [PCB-CURR-001] [PCB-CURR-004]"""
    result: dict[tuple[str, str], tuple[Segment, int]] = {}
    for _, of_chain in groupby(segments, key=lambda segment: segment.chain):
        brought: dict[tuple[str, str], tuple[Segment, int]] = {}
        for segment in of_chain:
            for removed in segment.manifest.removed:
                brought.pop((removed.type, removed.key), None)  # [PCB-CURR-003]
            brought |= {name: (segment, row) for row, name in enumerate(segment.names())}
        result |= brought  # [PCB-CURR-002]
    return result


try:
    LIBZSTD: Any = ctypes.CDLL("libzstd.so.1")
    LIBZSTD.ZSTD_findFrameCompressedSize.restype = ctypes.c_size_t
    LIBZSTD.ZSTD_decompress.restype = ctypes.c_size_t
except OSError:
    LIBZSTD = None  # then ZSTD is a compression that is not known [PCB-ZSTD-010]


def decompress(frame: bytes, content_size: int, at: int) -> bytes:
    """Gives the content of a zstd frame, whose header is checked first. [PCB-ZSTD-008]"""
    failed = "DECOMPRESSION_FAILED"
    right = frame[:4] == b"\x28\xb5\x2f\xfd" and len(frame) > 4 and not frame[4] & 0x08
    check(right, failed, at, "no frame")  # [PCB-ZSTD-002] [PCB-ZSTD-003]
    flags = frame[4]
    single_segment = flags >> 5 & 1
    dictionary_at = 5 if single_segment else 6
    size_at = dictionary_at + (0, 1, 2, 4)[flags & 3]
    size_length = (single_segment, 2, 4, 8)[flags >> 6]
    stated = int.from_bytes(frame[size_at : size_at + size_length], "little")
    stated += 256 if size_length == 2 else 0
    right = size_length > 0 and len(frame) >= size_at + size_length
    check(right, failed, at, "the frame's header")  # [PCB-ZSTD-003]
    check(stated == content_size, "SIZE_MISMATCH", at, str(stated))  # [PCB-ZSTD-004]
    check(not any(frame[dictionary_at:size_at]), failed, at, "dictionary")  # [PCB-ZSTD-005]
    window = stated if single_segment else (8 + (frame[5] & 7)) << (frame[5] >> 3) + 7
    check(window <= 8 << 20, failed, at, "window")  # [PCB-ZSTD-006]
    length, content = ctypes.c_size_t(len(frame)), ctypes.create_string_buffer(stated)
    exact = LIBZSTD.ZSTD_findFrameCompressedSize(frame, length) == len(frame)  # [PCB-ZSTD-007]
    given = LIBZSTD.ZSTD_decompress(content, ctypes.c_size_t(stated), frame, length)
    check(exact and given == stated, failed, at, "no single good frame")  # [PCB-ZSTD-009]
    return content.raw


def read_block(bundle: Bundle, segment: Segment, index: int) -> bytes:
    """Gives the content of a block. [PCB-CONT-005]"""
    entry, (at, size) = segment.manifest.blocks[index], segment.records[index]
    if bundle.held[0] == at:
        return bundle.held[1]
    few = bundle.decompressed + entry.content_size <= bundle.limits.total_decompressed
    check(few, "LIMIT_EXCEEDED", at, "total_decompressed")
    bundle.decompressed += entry.content_size
    prefix = block_prefix(size)
    data = bundle.data[at + len(prefix) : at + size]
    exact = bundle.data[at : at + len(prefix)] == prefix
    check(exact, "MALFORMED_BLOCK", at, "framing")  # [PCB-CONT-003]
    right = entry.compression != NONE or len(data) == entry.content_size
    check(right, "SIZE_MISMATCH", at, "content_size")  # [PCB-BLOCK-008]
    right = hashlib.sha256(data).digest() == entry.digest
    check(right, "DIGEST_MISMATCH", at, "block")  # [PCB-CONT-002]
    known = entry.compression == NONE or (entry.compression == ZSTD and LIBZSTD)
    check(known, "UNSUPPORTED_FEATURE", at, "compression")  # [PCB-CONT-004]
    content = data if entry.compression == NONE else decompress(data, entry.content_size, at)
    bundle.held = (at, content)
    return content


def parts(bundle: Bundle, artifact: Artifact) -> Iterator[bytes]:
    """Yields the parts of an artifact's content, which `check_digest` is about."""
    fits = artifact.content_size <= bundle.limits.total_decompressed
    artifact.segment.check(fits, "LIMIT_EXCEEDED", "total_decompressed")
    for block in artifact.blocks:  # one; or several, of which the content is the whole
        content = read_block(bundle, artifact.segment, block)
        yield content[artifact.offset : artifact.offset + artifact.content_size]


def check_digest(artifact: Artifact, digest: bytes) -> None:
    """Refuses where the digest of the content is another. [PCB-CONT-001]"""
    at = artifact.segment.manifest_at
    at = artifact.segment.records[artifact.blocks[0]][0] if artifact.blocks else at
    check(digest == artifact.content_digest, "DIGEST_MISMATCH", at, "content")


def check_content(bundle: Bundle, artifact: Artifact) -> None:
    """Reads an artifact's content, once where several have it at one place. [PCB-CONT-008]"""
    start, blocks = artifact.segment.start, artifact.blocks
    place = (start, blocks, artifact.offset, artifact.content_size)
    if place not in bundle.digests:
        digest = hashlib.sha256()
        for part in parts(bundle, artifact):
            digest.update(part)
        bundle.digests[place] = digest.digest()
    check_digest(artifact, bundle.digests[place])


def read(bundle: Bundle, artifact: Artifact) -> bytes:
    """Gives an artifact's content. [PCB-READ-004]"""
    small = artifact.content_size <= bundle.limits.artifact_content
    artifact.segment.check(small, "LIMIT_EXCEEDED", "artifact_content")
    content = b"".join(parts(bundle, artifact))
    check_digest(artifact, hashlib.sha256(content).digest())
    return content


def verify(bundle: Bundle) -> str:
    """Reads every block and every artifact; gives the bundle digest. [PCB-CONT-007]"""
    for segment in bundle.segments:
        due: list[list[int]] = [[] for _ in segment.begins]
        for row, artifact in enumerate(segment.artifacts()):  # behind the last block of it
            due[artifact.blocks.stop].append(row)
        for number, rows in enumerate(due):
            if number and segment.manifest.blocks[number - 1].size:
                read_block(bundle, segment, number - 1)
            for row in rows:
                check_content(bundle, Artifact(segment, row))
    return hashlib.sha256(b"".join(segment.digest for segment in bundle.segments)).hexdigest()


def extract(bundle: Bundle, folder: Path) -> None:
    """Writes every artifact to <index>.bin, never to its name, and index.json. [PCB-NAME-007]"""
    folder.mkdir(parents=True, exist_ok=True)
    index: list[dict[str, Any]] = []
    for number, segment in enumerate(bundle.segments):
        for artifact in segment.artifacts():
            facts = {"type": artifact.type, "key": artifact.key, "kind": artifact.kind}
            index.append({"segment": number, **facts, "sha256": artifact.content_digest.hex()})
            try:
                content = read(bundle, artifact)
                (folder / f"{len(index) - 1}.bin").write_bytes(content)
            except Refused as refused:
                index[-1] |= {"refused": refused.code, "offset": refused.offset}
    (folder / "index.json").write_text(json.dumps(index, indent=1))


def main(command: str, file: str, *folder: str) -> int:
    """Runs `list FILE`, `extract FILE DIR` or `verify FILE`."""
    with open(file, "rb") as stream:
        empty = Path(file).stat().st_size == 0
        data = b"" if empty else mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        bundle = open_bundle(data)
        if command == "list":
            for segment, row in current(bundle.segments).values():
                artifact = Artifact(segment, row)
                place = f"segment at {segment.start}, kind {artifact.kind}"
                print(f"{artifact.type} {artifact.key!r}: {artifact.content_size} bytes, {place}")
        elif command == "extract":
            extract(bundle, Path(folder[0]))
        else:
            print(verify(bundle))
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
