"""Recovery: what a torn or damaged tail costs, and what it must not cost."""

from dataclasses import replace

import pytest

from precompile_conformance.build import NONE, Artifact, Block, Segment, build_segment, bundle
from precompile_conformance.wire import FOOTER_SIZE, HEADER, block_record, footer, sha256, varint
from precompile_context.bundle import Bundle
from precompile_context.errors import ErrorCode
from precompile_context.trust import UNSIGNED
from tests.refusal import MORE, PLAIN, contents, open_fault, two_segments, verify_fault

FIRST = contents(bundle(PLAIN).data)


def _recovered(data: bytes) -> tuple[int, int]:
    """(segments, bytes ignored) of what recovery opens; its content is read and right."""
    opened = Bundle.open(data, recover=True, policy=UNSIGNED)
    opened.verify()
    return len(opened.segments), opened.ignored


def test_recover_changes_nothing_about_a_whole_bundle() -> None:
    data = two_segments().data
    assert _recovered(data) == (2, 0)
    assert contents(data, recover=True) == contents(data)
    assert Bundle.open(data, policy=UNSIGNED).ignored == 0


@pytest.mark.slow
@pytest.mark.runtimes
def test_recover_reads_up_to_the_last_complete_segment_at_every_length() -> None:
    built = two_segments()
    first_end = built.segments[1].offset
    for length in range(1, len(built.data)):
        cut = built.data[:length]
        if length < first_end:
            assert open_fault(cut, recover=True) == (ErrorCode.TRUNCATED, length)
        else:
            assert _recovered(cut) == (1, length - first_end)
            assert contents(cut, recover=True) == FIRST


@pytest.mark.parametrize(
    "tail",
    [
        b"\0",
        HEADER[:5],
        HEADER,
        b"\0" * 4096,  # what some file systems leave of an append after a crash
        b"\xff" * 4096,
        HEADER + b"\x12" + varint(2**63) + b"\x0a" + varint(2**63 - 10),
        HEADER + b"\x12" + varint(2**64 - 1),
        HEADER + b"\x1a" + varint(2**64 - 1),
        HEADER + b"\x12" + b"\xff" * 30,
        HEADER + block_record(b"whole block") + b"\x1a\x05cut",
    ],
    ids=range(10),
)
def test_recover_ignores_a_torn_tail(tail: bytes) -> None:
    data = bundle(PLAIN).data
    assert open_fault(data + tail) == (ErrorCode.TRUNCATED, len(data) + len(tail))
    assert _recovered(data + tail) == (1, len(tail))


@pytest.mark.parametrize(
    ("manifest_offset", "size"),
    [(0, 0), (23, 44), (23, 2**63), (2**63, 2**64 - 1), (2**64 - 1, 2**64 - 1), (23, 1000)],
)
def test_a_footer_shaped_tail_of_a_torn_file_proves_nothing(
    manifest_offset: int, size: int
) -> None:
    data = bundle(PLAIN).data
    torn = data + HEADER + block_record(bytes(2000) + footer(manifest_offset, size))
    code, offset = open_fault(torn)
    assert code is ErrorCode.MALFORMED_FRAME
    assert offset is not None
    assert offset < len(torn)
    assert _recovered(torn) == (1, len(torn) - len(data))


def test_a_whole_segment_in_the_content_of_a_torn_block_is_not_read() -> None:
    """Content may hold a bundle; torn right behind it, the file seems to end with a segment."""
    data = bundle(PLAIN).data
    inside = bundle(Segment(artifacts=(Artifact("one", b"planted"),))).data
    torn = data + HEADER + block_record(b"before" + inside)
    assert open_fault(torn)[0] is ErrorCode.MALFORMED_FRAME
    assert _recovered(torn) == (1, len(torn) - len(data))
    assert contents(torn, recover=True) == FIRST


def _planted() -> tuple[bytes, bytes]:
    """A bundle with a torn tail, and the bundle: the tail ends with a manifest and a footer that
    claim the whole file as one segment, as content that an attacker chose may."""
    data = bundle(PLAIN).data
    content = b"planted"
    good = block_record(content)
    # The torn block's own prefix is 23 + 2 * (tag, 2-byte length) long.
    skipped = len(data) + len(HEADER) + 6 - len(HEADER)
    forged = build_segment(
        Segment(
            artifacts=(Artifact("one", content, place=(1, 0)),),
            blocks=(
                Block(b"?", NONE, record=b"", entry={"size": skipped, "digest": bytes(32)}),
                Block(content),
            ),
        )
    )
    record_bytes = forged.data[forged.manifest_offset : forged.footer_offset]
    chosen = good + record_bytes + footer(
        len(HEADER) + skipped + len(good),
        len(HEADER) + skipped + len(good) + len(record_bytes) + FOOTER_SIZE,
    )  # fmt: skip
    torn = data + HEADER + block_record(chosen)
    assert len(torn) == len(data) + len(HEADER) + 6 + len(chosen)
    return torn, data


def test_verify_refuses_a_segment_planted_in_the_content_of_a_torn_block() -> None:
    torn, _ = _planted()
    assert verify_fault(torn) == (ErrorCode.MALFORMED_BLOCK, len(HEADER))


def test_recover_reads_up_to_e_where_a_segment_is_planted_in_a_torn_block() -> None:
    torn, data = _planted()
    assert _recovered(torn) == (1, len(torn) - len(data))
    assert contents(torn, recover=True) == FIRST


def test_recover_does_not_resynchronise_past_damage() -> None:
    built = bundle(PLAIN, MORE, Segment(artifacts=(Artifact("four", b"fourth"),)))
    second = built.segments[1]
    data = bytearray(built.data)
    data[second.footer_offset] ^= 1
    assert open_fault(bytes(data))[0] is ErrorCode.MALFORMED_FRAME
    assert _recovered(bytes(data)) == (1, len(data) - second.offset)


