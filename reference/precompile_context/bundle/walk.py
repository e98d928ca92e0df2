"""Finding the segments of a bundle: backwards from its end, or forwards to E."""

from dataclasses import dataclass

from precompile_context.bundle import framing
from precompile_context.bundle.limits import Limits
from precompile_context.bundle.source import ByteSource
from precompile_context.errors import ErrorCode, PrecompileError

# One read of this size from the end holds the footer and most manifests.
WINDOW = 64 << 10
# Forwards, a read brings so much of what follows: small blocks come many at a time.
_AHEAD = 4 << 10
# The least that a disk writes at once; larger units are multiples of it.
_SECTOR = 512
# A header's constant part, and any varint in place of its major version.
HEAD_SIZE = framing.HEADER_SIZE + 9


@dataclass(frozen=True, slots=True)
class SegmentFrame:
    """Where a segment lies and its envelope's bytes; offsets count from the bundle's start."""

    offset: int
    size: int
    manifest_offset: int
    envelope: memoryview


class _Window:
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


def walk_back(
    source: ByteSource, end: int, limits: Limits
) -> tuple[list[SegmentFrame], list[PrecompileError]]:
    """The segments of `source[:end]` in file order, and the faults met.

    Goes from footer to footer. Nothing a footer says is believed before the
    header constant was seen at its segment's start and the manifest record was
    seen to end exactly at the footer; the walk is right only if it lands on 0,
    so nothing is handed out before.
    """
    # [PCB-FRAME-013]
    frames: list[SegmentFrame] = []
    faults: list[PrecompileError] = []
    window = _Window(source)
    while end > 0:
        frame = _segment_ending_at(window, end, limits, last=not frames and not faults)
        if isinstance(frame, PrecompileError):
            faults.append(frame)
            break
        head = window.read(frame.offset, min(frame.size, HEAD_SIZE), before=WINDOW)
        if fault := header_fault(head, frame.offset):
            # [PCB-FRAME-012]
            if fault.code is ErrorCode.NOT_A_BUNDLE and frame.offset > 0:
                detail = "no segment header stands where a segment must begin"
                fault = PrecompileError(ErrorCode.MALFORMED_FRAME, detail, frame.offset)
            faults.append(fault)
        frames.append(frame)
        # [PCB-LIM-003]
        if len(frames) > limits.segments:
            detail = f"more than {limits.segments} segments"
            faults.append(PrecompileError(ErrorCode.LIMIT_EXCEEDED, detail, frame.offset))
            break
        end = frame.offset
    frames.reverse()
    return frames, faults


def last_frame(source: ByteSource, limits: Limits) -> SegmentFrame:
    """The segment that ends where `source` does; whether it begins as one is not looked at.

    Raises:
        PrecompileError: none does.
    """
    frame = _segment_ending_at(_Window(source), source.size, limits, last=True)
    if isinstance(frame, PrecompileError):
        raise frame
    return frame


def _segment_ending_at(
    window: _Window, end: int, limits: Limits, *, last: bool
) -> SegmentFrame | PrecompileError:
    at = end - framing.FOOTER_SIZE
    numbers = None
    if at >= framing.HEADER_SIZE:
        numbers = framing.read_footer(window.read(at, framing.FOOTER_SIZE, before=WINDOW))
    if numbers is None:
        # [PCB-FRAME-007]
        if last:
            detail = "the input does not end with a segment footer"
            return PrecompileError(ErrorCode.TRUNCATED, detail, end)
        # [PCB-FRAME-012]
        detail = "no footer stands where the segment before must end"
        return PrecompileError(ErrorCode.MALFORMED_FRAME, detail, max(0, at))
    manifest_offset, size = numbers
    # [PCB-FRAME-010]
    if size > end or not framing.footer_is_sane(manifest_offset, size):
        detail = "the footer's offsets do not lie within the input"
        return PrecompileError(ErrorCode.MALFORMED_FRAME, detail, at)
    start = end - size
    manifest_at = start + manifest_offset
    prefix_view = window.read(manifest_at, min(11, at - manifest_at), before=WINDOW)
    prefix = framing.read_manifest_prefix(prefix_view, 0)
    # [PCB-FRAME-009] [PCB-FRAME-011]
    if prefix is None or manifest_at + prefix[0] + prefix[1] != at:
        detail = "no manifest record stands between the footer and where the footer points"
        return PrecompileError(ErrorCode.MALFORMED_FRAME, detail, manifest_at)
    # [PCB-LIM-003] [PCB-LIM-004]
    if at - manifest_at > limits.manifest_bytes:
        detail = f"a manifest of {at - manifest_at} bytes; the limit is {limits.manifest_bytes}"
        return PrecompileError(ErrorCode.LIMIT_EXCEEDED, detail, manifest_at)
    envelope = window.read(manifest_at + prefix[0], prefix[1])
    return SegmentFrame(start, size, manifest_at, envelope)


def complete_prefix(source: ByteSource, limits: Limits) -> int:
    """E: the end of the longest prefix of complete segments, found forwards; 0 where there is none.

    Reads tags and lengths only. There is no resynchronising: the first byte that
    does not continue a segment ends the search. So does a record beyond the
    number that this reader takes.
    """
    window = _Window(source)
    # [PCB-RECV-001] [PCB-RECV-005]
    end, records = 0, limits.items
    while records > 0:
        segment_end, passed = _segment_end(window, source.size, end, records)
        if segment_end is None:
            break
        end, records = segment_end, records - passed
    return end


