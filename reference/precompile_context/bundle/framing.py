"""The exact part of the wire: record tags and lengths, the header constant, the footer.

Nothing here knows protobuf's library: these few bytes are fixed by the format so
that a reader can find its way without decoding, and a writer without copying.
"""

import functools
import struct

MAGIC = b"precompile.bundle"
MAJOR = 1
# SegmentHeader { magic = 1; major = 2 } as a record of Bundle field 1.
HEADER = b"\x0a\x15\x0a\x11" + MAGIC + b"\x10\x01"
HEADER_SIZE = len(HEADER)
FOOTER_SIZE = 20
_FOOTER = struct.Struct("<3sQBQ")
FOOTER_TAG = b"\x22\x12\x09"
_FOOTER_SIZE_TAG = 0x11
BLOCK_TAG = 0x12
MANIFEST_TAG = 0x1A
DATA_TAG = 0x0A
# [PCB-FRAME-014] The most bytes of data that a Block record holds, and that it inflates to.
MAX_BLOCK_DATA = MAX_BLOCK_CONTENT = 1 << 26
# The longest prefix of a Block record: tag, length, tag, length.
MAX_BLOCK_PREFIX = 12


def read_major(head: bytes | memoryview) -> int | None:
    """The major version of the header that `head` begins with; None where it is no header.

    Its length, byte 1, is that of the version's number and may be any.
    """
    if head[0:1] != HEADER[:1] or head[2:22] != HEADER[2:22]:
        return None
    major = read_varint(memoryview(head), 22)
    return None if major is None else major[0]


# [PCB-FRAME-008]
@functools.lru_cache(maxsize=1 << 15)  # lengths, sizes and offsets repeat
def varint(value: int) -> bytes:
    """`value` as a minimal varint."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_varint(data: memoryview, position: int) -> tuple[int, int] | None:
    """The varint at `position` and where it ends; None where it is cut, padded or over 64 bits."""
    value = shift = 0
    for index in range(position, min(position + 10, len(data))):
        byte = data[index]
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            # [PCB-FRAME-009]
            # A last byte of zero pads: the same number would have two spellings.
            if (byte == 0 and index > position) or value >= 1 << 64:
                return None
            return value, index + 1
    return None


def block_prefix(data_size: int) -> bytes:
    """What stands before a block's data in its record."""
    inner = bytes([DATA_TAG]) + varint(data_size)
    return bytes([BLOCK_TAG]) + varint(len(inner) + data_size) + inner


@functools.lru_cache(maxsize=1 << 10)  # large contents of one size are stored in blocks of one size
def block_data_size(record_size: int) -> int | None:
    """Bytes of data in a Block record of `record_size`; None where no record has that size.

    None is larger than one of MAX_BLOCK_DATA bytes.
    """
    # Two tags, and two lengths that take as many bytes as the record's size would, or one less.
    longest = 2 + 2 * _varint_size(record_size)
    for prefix_size in range(longest - 2, longest + 1):
        data_size = record_size - prefix_size
        if 0 < data_size <= MAX_BLOCK_DATA:
            inner = 1 + _varint_size(data_size)
            if 1 + _varint_size(inner + data_size) + inner == prefix_size:
                return data_size
    return None


def _varint_size(value: int) -> int:
    return (value.bit_length() + 6) // 7 or 1


def manifest_prefix(envelope_size: int) -> bytes:
    """What stands before the envelope's bytes in its record."""
    return bytes([MANIFEST_TAG]) + varint(envelope_size)


def footer(manifest_offset: int, segment_size: int) -> bytes:
    """The record that commits a segment."""
    return _FOOTER.pack(FOOTER_TAG, manifest_offset, _FOOTER_SIZE_TAG, segment_size)


def read_footer(data: bytes | memoryview) -> tuple[int, int] | None:
    """(manifest_offset, segment_size) of 20 bytes; None where they have not a footer's shape."""
    if len(data) != FOOTER_SIZE:
        return None
    # [PCB-FRAME-007]
    tag, manifest_offset, size_tag, segment_size = _FOOTER.unpack(data)
    if tag != FOOTER_TAG or size_tag != _FOOTER_SIZE_TAG:
        return None
    return manifest_offset, segment_size


def footer_is_sane(manifest_offset: int, segment_size: int) -> bool:
    """Whether the two numbers leave room for a header, a manifest record and the footer."""
    # [PCB-FRAME-010]
    return HEADER_SIZE <= manifest_offset < segment_size - FOOTER_SIZE


def read_manifest_prefix(data: memoryview, position: int) -> tuple[int, int] | None:
    """(envelope's first byte, envelope's size) of the manifest record at `position`, or None."""
    if position >= len(data) or data[position] != MANIFEST_TAG:
        return None
    length = read_varint(data, position + 1)
    return None if length is None else (length[1], length[0])
