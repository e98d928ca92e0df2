"""CONTENT: block records, both digests and frames that lie. Offsets are the block record's."""

import hashlib
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace

import pytest
import zstandard

from precompile.v1 import bundle_pb2
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
from tests import hanging
from tests.refusal import Fault, contents, verify_fault

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
            edit=lambda m: setattr(
                m.artifacts, "content_digest", m.artifacts.content_digest[:32] + bytes(32)
            ),
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
            edit=lambda m: setattr(
                m.artifacts,
                "content_digest",
                m.artifacts.content_digest[:32] + m.blocks[1].digest,
            ),
        )
    )
    _check_refused(built, ErrorCode.DIGEST_MISMATCH)


def test_read_rejects_an_empty_artifact_with_another_digest() -> None:
    built = bundle(
        Segment(
            artifacts=(Artifact("empty"),),
            edit=lambda m: setattr(m.artifacts, "content_digest", bytes(32)),
        )
    )
    assert verify_fault(built.data) == (
        ErrorCode.DIGEST_MISMATCH,
        built.segments[0].manifest_offset,
    )


def test_stream_rejects_a_damaged_last_block_of_large_content_at_its_end() -> None:
    parts = [b"a" * 100, b"b" * 100]
    whole = Artifact("one", b"".join(parts), place=(0, 0))
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
    part = Artifact("one", bytes(10), place=(1, 0))
    _check_refused(_bundle(block, artifact=part), ErrorCode.DECOMPRESSION_FAILED)


def test_read_accepts_a_large_frame_of_short_blocks() -> None:
    frame = zstd_frame([("rle", 1 << 17)] * 136, content_size=LARGE, window_log=23)
    block = Block(b"?", ZSTD, stored=frame, entry={"content_size": LARGE})
    part = Artifact("one", bytes(10), place=(1, 0))
    assert contents(_bundle(block, artifact=part).data)["test.blob", "one"] == bytes(10)


def test_an_unknown_compression_costs_only_the_artifacts_that_use_it() -> None:
    block = Block(CONTENT, 9)
    built = _bundle(block)
    _check_refused(built, ErrorCode.UNSUPPORTED_FEATURE)


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
    """An artifact that runs over one small block again and again is as large as it says."""
    whole = Artifact("one", CONTENT * 50, place=(0, 0))
    again = (Block(CONTENT, ZSTD, external=True),) * 50
    data = bundle(Segment(blocks=(Block(CONTENT, ZSTD),)), Segment((whole,), again)).data
    assert contents(data, limits=Limits(total_decompressed=40 * 50 * 4))
    opened = Bundle.open(data, limits=Limits(total_decompressed=40 * 49), policy=UNSIGNED)
    stored = opened.current()["test.blob", "one"]
    with pytest.raises(PrecompileError) as caught:
        opened.read(stored)
    assert caught.value.code is ErrorCode.LIMIT_EXCEEDED


def test_verify_refuses_a_run_at_its_first_block_where_its_digest_is_another() -> None:
    parts = (b"first of the run", b"second of it")
    whole = Artifact("one", b"".join(parts), place=(1, 0))
    built = bundle(
        Segment(
            artifacts=(GOOD, whole),
            blocks=(Block(GOOD.content), *map(Block, parts)),
            edit=lambda m: setattr(
                m.artifacts, "content_digest", m.artifacts.content_digest[:32] + bytes(32)
            ),
        )
    )
    _check_refused(built, ErrorCode.DIGEST_MISMATCH)


def test_verify_refuses_a_damaged_block_in_a_run_at_that_block() -> None:
    parts = (b"first of the run", b"second of it", b"the last")
    whole = Artifact("one", b"".join(parts), place=(0, 0))
    wrong = Block(parts[1], stored=b"SECOND of it", entry={"digest": bytes(32)})
    built = bundle(Segment((whole,), (Block(parts[0]), wrong, Block(parts[2]))))
    assert verify_fault(built.data) == (
        ErrorCode.DIGEST_MISMATCH,
        built.segments[0].block_offsets[1],
    )


