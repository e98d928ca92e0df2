"""CONTENT: block records, both digests and frames that lie. Offsets are the block record's."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace

import pytest
import zstandard

from precompile_conformance.build import (
    NONE,
    ZSTD,
    Artifact,
    Block,
    BuiltBundle,
    Segment,
    bundle,
)
from precompile_conformance.wire import BLOCK_TAG, DATA_TAG, compress, record, zstd_frame
from precompile_context.bundle import Bundle, Limits
from precompile_context.errors import ErrorCode, PrecompileError
from precompile_context.trust import UNSIGNED
from tests.refusal import contents, verify_fault

CONTENT = b"some content, some content, some content"
ARTIFACT = Artifact("one", CONTENT)
GOOD = Artifact("good", b"content of a block that nobody touched")


def _bundle(*blocks: Block, artifact: Artifact = ARTIFACT) -> BuiltBundle:
    """A good block first and the block at fault, each with an artifact."""
    return bundle(Segment(artifacts=(GOOD, artifact), blocks=(Block(GOOD.content), *blocks)))


def _check_refused(built: BuiltBundle, code: ErrorCode) -> None:
    """Refused in the second block by every way to its content; the good one still reads."""
    offset = built.segments[0].block_offsets[1]
    assert verify_fault(built.data) == (code, offset)
    opened = Bundle.open(built.data, policy=UNSIGNED)
    artifact = opened.current()["test.blob", "one"]
    for read in (opened.read, opened.view, lambda stored: b"".join(opened.stream(stored))):
        with pytest.raises(PrecompileError) as caught:
            read(artifact)
        assert (caught.value.code, caught.value.offset) == (code, offset)
    assert opened.read(opened.current()["test.blob", "good"]) == GOOD.content


def test_read_accepts_the_bundles_that_the_other_tests_damage() -> None:
    for compression in (NONE, ZSTD):
        read = contents(_bundle(Block(CONTENT, compression)).data)
        assert read == {("test.blob", "one"): CONTENT, ("test.blob", "good"): GOOD.content}


@pytest.mark.parametrize("compression", [NONE, ZSTD])
@pytest.mark.parametrize("at", [0, 5, -1])
def test_read_rejects_stored_bytes_that_are_not_those_of_the_digest(
    compression: int, at: int
) -> None:
    stored = bytearray(Block(CONTENT, compression).stored_bytes())
    digest = Block(CONTENT, compression).described().digest
    stored[at] ^= 1
    entry = {"digest": digest}
    _check_refused(
        _bundle(Block(CONTENT, compression, stored=bytes(stored), entry=entry)),
        ErrorCode.DIGEST_MISMATCH,
    )


def test_read_checks_the_stored_digest_before_it_decompresses() -> None:
    """A frame that no decompressor takes, under another frame's digest: the digest is told."""
    block = Block(CONTENT, ZSTD, stored=b"no frame at all", entry={"digest": bytes(32)})
    _check_refused(_bundle(block), ErrorCode.DIGEST_MISMATCH)


@pytest.mark.parametrize("compression", [NONE, ZSTD])
def test_read_rejects_content_that_is_not_that_of_its_digest(compression: int) -> None:
    built = bundle(
        Segment(
            artifacts=(GOOD, ARTIFACT),
            compression=compression,
            edit=lambda m: setattr(m.artifacts[1], "content_digest", bytes(32)),
        )
    )
    _check_refused(built, ErrorCode.DIGEST_MISMATCH)


def test_read_rejects_a_digest_of_part_of_a_block_that_is_not_its_own() -> None:
    """The digest of the whole block under an artifact that is a part of it."""
    block = Block(CONTENT)
    part = replace(ARTIFACT, content=CONTENT[:10])
    built = bundle(
        Segment(
            artifacts=(GOOD, part),
            blocks=(Block(GOOD.content), block),
            edit=lambda m: setattr(m.artifacts[1], "content_digest", m.blocks[1].digest),
        )
    )
    _check_refused(built, ErrorCode.DIGEST_MISMATCH)


def test_read_rejects_an_empty_artifact_with_another_digest() -> None:
    built = bundle(
        Segment(
            artifacts=(Artifact("empty"),),
            edit=lambda m: setattr(m.artifacts[0], "content_digest", bytes(32)),
        )
    )
    assert verify_fault(built.data) == (
        ErrorCode.DIGEST_MISMATCH,
        built.segments[0].manifest_offset,
    )