def appended_frames(source: ByteSource, start: int, limits: Limits) -> list[SegmentFrame]:
    """The segments from `start`, where one ends, to the input's end; none where that is not all.

    Forwards, each footer is found in the one place where it must stand with the one
    content it must have: going back from it would find the same segments.
    """
    window = _Window(source)
    frames: list[SegmentFrame] = []
    records = limits.items
    while start < source.size:
        place, passed = _footer_place(window, source.size, start, records)
        if place is None or len(frames) == limits.segments:
            return []
        expected, at = place
        numbers = framing.read_footer(memoryview(expected))
        if numbers is None or window.read(at, framing.FOOTER_SIZE) != expected:
            return []
        manifest_at, size = start + numbers[0], numbers[1]
        prefix = framing.read_manifest_prefix(
            window.read(manifest_at, min(11, at - manifest_at)), 0
        )
        if prefix is None or at - manifest_at > limits.manifest_bytes:
            return []
        envelope = source.read(manifest_at + prefix[0], prefix[1])
        frames.append(SegmentFrame(start, size, manifest_at, envelope))
        start, records = start + size, records - passed
    return frames


def is_boundary(end: int, frames: list[SegmentFrame], faults: list[PrecompileError]) -> bool:
    """Whether E fits what the walk backwards found.

    Where it does not, a torn block holds bytes made to look like the manifest and
    footer of a segment that spans the committed ones: E is right. (A damaged
    length within an old block moves E to that segment's start, which fits.)
    """
    return bool(faults) or any(end in (f.offset, f.offset + f.size) for f in frames)


def _segment_end(window: _Window, size: int, start: int, records: int) -> tuple[int | None, int]:
    """The end of the complete segment that begins at `start`, or None; and the records passed."""
    place, passed = _footer_place(window, size, start, records)
    if place is None:
        return None, passed
    expected, at = place
    is_whole = window.read(at, framing.FOOTER_SIZE, after=_AHEAD) == expected
    return (at + framing.FOOTER_SIZE if is_whole else None), passed


def _footer_place(
    window: _Window, size: int, start: int, records: int
) -> tuple[tuple[bytes, int] | None, int]:
    """The footer that the segment at `start` must have, and where; and the records passed."""
    position = start + framing.HEADER_SIZE
    if position > size or window.read(start, framing.HEADER_SIZE, after=_AHEAD) != framing.HEADER:
        return None, 0
    for passed in range(records):
        if position >= size:
            return None, passed
        longest = min(framing.MAX_BLOCK_PREFIX + 1, size - position)
        data = window.read(position, longest, after=_AHEAD)
        if data[0] == framing.BLOCK_TAG:
            record_size = _block_record_size(data)
            if record_size is None:
                return None, passed
            position += record_size
            continue
        prefix = framing.read_manifest_prefix(data, 0)
        if prefix is None:
            return None, passed
        at = position + prefix[0] + prefix[1]
        end = at + framing.FOOTER_SIZE
        if end > size:
            return None, passed
        return (framing.footer(position - start, end - start), at), passed + 1
    return None, records


def _block_record_size(data: memoryview) -> int | None:
    """Length of the Block record that `data` begins, or None where its prefix is malformed."""
    length = framing.read_varint(data, 1)
    if length is None:
        return None
    record_size = length[1] + length[0]
    data_size = framing.block_data_size(record_size)
    if data_size is None:
        return None
    prefix = framing.block_prefix(data_size)
    return record_size if data[: len(prefix)] == prefix else None


def ends_with_torn_footer(source: ByteSource, start: int) -> bool:
    """Whether the input ends with a segment, from `start` on, whose footer is half on the disk.

    A disk writes sectors whole. A footer across the border of two, of which only
    the first was written, has zeros behind the border and yet a footer's shape.
    """
    place, _ = _footer_place(_Window(source), source.size, start, source.size)
    if place is None:
        return False
    expected, at = place
    written = -at % _SECTOR
    if at + framing.FOOTER_SIZE != source.size or not 0 < written < framing.FOOTER_SIZE:
        return False
    footer = bytes(source.read(at, framing.FOOTER_SIZE))
    return footer[:written] == expected[:written] and not any(footer[written:])


def holds_committed_segment(source: ByteSource, start: int) -> bool:
    """Whether a committed segment lies anywhere from `start` on, damage around it or not.

    Asked before a torn tail is cut: what was committed must not be cut with it.
    Goes by footers, each one a constant number of small reads, so that no input
    makes it slow.
    """
    # [PCB-APPD-006]
    step = 16 << 20
    for first in range(start, source.size, step):
        length = min(step + framing.FOOTER_SIZE, source.size - first)
        data = bytes(source.read(first, length))
        at = data.find(framing.FOOTER_TAG)
        while at >= 0:
            if _commits(source, start, first + at, data[at : at + framing.FOOTER_SIZE]):
                return True
            at = data.find(framing.FOOTER_TAG, at + 1)
    return False


def _commits(source: ByteSource, start: int, footer_at: int, footer: bytes) -> bool:
    numbers = framing.read_footer(footer)
    if numbers is None or not framing.footer_is_sane(*numbers):
        return False
    manifest_offset, size = numbers
    segment_start = footer_at + framing.FOOTER_SIZE - size
    if segment_start < start:
        return False
    manifest_at = segment_start + manifest_offset
    data = source.read(manifest_at, min(11, footer_at - manifest_at))
    prefix = framing.read_manifest_prefix(data, 0)
    return (
        prefix is not None
        and manifest_at + prefix[0] + prefix[1] == footer_at
        and framing.read_major(source.read(segment_start, min(HEAD_SIZE, manifest_offset)))
        is not None
    )
