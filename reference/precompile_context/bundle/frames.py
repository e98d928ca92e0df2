"""A segment's frame: where it lies, how it begins, and how its bytes are looked at."""

from dataclasses import dataclass

from precompile_context.bundle import framing
from precompile_context.bundle.source import ByteSource
from precompile_context.errors import ErrorCode, PrecompileError

# A header's constant part, and any varint in place of its major version.
HEAD_SIZE = framing.HEADER_SIZE + 9


@dataclass(frozen=True, slots=True)
class SegmentFrame:
    """Where a segment lies and its envelope's bytes; offsets count from the bundle's start."""

    offset: int
    size: int
    manifest_offset: int
    envelope: memoryview


class Window:
    """The last range read, so that neighbouring small reads cost one."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._start = 0
        self._data = memoryview(b"")

    def read(self, offset: int, size: int, before: int = 0, after: int = 0) -> memoryview:
        """`size` bytes at `offset`; where they must be fetched, the bytes around come along."""
        start = offset - self._start
        if start < 0 or start + size > len(self._data):
            first = max(0, offset - before)
            last = min(self._source.size, offset + size + after)
            self._start, self._data = first, self._source.read(first, last - first)
            start = offset - first
        return self._data[start : start + size]


def header_fault(head: memoryview, offset: int) -> PrecompileError | None:
    """Why the bytes at a segment's start (HEAD_SIZE, or to the input's end) are no header."""
    if head[: framing.HEADER_SIZE] == framing.HEADER:
        return None
    # [PCB-FRAME-006]
    if len(head) and framing.HEADER.startswith(head):
        return PrecompileError(
            ErrorCode.TRUNCATED, "the input ends within the first header", offset + len(head)
        )
    # [PCB-FRAME-003]
    if head[2:4] != framing.HEADER[2:4] or head[4:21] != framing.MAGIC or head[0] != 0x0A:
        return PrecompileError(
            ErrorCode.NOT_A_BUNDLE, "the input does not begin as a precompile bundle does", offset
        )
    major = framing.read_major(head)
    # [PCB-FRAME-004]
    if major not in (None, framing.MAJOR):
        detail = f"a segment of major version {major}; this reader knows {framing.MAJOR}"
        return PrecompileError(ErrorCode.UNSUPPORTED_VERSION, detail, offset)
    # [PCB-FRAME-005]
    return PrecompileError(ErrorCode.MALFORMED_FRAME, "the segment's header is malformed", offset)


def check_head(source: ByteSource) -> None:
    """Raise where the input does not begin with a segment of this version."""
    head = source.read(0, min(source.size, HEAD_SIZE))
    if fault := header_fault(head, 0):
        raise fault


def check_same_major(source: ByteSource, end: int) -> None:
    """Raise UNSUPPORTED_VERSION where a segment of another major begins at E.

    It is no torn tail: whoever took it for one would drop what a later version committed.
    """
    # [PCB-RECV-006]
    fault = header_fault(source.read(end, min(source.size - end, HEAD_SIZE)), end)
    if fault is not None and fault.code is ErrorCode.UNSUPPORTED_VERSION:
        raise fault
