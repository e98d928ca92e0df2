"""Blocks: stored bytes to content, each check before the step that it protects."""

import hashlib
from collections.abc import Callable

import zstandard

from precompile_context.bundle import framing
from precompile_context.bundle.manifest import NONE, ZSTD, BlockEntry
from precompile_context.bundle.source import ByteSource
from precompile_context.bundle.validate import BlockPlace
from precompile_context.errors import ErrorCode, PrecompileError

_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
MAX_WINDOW = 8 << 20
# Up to here the output is allocated at once from the claimed size; beyond, it grows with what
# really comes out of the frame, so that a short input cannot take memory by claiming much.
_ONE_SHOT = 16 << 20

Fault = Callable[[ErrorCode, str], PrecompileError]


def stored_data(source: ByteSource, place: BlockPlace) -> memoryview:
    """The data of the Block record at `place`, its framing checked, its digest not yet.

    Raises:
        PrecompileError: MALFORMED_BLOCK, at the record's offset.
    """
    prefix = framing.block_prefix(framing.block_data_size(place.size) or 0)
    record = source.read(place.offset, place.size)
    if record[: len(prefix)] != prefix:
        detail = "no Block record of the entry's size stands here"
        raise PrecompileError(ErrorCode.MALFORMED_BLOCK, detail, place.offset)
    return record[len(prefix) :]


def check_digest(data: memoryview, entry: BlockEntry, offset: int) -> None:
    """Raise DIGEST_MISMATCH, at `offset`, where `data` is not what the entry's digest covers."""
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
        if len(data) != entry.content_size:
            detail = f"the block holds {len(data)} bytes, its entry says {entry.content_size}"
            raise fault(ErrorCode.SIZE_MISMATCH, detail)
        return data
    if entry.compression == ZSTD:
        _check_frame_header(data, entry, fault)
        return memoryview(_decompress(data, entry, fault))
    detail = f"the block's compression {entry.compression} is unknown to this reader"
    raise fault(ErrorCode.UNSUPPORTED_FEATURE, detail)


def _check_frame_header(data: memoryview, entry: BlockEntry, fault: Fault) -> None:
    """Refuse a frame by its header, before anything is allocated for it."""
    # A skippable frame has another magic and would make content of nothing.
    if data[:4] != _ZSTD_MAGIC:
        raise fault(ErrorCode.DECOMPRESSION_FAILED, "the block is no standard zstd frame")
    try:
        header = zstandard.get_frame_parameters(data)
    except zstandard.ZstdError as error:
        detail = f"the zstd frame's header is malformed: {error}"
        raise fault(ErrorCode.DECOMPRESSION_FAILED, detail) from None
    if header.content_size == zstandard.CONTENTSIZE_UNKNOWN:
        raise fault(ErrorCode.DECOMPRESSION_FAILED, "the zstd frame does not say its content size")
    if header.content_size != entry.content_size:
        detail = f"the zstd frame claims {header.content_size} bytes, not {entry.content_size}"
        raise fault(ErrorCode.SIZE_MISMATCH, detail)
    if header.dict_id:
        raise fault(ErrorCode.DECOMPRESSION_FAILED, "the zstd frame needs a dictionary")
    if header.window_size > MAX_WINDOW:
        detail = f"the zstd frame's window is {header.window_size} bytes, over {MAX_WINDOW}"
        raise fault(ErrorCode.DECOMPRESSION_FAILED, detail)


def _decompress(data: memoryview, entry: BlockEntry, fault: Fault) -> bytes:
    try:
        if entry.content_size <= _ONE_SHOT:
            content = zstandard.ZstdDecompressor().decompress(data, allow_extra_data=False)
        else:
            content = _decompress_growing(data, entry.content_size)
    except (zstandard.ZstdError, MemoryError) as error:
        detail = f"the zstd frame is damaged: {error}"
        raise fault(ErrorCode.DECOMPRESSION_FAILED, detail) from None
    if len(content) != entry.content_size:
        detail = f"the block inflates to {len(content)} bytes, its entry says {entry.content_size}"
        raise fault(ErrorCode.SIZE_MISMATCH, detail)
    return content


def _decompress_growing(data: memoryview, content_size: int) -> bytes:
    """The frame's content, in memory that grows with it and never much past `content_size`."""
    step = 1 << 20
    decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW).decompressobj()
    pieces, total = [], 0
    for start in range(0, len(data), step):
        if decompressor.eof:
            break
        pieces.append(decompressor.decompress(data[start : start + step]))
        total += len(pieces[-1])
        if total > content_size:
            raise zstandard.ZstdError("more content than the frame's header says")
    if not decompressor.eof or decompressor.unused_data or start + step < len(data):
        raise zstandard.ZstdError("not exactly one whole frame")
    return b"".join(pieces)
