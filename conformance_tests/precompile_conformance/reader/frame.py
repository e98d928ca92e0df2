"""FRAME: where the segments lie."""

from dataclasses import dataclass

from google.protobuf.message import DecodeError

from precompile.v1 import bundle_pb2
from precompile_conformance.reader.fault import Limits, Refused
from precompile_conformance.reader.fields import LENGTH_DELIMITED, top_level_fields
from precompile_conformance.wire import (
    BLOCK_TAG,
    DATA_TAG,
    FOOTER_SIZE,
    HEADER,
    MANIFEST_TAG,
    footer,
    sha256,
    varint,
)

SIGNATURES = 3  # the field of an Envelope
PAYLOAD_TYPE = "application/vnd.precompile.manifest.v1+protobuf"
# A block has at most so many bytes of data.
MAX_DATA = 1 << 26


@dataclass
class Frame:
    """A segment's place and its envelope; offsets count from the input's start."""

    offset: int
    size: int
    manifest_offset: int
    envelope_offset: int
    footer_offset: int
    envelope: bundle_pb2.Envelope

    @property
    def payload_digest(self) -> bytes:
        """SHA-256 of the payload."""
        return sha256(self.envelope.payload)


def read_varint(data: bytes, at: int) -> tuple[int, int] | None:
    """(value, end) of a minimal varint of 64 bits, or None."""
    value = shift = 0
    for end in range(at + 1, min(at + 10, len(data)) + 1):
        value |= (data[end - 1] & 0x7F) << shift
        shift += 7
        if data[end - 1] < 0x80:
            minimal = value < 1 << 64 and varint(value) == data[at:end]
            return (value, end) if minimal else None
    return None


def check_start(data: bytes) -> None:
    """The input begins with a header, or with as much of one as it has bytes."""
    if data[: len(HEADER)] != HEADER:
        if data and HEADER.startswith(data):
            raise Refused("TRUNCATED", len(data))
        raise header_refusal(data, 0)


def header_refusal(data: bytes, at: int) -> Refused:
    """What is wrong with a header that is not the constant."""
    magic = data[at : at + 1] == HEADER[:1] and data[at + 2 : at + 21] == HEADER[2:21]
    if not magic:
        return Refused("NOT_A_BUNDLE" if at == 0 else "MALFORMED_FRAME", at)
    if is_of_another_major(data, at):
        return Refused("UNSUPPORTED_VERSION", at)
    return Refused("MALFORMED_FRAME", at)


def is_of_another_major(data: bytes, at: int) -> bool:
    """Whether a header stands at `at` that differs in its length and its major version alone."""
    if data[at : at + 1] != HEADER[:1] or data[at + 2 : at + 22] != HEADER[2:22]:
        return False
    major = read_varint(data, at + 22)
    return major is not None and major[0] != 1


def frames_of(data: bytes, limits: Limits, recover: bool) -> list[Frame]:
    """The segments, found backwards from the end, or from E where the tail is torn."""
    check_start(data)
    frames, faults = walk_back(data, len(data), limits)
    if recover and (end := complete_prefix(data)):
        torn = any(f.code in ("TRUNCATED", "MALFORMED_FRAME") for f in faults)
        boundaries = {f.offset for f in frames} | {f.offset + f.size for f in frames}
        if torn or not (faults or end in boundaries):
            if is_of_another_major(data, end):
                raise Refused("UNSUPPORTED_VERSION", end)
            frames, faults = walk_back(data, end, limits)
    for frame in frames:
        try:
            check_envelope(frame, data, limits)
        except Refused as fault:
            faults.append(fault)
    if faults:
        raise min(faults, key=lambda fault: fault.offset or 0)
    return frames