def test_stream_rejects_a_damaged_last_block_of_large_content_at_its_end() -> None:
    parts = [b"a" * 100, b"b" * 100]
    whole = Artifact("one", b"".join(parts), extents=[(0, 0, 100), (1, 0, 100)])
    wrong = Block(parts[1], stored=b"c" * 100)
    built = bundle(Segment(artifacts=(whole,), blocks=(Block(parts[0]), wrong)))
    opened = Bundle.open(built.data, policy=UNSIGNED)
    stream = opened.stream(opened.current()["test.blob", "one"])
    assert [bytes(next(stream)), bytes(next(stream))] == [parts[0], b"c" * 100]
    with pytest.raises(PrecompileError) as caught:
        next(stream)
    assert caught.value.code is ErrorCode.DIGEST_MISMATCH


DATA = record(DATA_TAG, CONTENT)


@pytest.mark.parametrize(
    "wrong",
    [
        record(0x1A, DATA),
        record(0x2A, DATA),
        record(BLOCK_TAG, record(0x12, CONTENT)),
        record(BLOCK_TAG, DATA, length=len(DATA) - 1),
        record(BLOCK_TAG, DATA, length=len(DATA) + 1),
        record(BLOCK_TAG, record(DATA_TAG, CONTENT, length=len(CONTENT) - 1)),
        record(BLOCK_TAG, record(DATA_TAG, CONTENT, length=len(CONTENT) + 1)),
        record(BLOCK_TAG, record(DATA_TAG, CONTENT[1:], padding=1)),
        record(BLOCK_TAG, record(DATA_TAG, CONTENT[1:]), padding=1),
        record(BLOCK_TAG, record(DATA_TAG, CONTENT[2:]) + b"\x10\x01"),
        record(BLOCK_TAG, b"\x10\x01" + record(DATA_TAG, CONTENT[2:])),
        record(DATA_TAG, CONTENT) + b"\0\0",
        bytes(len(DATA) + 2),
    ],
    ids=[
        "manifest's tag",
        "unknown tag",
        "unknown inner tag",
        "length too small",
        "length too large",
        "inner length too small",
        "inner length too large",
        "inner length padded",
        "length padded",
        "field behind the data",
        "field before the data",
        "no outer record",
        "zeros",
    ],
)
def test_read_rejects_what_is_not_the_block_record_of_its_entry(wrong: bytes) -> None:
    assert len(wrong) == len(record(BLOCK_TAG, DATA))
    _check_refused(_bundle(Block(CONTENT, record=wrong)), ErrorCode.MALFORMED_BLOCK)


def test_read_rejects_two_records_under_one_entry() -> None:
    half = record(BLOCK_TAG, record(DATA_TAG, CONTENT[:18]))
    both = half + record(BLOCK_TAG, record(DATA_TAG, CONTENT[18 : 40 - 4]))
    built = _bundle(Block(CONTENT, record=both, entry={"size": len(both)}))
    _check_refused(built, ErrorCode.MALFORMED_BLOCK)


@pytest.mark.parametrize("content_size", [39, 41, 1 << 25])
@pytest.mark.parametrize("compression", [NONE, ZSTD])
def test_read_rejects_a_block_of_another_content_size(compression: int, content_size: int) -> None:
    part = Artifact("one", CONTENT[:10])
    block = Block(CONTENT, compression, entry={"content_size": content_size})
    _check_refused(_bundle(block, artifact=part), ErrorCode.SIZE_MISMATCH)


def _flags(frame: bytes, flip: int) -> bytes:
    return frame[:4] + bytes([frame[4] ^ flip]) + frame[5:]


def _without_size(content: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_content_size=False).compress(content)