def test_recover_keeps_all_segments_where_a_length_in_an_old_block_is_damaged() -> None:
    """Forwards the first segment cannot be crossed; backwards all of them are there."""
    built = two_segments()
    data = bytearray(built.data)
    data[built.segments[0].block_offsets[0] + 1] ^= 1
    opened = Bundle.open(bytes(data), recover=True, policy=UNSIGNED)
    assert (len(opened.segments), opened.ignored) == (2, 0)
    third = opened.current()["test.blob", "three"]
    assert opened.read(third) == b"third content"
    assert verify_fault(bytes(data)) == (
        ErrorCode.MALFORMED_BLOCK,
        built.segments[0].block_offsets[0],
    )


def test_recover_does_not_skip_what_later_stages_refuse() -> None:
    """A committed segment that is bad is bad: it is no torn tail."""
    refused = replace(MORE, edit=lambda m: m.required_features.append("later"))
    built = bundle(PLAIN, refused)
    assert open_fault(built.data, recover=True) == (
        ErrorCode.UNSUPPORTED_FEATURE,
        built.segments[1].manifest_offset,
    )
    assert open_fault(built.data + b"torn", recover=True) == (
        ErrorCode.UNSUPPORTED_FEATURE,
        built.segments[1].manifest_offset,
    )


def _header(major: bytes) -> bytes:
    return HEADER[:1] + bytes([0x14 + len(major)]) + HEADER[2:22] + major


MAJORS = [b"\x00", b"\x02", b"\x7f", varint(300), varint(2**64 - 1)]


@pytest.mark.parametrize("major", MAJORS, ids=bytes.hex)
@pytest.mark.parametrize("behind", [b"", b"\0", b"anything at all, of any length" * 10])
def test_recover_refuses_what_a_later_major_wrote_behind_the_segments(
    major: bytes, behind: bytes
) -> None:
    """Who cut it off would lose what a later version committed."""
    data = bundle(PLAIN).data
    assert open_fault(data + _header(major) + behind, recover=True) == (
        ErrorCode.UNSUPPORTED_VERSION,
        len(data),
    )


def test_recover_refuses_a_later_major_s_segment_though_one_of_this_follows() -> None:
    first, second = bundle(PLAIN).data, bundle(replace(MORE, header=_header(b"\x02"))).data
    for data in (first + second, first + second + b"torn", first + second + first):
        assert open_fault(data, recover=True) == (ErrorCode.UNSUPPORTED_VERSION, len(first))


@pytest.mark.parametrize("length", range(1, 23))
def test_recover_takes_a_part_of_a_header_of_any_major_for_a_torn_tail(length: int) -> None:
    data = bundle(PLAIN).data
    tail = _header(b"\x02")[:length]
    assert _recovered(data + tail) == (1, len(tail))


@pytest.mark.parametrize(
    "tail",
    [
        _header(b"\x80"),
        _header(b"\x82\x00"),
        _header(b"\x81\x00"),
        _header(b"\xff" * 9 + b"\x02"),
        _header(b"\xff" * 10 + b"\x01"),
        b"\x0b" + _header(b"\x02")[1:],
        _header(b"\x02").replace(b"bundle", b"bundlE"),
        _header(b"\x02").replace(b"\x10", b"\x18"),
        _header(b"\x01") + b"torn",
    ],
    ids=[
        "cut",
        "not minimal",
        "1 not minimal",
        "2^64",
        "eleven bytes",
        "tag",
        "magic",
        "field",
        "1",
    ],
)
def test_recover_takes_what_is_no_header_of_another_major_for_a_torn_tail(tail: bytes) -> None:
    data = bundle(PLAIN).data
    assert _recovered(data + tail) == (1, len(tail))


def test_a_later_major_where_e_does_not_count_is_not_told() -> None:
    """The walk backwards is believed where it found all; a header in content is content."""
    inside = Segment(artifacts=(Artifact("one", _header(b"\x02") * 3),))
    assert _recovered(bundle(PLAIN, inside).data) == (2, 0)


@pytest.mark.slow
@pytest.mark.runtimes
def test_recover_takes_blocks_of_64_mib_of_data_and_no_larger_ones() -> None:
    """Behind the block stands damage, so that only a forward search can cross it."""
    torn = b"torn"
    for size, segments in ((1 << 26, 2), ((1 << 26) + 1, 1)):
        record = block_record(bytes(size))
        block = Block(b"?", NONE, record=record, entry={"size": len(record)})
        built = bundle(PLAIN, Segment(blocks=(block,)))
        if segments == 2:
            assert len(Bundle.open(built.data + torn, recover=True, policy=UNSIGNED).segments) == 2
        else:
            opened = Bundle.open(built.data + torn, recover=True, policy=UNSIGNED)
            assert (len(opened.segments), opened.ignored) == (1, len(built.segments[1].data) + 4)


def test_recover_refuses_what_is_no_bundle() -> None:
    assert open_fault(b"\0" * 100, recover=True) == (ErrorCode.NOT_A_BUNDLE, 0)


def test_the_bundle_digest_names_the_recovered_sequence() -> None:
    built = two_segments()
    whole = Bundle.open(built.data, policy=UNSIGNED)
    payloads = [segment.payload for segment in built.segments]
    assert whole.digest == sha256(b"".join(map(sha256, payloads)))
    cut = Bundle.open(built.data[:-1], recover=True, policy=UNSIGNED)
    assert cut.digest == sha256(sha256(payloads[0]))
