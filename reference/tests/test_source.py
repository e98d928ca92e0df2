"""Where bytes are read from."""

import mmap
from pathlib import Path

import pytest

from precompile_context.bundle import BufferSource, ByteSource, JoinedSource
from precompile_context.bundle.source import Buffer, as_source

TEXT = b"0123456789abcdef"


@pytest.mark.parametrize("buffer", [TEXT, bytearray(TEXT), memoryview(TEXT), memoryview(TEXT)[:]])
def test_buffer_source_reads_ranges(buffer: Buffer) -> None:
    source = BufferSource(buffer)
    assert source.size == 16
    assert bytes(source.read(3, 4)) == b"3456"
    assert bytes(source.read(0, 16)) == TEXT
    assert bytes(source.read(16, 0)) == b""


def test_buffer_source_copies_nothing() -> None:
    data = bytearray(TEXT)
    view = BufferSource(data).read(2, 2)
    assert view.obj is data
    data[2] = ord("X")
    assert bytes(view) == b"X3"


def test_buffer_source_hands_out_nothing_that_can_be_written_to() -> None:
    assert BufferSource(bytearray(TEXT)).read(0, 16).readonly


def test_buffer_source_counts_bytes_of_wider_items() -> None:
    source = BufferSource(memoryview(TEXT).cast("I"))
    assert source.size == 16
    assert bytes(source.read(4, 4)) == b"4567"


def test_buffer_source_reads_a_mapping(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(TEXT)
    with path.open("rb") as file:
        mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    view = BufferSource(mapping).read(4, 4)
    assert bytes(view) == b"4567"
    assert view.obj is mapping


class _Halves:
    """A source that is no buffer."""

    size = 16

    def read(self, offset: int, size: int) -> memoryview:
        return memoryview(TEXT[offset : offset + size])


def test_as_source_leaves_a_source_and_wraps_a_buffer() -> None:
    source = _Halves()
    assert isinstance(source, ByteSource)
    assert as_source(source) is source
    wrapped = as_source(TEXT)
    assert isinstance(wrapped, BufferSource)
    assert bytes(wrapped.read(0, 16)) == TEXT


def _joined() -> JoinedSource:
    """TEXT out of four ranges, one of them empty."""
    return JoinedSource(
        [
            (BufferSource(b"??012"), 2, 3),
            (BufferSource(b""), 0, 0),
            (_Halves(), 3, 10),
            (BufferSource(b"def??"), 0, 3),
        ]
    )


def test_joined_source_reads_every_range_as_if_concatenated() -> None:
    source = _joined()
    assert source.size == 16
    for start in range(16):
        for end in range(start, 17):
            assert bytes(source.read(start, end - start)) == TEXT[start:end]


def test_joined_source_copies_nothing_within_one_part() -> None:
    data = bytearray(b"012")
    source = JoinedSource([(BufferSource(data), 0, 3), (BufferSource(b"3"), 0, 1)])
    assert source.read(1, 2).obj is data


def test_joined_source_of_nothing_is_empty() -> None:
    assert JoinedSource([]).size == 0
    assert bytes(JoinedSource([]).read(0, 0)) == b""