def walk_back(data: bytes, end: int, limits: Limits) -> tuple[list[Frame], list[Refused]]:
    """From footer to footer down to 0; and the faults met."""
    frames: list[Frame] = []
    faults: list[Refused] = []
    last = True
    while end > 0:
        try:
            frame = segment_before(data, end, limits, last=last)
        except Refused as fault:
            faults.append(fault)
            break
        last = False
        if data[frame.offset : frame.offset + len(HEADER)] != HEADER:
            faults.append(header_refusal(data, frame.offset))
        frames.insert(0, frame)
        if len(frames) > limits.segments:
            faults.append(Refused("LIMIT_EXCEEDED", frame.offset, "segments"))
            break
        end = frame.offset
    return frames, faults


def segment_before(data: bytes, end: int, limits: Limits, *, last: bool) -> Frame:
    """The segment whose footer ends at `end`."""
    at = end - FOOTER_SIZE
    found = data[max(0, at) : end]
    if at < len(HEADER) or found[:3] != b"\x22\x12\x09" or found[11:12] != b"\x11":
        if last:
            raise Refused("TRUNCATED", end)
        raise Refused("MALFORMED_FRAME", max(0, at), "no footer")
    manifest_offset = int.from_bytes(found[3:11], "little")
    size = int.from_bytes(found[12:], "little")
    if size > end or not len(HEADER) <= manifest_offset < size - FOOTER_SIZE:
        raise Refused("MALFORMED_FRAME", at, "offsets of the footer")
    start = end - size
    manifest_at = start + manifest_offset
    length = read_varint(data[:at], manifest_at + 1)
    if data[manifest_at] != MANIFEST_TAG or length is None or length[1] + length[0] != at:
        raise Refused("MALFORMED_FRAME", manifest_at, "no manifest record")
    if at - manifest_at > limits.manifest_bytes:
        raise Refused("LIMIT_EXCEEDED", manifest_at, "manifest")
    return Frame(start, size, manifest_at, length[1], at, bundle_pb2.Envelope())


def check_envelope(frame: Frame, data: bytes, limits: Limits) -> None:
    """The envelope is one, carries its payload's digest, and is of our type; in this order."""
    content, at = data[frame.envelope_offset : frame.footer_offset], frame.manifest_offset
    signatures = 0
    try:
        for number, wire_type in top_level_fields(content):
            signatures += (number, wire_type) == (SIGNATURES, LENGTH_DELIMITED)
    except ValueError as error:
        raise Refused("MALFORMED_FRAME", at, str(error)) from None
    if signatures > limits.signatures:
        raise Refused("LIMIT_EXCEEDED", at, "signatures")
    try:
        frame.envelope.ParseFromString(content)
    except DecodeError as error:
        raise Refused("MALFORMED_FRAME", at, str(error)) from None
    if frame.envelope.payload_digest != frame.payload_digest:
        raise Refused("MALFORMED_FRAME", at, "payload_digest")
    if frame.envelope.payload_type != PAYLOAD_TYPE:
        raise Refused("UNSUPPORTED_FEATURE", at, "payload_type")


def complete_prefix(data: bytes) -> int:
    """E: the end of the longest prefix of complete segments, found forwards."""
    end = 0
    while (further := _segment_end(data, end)) is not None:
        end = further
    return end


def _segment_end(data: bytes, start: int) -> int | None:
    if data[start : start + len(HEADER)] != HEADER:
        return None
    at = start + len(HEADER)
    while at < len(data):
        outer = read_varint(data, at + 1)
        if outer is None:
            return None
        length, inside = outer
        if data[at] == BLOCK_TAG:
            inner = read_varint(data, inside + 1)
            if inner is None or data[inside] != DATA_TAG or inner[0] == 0:
                return None
            if inner[1] + inner[0] != inside + length or inner[0] > MAX_DATA:
                return None
            at = inside + length
        elif data[at] == MANIFEST_TAG:
            end = inside + length + FOOTER_SIZE
            if end > len(data):
                return None
            whole = data[inside + length : end] == footer(at - start, end - start)
            return end if whole else None
        else:
            return None
    return None