def test_verify_reads_contents_behind_the_highest_of_their_blocks() -> None:
    """Of three wrong contents the one is told that is due first, not the first of the table."""
    blocks = (Block(b"first"), Block(b"second"), Block(b"third"))
    artifacts = (
        Artifact("of two", b"secondthird", place=(1, 0)),
        Artifact("of the third", b"third"),
        Artifact("of the second", b"second"),
        Artifact("of the first", b"irs", place=(0, 1)),
    )
    digests = {artifact.key: row for row, artifact in enumerate(artifacts)}

    def wrong(*names: str) -> Fault:
        def edit(message: bundle_pb2.Manifest) -> None:
            for row in map(digests.__getitem__, names):
                digest = message.artifacts.content_digest
                message.artifacts.content_digest = (
                    digest[: 32 * row] + bytes(32) + digest[32 * row + 32 :]
                )

        return verify_fault(bundle(Segment(artifacts, blocks, edit=edit)).data)

    first, second, third = bundle(Segment(artifacts, blocks)).segments[0].block_offsets
    for names, offset in (
        (("of two", "of the third", "of the second", "of the first"), first),
        (("of two", "of the third", "of the second"), second),
        (("of two", "of the third"), second),  # in the table's order behind the third block
        (("of the third",), third),
        (("of two",), second),
    ):
        assert wrong(*names) == (ErrorCode.DIGEST_MISMATCH, offset)


def test_verify_hashes_the_content_of_one_place_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """PCB-CONT-008: 300 artifacts of 1 MiB are one of 1 MiB and 300 names."""
    hashed = 0

    class Counting:
        def __init__(self, data: bytes | memoryview = b"") -> None:
            self._digest = sha256(data)
            self._count(data)

        def update(self, data: bytes | memoryview) -> None:
            self._digest.update(data)
            self._count(data)

        def digest(self) -> bytes:
            return self._digest.digest()

        def _count(self, data: bytes | memoryview) -> None:
            nonlocal hashed
            hashed += len(data)

    sha256 = hashlib.sha256
    blocks = (Block(bytes(1 << 19), ZSTD), Block(b"\1" * (1 << 19), ZSTD))
    whole = b"".join(block.content for block in blocks)
    artifacts = [Artifact(f"whole {n}", whole, place=(0, 0)) for n in range(100)]
    artifacts += [Artifact(f"part {n}", whole[: 1 << 18], place=(0, 0)) for n in range(100)]
    artifacts += [Artifact(f"half {n}", blocks[1].content, place=(1, 0)) for n in range(100)]
    opened = Bundle.open(bundle(Segment(artifacts, blocks)).data, policy=UNSIGNED)
    monkeypatch.setattr(hashlib, "sha256", Counting)
    opened.verify()
    assert hashed < 3 << 20


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
data = bundle(Segment(artifacts=(Artifact("k", b"?", place=(0, 0)),), blocks=(block,))).data
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.process_time()
tracemalloc.start()
try:
    Bundle.open(data, policy=UNSIGNED).verify()
    code = "read"
except PrecompileError as error:
    code = error.code.name
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before  # what was touched
peak = max(peak, tracemalloc.get_traced_memory()[1] >> 10)  # and what was allocated
print(code, peak >> 10, int(time.process_time() - start))
"""


@pytest.mark.slow
@pytest.mark.runtimes
@pytest.mark.parametrize(
    ("claimed", "real", "compression", "code"),
    [
        (1 << 10, 1 << 30, ZSTD, "DECOMPRESSION_FAILED"),
        (LARGE, 1 << 30, ZSTD, "DECOMPRESSION_FAILED"),
        (60 << 20, 1 << 17, ZSTD, "DECOMPRESSION_FAILED"),
        (64 << 20, 1 << 17, ZSTD, "DECOMPRESSION_FAILED"),
        (1 << 63, 1 << 17, ZSTD, "BAD_REFERENCE"),
        (60 << 20, 0, NONE, "SIZE_MISMATCH"),
        (1 << 63, 0, NONE, "BAD_REFERENCE"),
    ],
    ids=["1 KiB, 1 GiB", "17 MiB, 1 GiB", "60 MiB, 128 KiB", "64 MiB", "2^63", "raw", "raw, 2^63"],
)
def test_a_bomb_is_refused_in_bounded_memory(
    claimed: int, real: int, compression: int, code: str
) -> None:
    """`claimed` bytes by the entry and the frame's header; the frame holds `real`."""
    command = [sys.executable, "-c", _BOMB, str(claimed), str(real), str(compression)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=hanging.SECONDS
    )
    name, peak_mib, seconds = done.stdout.split()
    assert name == code
    assert int(peak_mib) < 50
    assert int(seconds) < 10


def test_an_uncompressed_block_of_another_size_is_that_before_its_digest_counts() -> None:
    """The record's size tells it, whatever the stored bytes are; read alone or among others."""
    block = Block(b"four", stored=b"fiver", entry={"digest": bytes(32)})
    whole = Artifact("one", b"four", place=(1, 0))
    part = Artifact("one", b"our", place=(1, 1))
    for artifact in (whole, part):
        _check_refused(_bundle(block, artifact=artifact), ErrorCode.SIZE_MISMATCH)
