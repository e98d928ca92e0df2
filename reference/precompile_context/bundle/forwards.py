"""Finding the segments of a bundle forwards: to E, behind what is known, before a cut."""

from precompile_context.bundle import framing
from precompile_context.bundle.frames import HEAD_SIZE, SegmentFrame, Window
from precompile_context.bundle.limits import Limits
from precompile_context.bundle.source import ByteSource

# A read brings so much of what follows: small blocks come many at a time.
_AHEAD = 4 << 10
# The least that a disk writes at once; larger units are multiples of it.
_SECTOR = 512


def complete_prefix(source: ByteSource, limits: Limits) -> int:
    """E: the end of the longest prefix of complete segments, found forwards; 0 where there is none.

    Reads tags and lengths only. There is no resynchronising: the first byte that
    does not continue a segment ends the search. So does a record beyond the
    number that this reader takes.
    """
    window = Window(source)
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
    window = Window(source)
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


def _segment_end(window: Window, size: int, start: int, records: int) -> tuple[int | None, int]:
    """The end of the complete segment that begins at `start`, or None; and the records passed."""
    place, passed = _footer_place(window, size, start, records)
    if place is None:
        return None, passed
    expected, at = place
    is_whole = window.read(at, framing.FOOTER_SIZE, after=_AHEAD) == expected
    return (at + framing.FOOTER_SIZE if is_whole else None), passed


def _footer_place(
    window: Window, size: int, start: int, records: int
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
    place, _ = _footer_place(Window(source), source.size, start, source.size)
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
