"""Contents into blocks."""

import hashlib
from collections.abc import Iterator
from itertools import pairwise

import pytest
import zstandard

from precompile_context.bundle import packing
from precompile_context.bundle.manifest import NONE, ZSTD
from precompile_context.bundle.packing import Packer, StoredBlock
from tests.toys import noise

BLOCK = 1000
RAW_BLOCK = 700_000
TEXT = b"the same line of text again\n" * 200


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "BLOCK_CONTENT", BLOCK)
    monkeypatch.setattr(packing, "RAW_BLOCK_CONTENT", RAW_BLOCK)


def _pack(*contents: bytes, workers: int | None = None) -> list[StoredBlock]:
    return list(Packer(workers).pack((hashlib.sha256(c).digest(), c) for c in contents))


def _inflated(block: StoredBlock) -> bytes:
    if block.compression == NONE:
        return bytes(block.data)
    return zstandard.ZstdDecompressor().decompress(block.data, allow_extra_data=False)


def _unpacked(blocks: list[StoredBlock]) -> dict[bytes, bytes]:
    """Contents by digest, put together from the blocks; checks what is said of the blocks."""
    contents: dict[bytes, bytes] = {}
    last = b""
    for block in blocks:
        inflated = _inflated(block)
        assert len(inflated) == block.content_size
        assert hashlib.sha256(block.data).digest() == block.digest
        places = _places(block)
        if not places:  # it goes on with the content that began before it
            contents[last] += inflated
        for last, offset, size in places:
            contents[last] = inflated[offset : offset + size]
    return contents


def _places(block: StoredBlock) -> list[tuple[bytes, int, int]]:
    """Digest, offset and size here of each content that begins in the block."""
    offsets = list(block.offsets)[: len(block.begins)]
    sizes = [end - start for start, end in pairwise([*offsets, block.content_size])]
    return list(zip(block.begins, offsets, sizes, strict=True))


def _check_holds(blocks: list[StoredBlock], *contents: bytes) -> None:
    unpacked = _unpacked(blocks)
    assert list(unpacked.values()) == list(contents)
    assert [hashlib.sha256(content).digest() for content in contents] == list(unpacked)


def test_nothing_gives_no_block() -> None:
    assert _pack() == []


def test_small_contents_share_one_block_in_their_order() -> None:
    contents = [b"%d" % index * 20 for index in range(9)]
    blocks = _pack(*contents)
    assert len(blocks) == 1
    assert blocks[0].compression == ZSTD
    assert [offset for _, offset, _ in _places(blocks[0])] == list(range(0, 180, 20))
    _check_holds(blocks, *contents)


def test_what_contents_have_in_common_is_stored_once() -> None:
    common = noise(300)
    (block,) = _pack(common + b"a", common + b"b", common + b"c")
    assert len(block.data) < 400