def _with_checksum(content: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(content)


RAW: Sequence[tuple[str, int | bytes]] = [("raw", CONTENT)]


def test_read_accepts_a_frame_by_hand() -> None:
    """Shows that the refused frames below are right but for what they are named after."""
    for frame in (
        zstd_frame(RAW, content_size=40),
        zstd_frame(RAW, content_size=40, window_log=23),
        zstd_frame([("raw", CONTENT[:4]), ("raw", CONTENT[4:])], content_size=40),
        _with_checksum(CONTENT),
    ):
        read = contents(_bundle(Block(CONTENT, ZSTD, stored=frame)).data)
        assert read["test.blob", "one"] == CONTENT


@pytest.mark.parametrize(
    "frame",
    [
        _without_size(CONTENT),
        zstd_frame(RAW, content_size=None),
        zstd_frame(RAW, content_size=40, dictionary=7),
        zstd_frame(RAW, content_size=40, window_log=24),
        zstd_frame(RAW, content_size=40, window_log=31),
        compress(CONTENT) + b"\0",
        compress(CONTENT) + compress(CONTENT),
        compress(CONTENT) + compress(b""),
        compress(CONTENT) + b"\x50\x2a\x4d\x18\x00\x00\x00\x00",
        b"\x50\x2a\x4d\x18\x00\x00\x00\x00" + compress(CONTENT),
        b"\x50\x2a\x4d\x18\x20\x00\x00\x00" + bytes(32),
        compress(CONTENT)[:-1],
        compress(CONTENT)[:6],
        b"\x28\xb5\x2f",
        b"\x28",
        CONTENT,
        bytes(100),
        b"\x1e\xb5\x2f\xfd" + compress(CONTENT)[4:],
        _flags(compress(CONTENT), 0x08),
        _with_checksum(CONTENT)[:-1] + b"\x5a",
        zstd_frame([("raw", CONTENT[:-1])], content_size=40),
        zstd_frame([("raw", CONTENT + b"!")], content_size=40),
        zstd_frame([("raw", CONTENT), ("rle", 1 << 17)], content_size=40),
    ],
    ids=[
        "no content size",
        "no content size, by hand",
        "dictionary id",
        "window of 16 MiB",
        "window of 2 GiB",
        "a byte behind it",
        "two frames",
        "an empty frame behind it",
        "a skippable frame behind it",
        "a skippable frame before it",
        "a skippable frame alone",
        "cut by a byte",
        "header alone",
        "cut in the magic",
        "one byte",
        "no frame",
        "zeros",
        "legacy magic",
        "reserved bit",
        "wrong checksum",
        "fewer bytes than it says",
        "a byte more than it says",
        "many more than it says",
    ],
)
def test_read_rejects_what_is_not_one_right_zstd_frame(frame: bytes) -> None:
    built = _bundle(Block(CONTENT, ZSTD, stored=frame))
    _check_refused(built, ErrorCode.DECOMPRESSION_FAILED)


LARGE = 17 << 20  # above what a reader may take in one piece on a frame's word


@pytest.mark.parametrize(
    "frame",
    [
        zstd_frame([("rle", 1 << 17)] * 135, content_size=LARGE),
        zstd_frame([("rle", 1 << 17)] * 137, content_size=LARGE),
        zstd_frame([("rle", 1 << 17)] * 136, content_size=LARGE)[:-1],
        zstd_frame([("rle", 1 << 17)] * 136, content_size=LARGE) + b"\0",
        zstd_frame([("rle", 1 << 17)] * 136, content_size=LARGE) * 2,
        zstd_frame([("rle", 1 << 17)] * 136, content_size=LARGE) + bytes(2 << 20),
    ],
    ids=["too short", "too long", "cut", "a byte behind it", "two frames", "2 MiB behind it"],
)
def test_read_rejects_large_frames_that_are_not_right(frame: bytes) -> None:
    block = Block(b"?", ZSTD, stored=frame, entry={"content_size": LARGE})
    part = Artifact("one", bytes(10), extents=[(1, 0, 10)])
    _check_refused(_bundle(block, artifact=part), ErrorCode.DECOMPRESSION_FAILED)


def test_read_accepts_a_large_frame_of_short_blocks() -> None:
    frame = zstd_frame([("rle", 1 << 17)] * 136, content_size=LARGE, window_log=23)
    block = Block(b"?", ZSTD, stored=frame, entry={"content_size": LARGE})
    part = Artifact("one", bytes(10), extents=[(1, 0, 10)])
    assert contents(_bundle(block, artifact=part).data)["test.blob", "one"] == bytes(10)


def test_an_unknown_compression_costs_only_the_artifacts_that_use_it() -> None:
    block = Block(CONTENT, 9)
    built = _bundle(block)
    _check_refused(built, ErrorCode.UNSUPPORTED_FEATURE)


def test_read_refuses_a_block_over_the_limit() -> None:
    data = _bundle(Block(CONTENT, ZSTD)).data
    at = _bundle(Block(CONTENT, ZSTD)).segments[0].block_offsets[1]
    assert contents(data, limits=Limits(block_content=40))
    assert verify_fault(data, limits=Limits(block_content=39)) == (ErrorCode.LIMIT_EXCEEDED, at)


def test_read_refuses_more_decompression_than_the_limit_repeats_included() -> None:
    artifacts = [Artifact(f"k{i}", bytes([i]) * 50) for i in range(20)]
    data = bundle(Segment(artifacts=artifacts, compression=ZSTD)).data
    opened = Bundle.open(data, limits=Limits(total_decompressed=50 * 25), policy=UNSIGNED)
    opened.verify()
    for key in ("k0", "k1", "k2", "k3", "k4"):  # long gone from what is kept of the last blocks
        assert opened.read(opened.current()["test.blob", key]) == artifacts[int(key[1])].content
    with pytest.raises(PrecompileError) as caught:
        opened.read(opened.current()["test.blob", "k5"])
    assert caught.value.code is ErrorCode.LIMIT_EXCEEDED


def test_read_counts_each_repeat_of_a_kept_block() -> None:
    """An artifact of many extents that each cover one small block is as large as they say."""
    whole = Artifact("one", CONTENT * 50, extents=[(0, 0, 40)] * 50)
    data = bundle(Segment(artifacts=(whole,), blocks=(Block(CONTENT, ZSTD),))).data
    assert contents(data, limits=Limits(total_decompressed=40 * 50 * 4))
    opened = Bundle.open(data, limits=Limits(total_decompressed=40 * 49), policy=UNSIGNED)
    stored = opened.current()["test.blob", "one"]
    with pytest.raises(PrecompileError) as caught:
        opened.read(stored)
    assert caught.value.code is ErrorCode.LIMIT_EXCEEDED


_BOMB = """
import resource, sys, time, tracemalloc
from precompile_conformance.build import NONE, ZSTD, Artifact, Block, Segment, bundle
from precompile_conformance.wire import zstd_frame
from precompile_context.bundle import Bundle
from precompile_context.errors import PrecompileError
from precompile_context.trust import UNSIGNED

claimed, real, compression = map(int, sys.argv[1:])
stored = b"x" * 100
if compression == ZSTD:
    stored = zstd_frame([("rle", 1 << 17)] * (real >> 17), content_size=claimed, window_log=23)
block = Block(b"?", compression, stored=stored, entry={"content_size": claimed})
data = bundle(Segment(artifacts=(Artifact("k", b"?", extents=[(0, 0, 1)]),), blocks=(block,))).data
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.monotonic()
tracemalloc.start()
opened = Bundle.open(data, policy=UNSIGNED)
try:
    opened.verify()
    code = "read"
except PrecompileError as error:
    code = error.code.name
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before  # what was touched
peak = max(peak, tracemalloc.get_traced_memory()[1] >> 10)  # and what was allocated
print(code, peak >> 10, int(time.monotonic() - start))
"""


@pytest.mark.parametrize(
    ("claimed", "real", "compression", "code"),
    [
        (1 << 10, 1 << 30, ZSTD, "DECOMPRESSION_FAILED"),
        (LARGE, 1 << 30, ZSTD, "DECOMPRESSION_FAILED"),
        (60 << 20, 1 << 17, ZSTD, "DECOMPRESSION_FAILED"),
        (1 << 63, 1 << 17, ZSTD, "LIMIT_EXCEEDED"),
        (60 << 20, 0, NONE, "SIZE_MISMATCH"),
        (1 << 63, 0, NONE, "LIMIT_EXCEEDED"),
    ],
    ids=["1 KiB, 1 GiB", "17 MiB, 1 GiB", "60 MiB, 128 KiB", "2^63", "raw", "raw, 2^63"],
)
def test_a_bomb_is_refused_in_bounded_memory(
    claimed: int, real: int, compression: int, code: str
) -> None:
    """`claimed` bytes by the entry and the frame's header; the frame holds `real`."""
    command = [sys.executable, "-c", _BOMB, str(claimed), str(real), str(compression)]
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    name, peak_mib, seconds = output.split()
    assert name == code
    assert int(peak_mib) < 50
    assert int(seconds) < 10


def test_an_uncompressed_block_of_another_size_is_that_before_its_digest_counts() -> None:
    """The record's size tells it, whatever the stored bytes are; read alone or among others."""
    block = Block(b"four", stored=b"fiver", entry={"digest": bytes(32)})
    whole = Artifact("one", b"four", extents=[(1, 0, 4)])
    part = Artifact("one", b"our", extents=[(1, 1, 3)])
    for artifact in (whole, part):
        _check_refused(_bundle(block, artifact=artifact), ErrorCode.SIZE_MISMATCH)
