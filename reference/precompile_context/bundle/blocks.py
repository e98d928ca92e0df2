"""Blocks: stored bytes to content, each check before the step that it protects."""

import hashlib
from collections.abc import Callable

import zstandard

from precompile_context.bundle import framing
from precompile_context.bundle.manifest import NONE, ZSTD
from precompile_context.bundle.source import ByteSource
from precompile_context.bundle.stored import BlockEntry
from precompile_context.bundle.validate import BlockPlace
from precompile_context.errors import ErrorCode, PrecompileError

_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
MAX_WINDOW = 8 << 20
# Block types of a zstd frame, and the most that a compressed one inflates to.
_RAW_BLOCK, _RLE_BLOCK = 0, 1
_MAX_ZSTD_BLOCK = 128 << 10

Fault = Callable[[ErrorCode, str], PrecompileError]


def stored_data(source: ByteSource, place: BlockPlace, entry: BlockEntry) -> memoryview:
    """The data of the Block record at `place`, its framing checked, its digest not yet.

    Raises:
        PrecompileError: MALFORMED_BLOCK, or SIZE_MISMATCH where it is stored as it is and
            has not the entry's size, at the record's offset.
    """
    prefix = framing.block_prefix(framing.block_data_size(place.size) or 0)
    record = source.read(place.offset, place.size)
    # [PCB-CONT-003]
    if record[: len(prefix)] != prefix:
        detail = "no Block record of the entry's size stands here"
        raise PrecompileError(ErrorCode.MALFORMED_BLOCK, detail, place.offset)
    data = record[len(prefix) :]
    # [PCB-BLOCK-008]
    if entry.compression == NONE and len(data) != entry.content_size:
        detail = f"the block holds {len(data)} bytes, its entry says {entry.content_size}"
        raise PrecompileError(ErrorCode.SIZE_MISMATCH, detail, place.offset)
    return data


def check_digest(data: memoryview, entry: BlockEntry, offset: int) -> None:
    """Raise DIGEST_MISMATCH, at `offset`, where `data` is not what the entry's digest covers."""
    # [PCB-CONT-002]
    if hashlib.sha256(data).digest() != entry.digest:
        detail = "the block's bytes are not those of its digest"
        raise PrecompileError(ErrorCode.DIGEST_MISMATCH, detail, offset)


def content_of(data: memoryview, entry: BlockEntry, offset: int) -> memoryview:
    """The content of verified stored bytes: themselves, or what their one zstd frame holds.

    Raises:
        PrecompileError: DECOMPRESSION_FAILED, SIZE_MISMATCH, UNSUPPORTED_FEATURE, at `offset`.
    """

    def fault(code: ErrorCode, detail: str) -> PrecompileError:
        return PrecompileError(code, detail, offset)

    if entry.compression == NONE:
        return data
    if entry.compression == ZSTD:
        # [PCB-ZSTD-008] [PCB-LIM-004]
        _check_frame_header(data, entry, fault)
        _check_frame_end(data, entry, fault)
        return memoryview(_decompress(data, entry, fault))
    # [PCB-CONT-004]
    detail = f"the block's compression {entry.compression} is unknown to this reader"
    raise fault(ErrorCode.UNSUPPORTED_FEATURE, detail)


def _check_frame_header(data: memoryview, entry: BlockEntry, fault: Fault) -> None:
    """Refuse a frame by its header, before anything is allocated for it."""
    # [PCB-ZSTD-002]
    # A skippable frame has another magic and would make content of nothing.
    if data[:4] != _ZSTD_MAGIC:
        raise fault(ErrorCode.DECOMPRESSION_FAILED, "the block is no standard zstd frame")
    try:
        header = zstandard.get_frame_parameters(data)
    except zstandard.ZstdError as error:
        detail = f"the zstd frame's header is malformed: {error}"
        raise fault(ErrorCode.DECOMPRESSION_FAILED, detail) from None
    # [PCB-ZSTD-003]
    if header.content_size == zstandard.CONTENTSIZE_UNKNOWN:
        raise fault(ErrorCode.DECOMPRESSION_FAILED, "the zstd frame does not say its content size")
    # [PCB-ZSTD-004]
    if header.content_size != entry.content_size:
        detail = f"the zstd frame claims {header.content_size} bytes, not {entry.content_size}"
        raise fault(ErrorCode.SIZE_MISMATCH, detail)
    # [PCB-ZSTD-005]
    if header.dict_id:
        raise fault(ErrorCode.DECOMPRESSION_FAILED, "the zstd frame needs a dictionary")
    # [PCB-ZSTD-006]
    if header.window_size > MAX_WINDOW:
        detail = f"the zstd frame's window is {header.window_size} bytes, over {MAX_WINDOW}"
        raise fault(ErrorCode.DECOMPRESSION_FAILED, detail)


def _check_frame_end(data: memoryview, entry: BlockEntry, fault: Fault) -> None:
    """Walk the frame's blocks (RFC 8878, 3.1.1.2): it ends with `data` and may hold that much.

    Done before decompression, so that a short frame takes no memory by claiming much.
    """
    # [PCB-ZSTD-007]
    position, bound, last = zstandard.frame_header_size(data), 0, False
    while not last:
        if position + 3 > len(data):
            raise fault(ErrorCode.DECOMPRESSION_FAILED, "the zstd frame is cut short")
        head = int.from_bytes(data[position : position + 3], "little")
        last, kind, size = bool(head & 1), head >> 1 & 3, head >> 3
        position += 3 + (1 if kind == _RLE_BLOCK else size)
        bound += size if kind in (_RAW_BLOCK, _RLE_BLOCK) else _MAX_ZSTD_BLOCK
    if zstandard.get_frame_parameters(data).has_checksum:
        position += 4
    if position != len(data):
        detail = "the zstd frame does not end where the block's data ends"
        raise fault(ErrorCode.DECOMPRESSION_FAILED, detail)
    if bound < entry.content_size:
        detail = f"the zstd frame holds at most {bound} bytes and claims {entry.content_size}"
        raise fault(ErrorCode.DECOMPRESSION_FAILED, detail)


def _decompress(data: memoryview, entry: BlockEntry, fault: Fault) -> bytes:
    try:
        # [PCB-ZSTD-009]
        content = zstandard.ZstdDecompressor().decompress(data, allow_extra_data=False)
    except (zstandard.ZstdError, MemoryError) as error:
        detail = f"the zstd frame is damaged: {error}"
        raise fault(ErrorCode.DECOMPRESSION_FAILED, detail) from None
    if len(content) != entry.content_size:
        detail = f"the block inflates to {len(content)} bytes, its entry says {entry.content_size}"
        raise fault(ErrorCode.SIZE_MISMATCH, detail)
    return content