def test_a_shared_block_is_filled_up_to_its_size_and_no_further() -> None:
    contents = [bytes([65 + index]) * (BLOCK // 4) for index in range(5)]
    blocks = _pack(*contents)
    assert [block.content_size for block in blocks] == [BLOCK, BLOCK // 4]
    _check_holds(blocks, *contents)


def test_content_of_exactly_one_block_shares_it_with_nothing() -> None:
    contents = [TEXT[:10], TEXT[:BLOCK], TEXT[:20]]
    blocks = _pack(*contents)
    assert [block.content_size for block in blocks] == [10, BLOCK, 20]
    _check_holds(blocks, *contents)


@pytest.mark.parametrize("size", [BLOCK + 1, 2 * BLOCK, 3 * BLOCK + 7])
def test_large_content_has_blocks_of_its_own(size: int) -> None:
    blocks = _pack(TEXT[:size])
    assert len(blocks) == -(-size // BLOCK)
    assert [len(block.begins) for block in blocks] == [1] + [0] * (len(blocks) - 1)
    assert _places(blocks[0])[0][1:] == (0, blocks[0].content_size)
    _check_holds(blocks, TEXT[:size])


def test_small_contents_around_a_large_one_still_share_a_block() -> None:
    blocks = _pack(b"small one", TEXT, b"small two")
    shared = [block for block in blocks if len(block.begins) > 1]
    assert len(shared) == 1
    assert [size for _, _, size in _places(shared[0])] == [9, 9]
    unpacked = _unpacked(blocks)
    assert sorted(unpacked.values()) == sorted([b"small one", TEXT, b"small two"])


def test_content_that_does_not_shrink_is_stored_as_it_is() -> None:
    content = noise(100)
    (block,) = _pack(content)
    assert block.compression == NONE
    assert block.data == content
    assert block.digest == hashlib.sha256(content).digest()


def test_small_contents_that_do_not_shrink_together_are_stored_as_they_are() -> None:
    contents = [noise(100, 1), noise(100, 2)]
    blocks = _pack(*contents)
    assert [block.compression for block in blocks] == [NONE]
    _check_holds(blocks, *contents)


def test_large_content_that_does_not_compress_is_raw_blocks_of_its_own() -> None:
    content = noise(packing.PROBE_SIZE)
    blocks = _pack(b"beside it", content)
    raw = [block for block in blocks if block.compression == NONE and len(block.data) > 100]
    assert [block.content_size for block in raw] == [RAW_BLOCK, len(content) - RAW_BLOCK]
    assert b"".join(bytes(block.data) for block in raw) == content


def test_a_raw_block_that_is_one_content_has_its_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "RAW_BLOCK_CONTENT", 2 << 20)
    content = noise(packing.PROBE_SIZE)
    (block,) = _pack(content)
    assert (block.compression, block.digest) == (NONE, hashlib.sha256(content).digest())


def test_raw_blocks_copy_nothing() -> None:
    content = noise(packing.PROBE_SIZE)
    for block in _pack(content):
        assert isinstance(block.data, memoryview)
        assert block.data.obj is content


def test_large_content_that_compresses_in_its_middle_alone_is_compressed() -> None:
    third = packing.PROBE_SIZE // 3
    content = noise(third) + bytes(third) + noise(packing.PROBE_SIZE - 2 * third, 1)
    blocks = _pack(content)
    assert {block.compression for block in blocks} == {NONE, ZSTD}
    assert sum(len(block.data) for block in blocks) < len(content) * 3 // 4
    _check_holds(blocks, content)


def test_frames_say_their_content_size_and_need_no_more_than_the_window_allowed() -> None:
    blocks = [*_pack(TEXT[:BLOCK]), *_pack(TEXT, b"one" * 50, b"two" * 50)]
    for block in blocks:
        header = zstandard.get_frame_parameters(block.data)
        assert header.content_size == block.content_size
        assert header.window_size <= 8 << 20
        assert not header.dict_id
        assert not header.has_checksum


def test_blocks_of_the_real_size_need_no_more_than_the_window_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    (block,) = _pack(bytes(packing.BLOCK_CONTENT))
    assert zstandard.get_frame_parameters(block.data).window_size <= 8 << 20


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_blocks_do_not_depend_on_the_number_of_workers(workers: int) -> None:
    contents = [TEXT[: 37 * index] for index in range(1, 60)]
    assert _pack(*contents, workers=workers) == _pack(*contents)


def test_contents_are_taken_as_they_are_needed() -> None:
    """What was read of a large input and is not stored yet must not grow with the input."""
    taken = 0

    def contents() -> Iterator[tuple[bytes, bytes]]:
        nonlocal taken
        for index in range(100):
            taken += 1
            yield b"%032d" % index, bytes([index]) * BLOCK

    packed = Packer(workers=2).pack(contents())
    next(packed)
    assert taken < 12
    assert len(list(packed)) == 99


@pytest.fixture
def _small_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "_APART", 100)
    monkeypatch.setattr(packing, "_OPEN_AT_ONCE", 2000)


def _pack_of(places: int, contents: list[bytes]) -> list[StoredBlock]:
    """Packed as what came of so many blocks in turn."""
    digests = [hashlib.sha256(content).digest() for content in contents]
    came_of = {digest: index % places for index, digest in enumerate(digests)}
    return list(Packer().pack(zip(digests, contents, strict=True), came_of))


@pytest.mark.usefixtures("_small_bounds")
def test_contents_of_different_blocks_stay_apart_where_they_are_no_trifles() -> None:
    contents = [b"%050d" % index for index in range(24)]
    assert [len(block.begins) for block in _pack_of(3, contents)] == [8, 8, 8]
    assert [len(block.begins) for block in _pack_of(24, contents)] == [2] * 12


@pytest.mark.usefixtures("_small_bounds")
def test_contents_of_very_many_blocks_make_no_block_for_each() -> None:
    contents = [b"%010d" % index for index in range(3000)]
    blocks = _pack_of(1500, contents)
    assert len(blocks) < 400  # 300 of 100 bytes, and what is left over each time
    assert sorted(_unpacked(blocks).values()) == contents


def test_a_view_is_packed_as_its_bytes_are() -> None:
    digest = hashlib.sha256(TEXT).digest()
    assert [block.digest for block in Packer().pack([(digest, memoryview(TEXT))])] == [
        block.digest for block in Packer().pack([(digest, TEXT)])
    ]
