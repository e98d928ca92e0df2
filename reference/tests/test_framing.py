"""Tags, lengths, header and footer, against what generated code writes and reads."""

import pytest

from precompile.v1 import bundle_pb2
from precompile_context.bundle import framing

# Sizes on both sides of each length of a varint that a test can afford to allocate.
SIZES = sorted(
    {n + d for n in (1, 2, 120, 127, 128, 16_383, 16_384, 2_097_151) for d in range(-8, 9)}
)
DATA_SIZES = [size for size in SIZES if size > 0]
VARINTS = sorted(
    {(1 << bits) + d for bits in range(0, 65, 7) for d in (-1, 0, 1)} | {2**63, 2**64 - 1}
)


def test_header_is_the_constant_of_the_format() -> None:
    assert (
        bytes.fromhex("0a15 0a11") + b"precompile.bundle" + bytes.fromhex("1001") == framing.HEADER
    )
    assert framing.HEADER_SIZE == 23
    header = bundle_pb2.SegmentHeader(magic="precompile.bundle", major=1)
    assert bundle_pb2.Bundle(header=[header]).SerializeToString() == framing.HEADER


@pytest.mark.parametrize("value", VARINTS)
def test_varint_reads_back(value: int) -> None:
    data = framing.varint(value)
    assert framing.read_varint(memoryview(b"??" + data + b"?"), 2) == (value, 2 + len(data))


@pytest.mark.parametrize("value", VARINTS)
def test_varint_is_minimal(value: int) -> None:
    assert len(framing.varint(value)) == max(1, -(-value.bit_length() // 7))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80",
        b"\xff" * 9,
        b"\x80\x00",
        b"\x81\x80\x00",
        b"\xff" * 9 + b"\x02",  # 2**64 and more
        b"\xff" * 9 + b"\x7f",
        b"\xff" * 10,
        b"\xff" * 10 + b"\x01",
        b"\x80" * 9 + b"\x00",
    ],
    ids=lambda data: data.hex(),
)
def test_read_varint_refuses_what_is_cut_padded_or_over_64_bits(data: bytes) -> None:
    assert framing.read_varint(memoryview(data), 0) is None


@pytest.mark.parametrize("size", DATA_SIZES)
def test_block_prefix_is_what_generated_code_writes(size: int) -> None:
    block = bundle_pb2.Block(data=bytes(size))
    expected = bundle_pb2.Bundle(block=[block]).SerializeToString()
    assert framing.block_prefix(size) + bytes(size) == expected


@pytest.mark.parametrize("size", [*DATA_SIZES, 2**26 - 1, 2**26])
def test_block_data_size_is_the_inverse_of_the_prefix(size: int) -> None:
    assert framing.block_data_size(len(framing.block_prefix(size)) + size) == size


def test_block_data_size_knows_the_sizes_that_no_record_has() -> None:
    reachable = {len(framing.block_prefix(size)) + size for size in range(1, 20_000)}
    for record_size in range(-1, 20_000):
        assert (framing.block_data_size(record_size) is not None) == (record_size in reachable)


def test_block_data_size_knows_no_record_of_more_than_64_mib_of_data() -> None:
    assert framing.block_data_size((1 << 26) + 10) == 1 << 26
    for more in (1, 2, 100, 1 << 26, 1 << 30):
        size = (1 << 26) + more
        assert framing.block_data_size(len(framing.block_prefix(size)) + size) is None


@pytest.mark.parametrize("record_size", [0, 2**63, 2**64 - 1])
def test_block_data_size_takes_any_number_that_a_manifest_can_claim(record_size: int) -> None:
    size = framing.block_data_size(record_size)
    assert size is None or len(framing.block_prefix(size)) + size == record_size


@pytest.mark.parametrize("numbers", [(23, 60), (0, 0), (2**63, 2**64 - 1)])
def test_footer_is_twenty_bytes_that_generated_code_reads(numbers: tuple[int, int]) -> None:
    data = framing.footer(*numbers)
    assert len(data) == framing.FOOTER_SIZE == 20
    assert framing.read_footer(data) == numbers
    (footer,) = bundle_pb2.Bundle.FromString(data).footer
    assert (footer.manifest_offset, footer.segment_size) == numbers


@pytest.mark.parametrize("at", [0, 1, 2, 11])
def test_read_footer_refuses_another_tag(at: int) -> None:
    data = bytearray(framing.footer(23, 60))
    data[at] ^= 1
    assert framing.read_footer(bytes(data)) is None


@pytest.mark.parametrize("data", [b"", framing.footer(23, 60)[:-1], framing.footer(23, 60) + b"\0"])
def test_read_footer_refuses_another_length(data: bytes) -> None:
    assert framing.read_footer(data) is None


@pytest.mark.parametrize(
    ("manifest_offset", "segment_size", "sane"),
    [
        (22, 100, False),
        (23, 100, True),
        (23, 43, False),
        (23, 44, True),
        (79, 100, True),
        (80, 100, False),
        (2**64 - 1, 2**64 - 1, False),
        (23, 0, False),
    ],
)
def test_footer_leaves_room_for_header_manifest_and_itself(
    manifest_offset: int, segment_size: int, sane: bool
) -> None:
    assert framing.footer_is_sane(manifest_offset, segment_size) is sane


@pytest.mark.parametrize("size", [1, 127, 128, 20_000])
def test_manifest_prefix_is_what_generated_code_writes(size: int) -> None:
    envelope = bundle_pb2.Envelope(payload=bytes(size))
    record = bundle_pb2.Bundle(manifest=[envelope]).SerializeToString()
    data = envelope.SerializeToString()
    prefix = framing.manifest_prefix(len(data))
    assert record == prefix + data
    assert framing.read_manifest_prefix(memoryview(b"?" + record), 1) == (
        1 + len(prefix),
        len(data),
    )


@pytest.mark.parametrize("data", [b"", b"\x12\x00", b"\x1a", b"\x1a\x80\x00"])
def test_read_manifest_prefix_refuses_another_tag_or_length(data: bytes) -> None:
    assert framing.read_manifest_prefix(memoryview(data), 0) is None
