"""Finding the segments of a bundle backwards, from its end."""

from precompile_context.bundle import framing
from precompile_context.bundle.frames import HEAD_SIZE, SegmentFrame, Window, header_fault
from precompile_context.bundle.limits import Limits
from precompile_context.bundle.source import ByteSource
from precompile_context.errors import ErrorCode, PrecompileError

# One read of this size from the end holds the footer and most manifests.
WINDOW = 64 << 10


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
    window = Window(source)
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
    frame = _segment_ending_at(Window(source), source.size, limits, last=True)
    if isinstance(frame, PrecompileError):
        raise frame
    return frame


def _segment_ending_at(
    window: Window, end: int, limits: Limits, *, last: bool
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


def is_boundary(end: int, frames: list[SegmentFrame], faults: list[PrecompileError]) -> bool:
    """Whether E fits what the walk backwards found.

    Where it does not, a torn block holds bytes made to look like the manifest and
    footer of a segment that spans the committed ones: E is right. (A damaged
    length within an old block moves E to that segment's start, which fits.)
    """
    return bool(faults) or any(end in (f.offset, f.offset + f.size) for f in frames)
