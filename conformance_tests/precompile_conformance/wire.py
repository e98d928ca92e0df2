"""The framing's bytes by hand, exact or not, and zstd frames that tell the truth or not."""

import hashlib
import struct
from collections.abc import Sequence

HEADER = b"\x0a\x15\x0a\x11precompile.bundle\x10\x01"
FOOTER_SIZE = 20
HEADER_TAG, BLOCK_TAG, MANIFEST_TAG, FOOTER_TAG = 0x0A, 0x12, 0x1A, 0x22
DATA_TAG = 0x0A
_ZSTD_BLOCK = 128 << 10  # the most that one block of a zstd frame holds


def sha256(data: bytes) -> bytes:
    """The digest of every kind in a bundle."""
    return hashlib.sha256(data).digest()


def varint(value: int, padding: int = 0) -> bytes:
    """`value` as a varint, with `padding` bytes more than it needs."""
    out = bytearray()
    while value > 0x7F or padding > 0:
        padding -= value <= 0x7F
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def record(tag: int, data: bytes, *, length: int | None = None, padding: int = 0) -> bytes:
    """A length-delimited field; `length` is claimed instead of the true one."""
    return bytes([tag]) + varint(len(data) if length is None else length, padding) + data


def block_record(data: bytes) -> bytes:
    """A Block record."""
    return record(BLOCK_TAG, record(DATA_TAG, data))


def block_prefix(data_size: int) -> bytes:
    """What stands before `data_size` bytes of data in a Block record."""
    inner = bytes([DATA_TAG]) + varint(data_size)
    return bytes([BLOCK_TAG]) + varint(len(inner) + data_size) + inner


def block_record_size(record_size: int) -> int:
    """Bytes of data in a Block record of `record_size` bytes; 0 where no record has that size."""
    for data_size in range(max(1, record_size - 22), record_size):
        if len(block_prefix(data_size)) + data_size == record_size:
            return data_size
    return 0


def footer(manifest_offset: int, segment_size: int) -> bytes:
    """A SegmentFooter record, 20 bytes."""
    return struct.pack("<BBBQBQ", FOOTER_TAG, 18, 0x09, manifest_offset, 0x11, segment_size)


def compress(content: bytes) -> bytes:
    """One sound zstd frame of the content, its size in the header, no checksum.

    Made by hand, so that no vector depends on the version of a compressor: runs of one
    byte are told by their length, everything else stands as it is.
    """
    blocks: list[tuple[str, bytes]] = []
    for start in range(0, len(content), _ZSTD_BLOCK):
        piece = content[start : start + _ZSTD_BLOCK]
        blocks.append(("rle" if len(set(piece)) == 1 else "raw", piece))
    return zstd_frame(blocks or [("raw", b"")], content_size=len(content))


def zstd_frame(
    blocks: Sequence[tuple[str, int | bytes]],
    *,
    content_size: int | None,
    size_bytes: int = 8,
    window_log: int | None = 17,
    dictionary: int = 0,
    dictionary_bytes: int | None = None,
) -> bytes:
    """A zstd frame by hand: header fields as told, true or not.

    `blocks` are ("raw", bytes) or ("rle", bytes all alike), the latter in four bytes
    of frame; ("rle", size) is that many zero bytes. The window is 2**window_log bytes;
    None makes a single-segment frame, which alone may tell its size in one byte.
    """
    if dictionary_bytes is None:
        dictionary_bytes = 4 if dictionary else 0
    flags = 0 if content_size is None else {1: 0, 2: 1, 4: 2, 8: 3}[size_bytes] << 6
    flags |= (window_log is None) << 5 | {0: 0, 1: 1, 2: 2, 4: 3}[dictionary_bytes]
    out = b"\x28\xb5\x2f\xfd" + bytes([flags])
    out += b"" if window_log is None else bytes([(window_log - 10) << 3])
    out += dictionary.to_bytes(dictionary_bytes, "little")
    if content_size is not None:
        told = content_size - 256 if size_bytes == 2 else content_size
        out += told.to_bytes(size_bytes, "little")
    for index, (kind, data) in enumerate(blocks):
        size = data if isinstance(data, int) else len(data)
        last = index == len(blocks) - 1
        out += struct.pack("<I", last | (kind == "rle") << 1 | size << 3)[:3]
        out += b"\0" if isinstance(data, int) else data[:1] if kind == "rle" else data
    return out
