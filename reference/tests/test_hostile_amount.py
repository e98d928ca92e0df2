"""How much a few bytes may stand for: content by the input's size, and work by what is listed."""

import hashlib
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from precompile.v1 import bundle_pb2
from precompile_conformance.build import ZSTD, Artifact, Block, BuiltBundle, Segment, bundle
from precompile_conformance.wire import zstd_frame
from precompile_context.bundle import Bundle, Limits
from precompile_context.errors import ErrorCode, PrecompileError
from precompile_context.trust import UNSIGNED
from tests.refusal import PLAIN, Fault, open_fault

RATIO = 65_536  # PCB-LIM-010
MIB = 1 << 20
# 64 MiB of zeros in 2 KiB: what many artifacts share.
FRAME = zstd_frame([("rle", 128 << 10)] * 512, content_size=64 * MIB)
ZEROS = Block(b"\0", ZSTD, stored=FRAME, entry={"content_size": 64 * MIB})


def _claiming(excess: int, *before: Segment) -> BuiltBundle:
    """A bundle with `excess` bytes of content more than it may claim."""

    def claim(last: int) -> BuiltBundle:
        def edit(message: bundle_pb2.Manifest) -> None:
            message.artifacts.content_size[:] = [64 * MIB, 64 * MIB, last]

        artifacts = [Artifact(f"{n}", b"\0", place=(0, 0)) for n in range(3)]
        return bundle(*before, Segment(artifacts, (ZEROS,), edit=edit))

    size = len(claim(40 * MIB).data)
    held = sum(len(artifact.content) for segment in before for artifact in segment.artifacts)
    last = RATIO * size + excess - 2 * 64 * MIB - held
    assert 1 << 21 <= last <= 64 * MIB  # one length as a varint, and a place in the block
    built = claim(last)
    assert len(built.data) == size
    return built


@pytest.mark.parametrize("before", [(), (PLAIN,)], ids=["one segment", "two"])
def test_open_refuses_more_content_than_65_536_bytes_for_each_of_its_own(
    before: tuple[Segment, ...],
) -> None:
    assert Bundle.open(_claiming(0, *before).data, policy=UNSIGNED)
    over = _claiming(1, *before)
    assert open_fault(over.data) == (ErrorCode.LIMIT_EXCEEDED, over.segments[-1].manifest_offset)


def test_no_limit_lets_more_content_pass() -> None:
    most = Limits(total_content=1 << 62)
    assert open_fault(_claiming(1).data, limits=most)[0] is ErrorCode.LIMIT_EXCEEDED


def test_the_whole_bundle_counts_whatever_stands_before_or_behind() -> None:
    """Each manifest is asked with what those before it claim, and with the size of all."""
    over = _claiming(1)
    data = over.data + bundle(Segment()).data
    assert Bundle.open(data, policy=UNSIGNED)
    data = bundle(Segment()).data + over.data
    assert Bundle.open(data, policy=UNSIGNED)


def test_with_recovery_what_is_ignored_does_not_count() -> None:
    for excess, torn in ((0, b""), (0, b"torn"), (1, b""), (1, b"torn"), (1, b"\0" * 1000)):
        data = _claiming(excess).data + torn
        if excess:
            assert open_fault(data, recover=True)[0] is ErrorCode.LIMIT_EXCEEDED
        else:
            assert Bundle.open(data, recover=True, policy=UNSIGNED).ignored == len(torn)


# --- work ------------------------------------------------------------------------------------


class TooMuchError(Exception):
    """More lines ran than a reader may take for what is listed."""


def _lines(call: Callable[[], object], most: int) -> int:
    """How many lines of the reader `call` runs; it is ended at `most`."""
    lines = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        if lines > most:
            raise TooMuchError
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return lines


MANY = 20_000


def _runs(places: list[tuple[int, int]]) -> BuiltBundle:
    """A segment with an artifact for each first block and size, over blocks of one byte."""
    again = Block(b"x", external=True)

    def edit(message: bundle_pb2.Manifest) -> None:
        table, count = message.artifacts, len(places)
        table.types.add(name="test.blob", kind=1)
        table.type[:] = table.offset[:] = [0] * count
        table.key[:] = [f"{number:x}" for number in range(count)]
        table.block[:] = [block for block, _ in places]
        table.content_size[:] = [size for _, size in places]
        table.content_digest = hashlib.sha256(b"").digest() * count

    return bundle(Segment(blocks=(Block(b"x"),)), Segment(blocks=(again,) * MANY, edit=edit))


RUNS = {
    "one over all, many times": [(0, MANY)] * MANY,
    "each over half": [(0, MANY // 2), (MANY // 2, MANY // 2)] * (MANY // 2),
    "side by side": [(block, 4) for block in range(0, MANY, 4)],
    "in no order": [(block, 4) for block in sorted(range(0, MANY, 4), key=lambda b: b % 97)],
    "none": [(block, 1) for block in range(MANY)],
}


@pytest.mark.parametrize("name", RUNS)
def test_runs_over_many_blocks_are_checked_without_going_through_them(name: str) -> None:
    """Up to 400,000,000 blocks to go through one by one; by their sums, n log n."""
    data = _runs(RUNS[name]).data
    lines = _lines(lambda: Bundle.open(data, policy=UNSIGNED), most=100 * MANY)
    assert lines > MANY


@pytest.mark.slow
@pytest.mark.runtimes
@pytest.mark.parametrize(
    "place",
    [(0, MANY + 1), (1, MANY), (0, MANY - 1), (1, MANY - 1), (MANY - 1, 2), (MANY, 1)],
    ids=str,
)
def test_a_run_that_is_none_or_overlaps_is_found_among_many(place: tuple[int, int]) -> None:
    built = _runs([(0, MANY)] * (MANY - 1) + [place])
    fault: list[Fault] = []
    _lines(lambda: fault.append(open_fault(built.data)), most=100 * MANY)
    assert fault == [(ErrorCode.BAD_REFERENCE, built.segments[1].manifest_offset)]


@pytest.mark.parametrize("name", RUNS)
def test_reading_goes_through_each_block_of_a_run_once(name: str) -> None:
    """However many artifacts are one run; the digests are wrong, and told at the first."""
    opened = Bundle.open(_runs(RUNS[name]).data, policy=UNSIGNED)
    fault: list[ErrorCode] = []

    def verify() -> None:
        with pytest.raises(PrecompileError) as caught:
            opened.verify()
        fault.append(caught.value.code)

    _lines(verify, most=300 * MANY)
    assert fault == [ErrorCode.DIGEST_MISMATCH]


@pytest.mark.slow
@pytest.mark.runtimes
def test_names_alone_are_checked_in_a_time_that_their_number_bounds() -> None:
    built = _runs([(0, 1)] * MANY)
    assert _lines(lambda: Bundle.open(built.data, policy=UNSIGNED), most=100 * MANY) > 0
