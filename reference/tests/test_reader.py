"""Open bundles: matching, what is current, and the ways to content."""

import hashlib
import mmap
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from precompile_conformance.build import NONE, ZSTD, Artifact, Block, Segment, bundle
from precompile_context import Environment, ErrorCode
from precompile_context.bundle import Bundle, Limits, packing
from precompile_context.trust import UNSIGNED
from tests.toys import (
    BLOB,
    ELSEWHERE,
    HERE,
    bundle_contents,
    new_artifact,
    noise,
    refused,
    write_segment,
)

ON_AVX2 = (("cpu", 1, ["avx2"]),)
ON_AVX512 = (("cpu", 1, ["avx512"]),)
ON_ANY_AVX2 = (("cpu", 2, ["avx2"]),)


def _segment(key: str, content: bytes, requirements: tuple[object, ...] = ()) -> Segment:
    return Segment(artifacts=(Artifact(key, content),), requirements=requirements)  # type: ignore[arg-type]


def _open(*segments: Segment) -> Bundle:
    return Bundle.open(bundle(*segments).data, policy=UNSIGNED)


def test_open_reads_indexes_alone() -> None:
    """Content is not looked at, nor is most of the input."""
    large = noise(3 << 20)
    data = write_segment(new_artifact("large", large), new_artifact("small", b"small"))

    class Counting:
        size = len(data)
        taken = 0

        def read(self, offset: int, size: int) -> memoryview:
            Counting.taken += size
            return memoryview(data)[offset : offset + size]

    opened = Bundle.open(Counting(), policy=UNSIGNED)
    assert Counting.taken < 200_000
    assert opened.current()[BLOB, "large"].content_size == len(large)
    assert opened.read(opened.current()[BLOB, "large"]) == large


def test_segments_say_where_they_lie() -> None:
    built = bundle(_segment("a", b"1"), _segment("b", b"2"))
    opened = Bundle.open(built.data, policy=UNSIGNED)
    for segment, expected in zip(opened.segments, built.segments, strict=True):
        assert (segment.offset, segment.size) == (expected.offset, len(expected.data))
        assert segment.manifest_offset == expected.manifest_offset
        assert segment.payload_digest == hashlib.sha256(expected.payload).digest()
        assert [place.offset for place in segment.blocks] == list(expected.block_offsets)
    assert [segment.index for segment in opened.segments] == [0, 1]
    assert (opened.size, opened.ignored) == (len(built.data), 0)


def test_a_chain_begins_with_each_concatenated_bundle() -> None:
    opened = _open(
        _segment("a", b"1"), _segment("b", b"2"), replace(_segment("c", b"3"), chained=False)
    )
    assert [segment.begins_chain for segment in opened.segments] == [True, False, True]


def test_digest_is_over_all_payload_digests_in_file_order() -> None:
    built = bundle(_segment("a", b"1"), _segment("b", b"2"))
    payloads = b"".join(hashlib.sha256(segment.payload).digest() for segment in built.segments)
    assert Bundle.open(built.data, policy=UNSIGNED).digest == hashlib.sha256(payloads).digest()


def test_digest_changes_when_segments_are_dropped_reordered_or_repeated() -> None:
    a, b = bundle(_segment("a", b"1")).data, bundle(_segment("b", b"2")).data
    digests = {
        Bundle.open(data, policy=UNSIGNED).digest for data in (a, b, a + b, b + a, a + a, a + b + b)
    }
    assert len(digests) == 6


def test_matching_gives_the_segments_whose_requirements_hold_here() -> None:
    opened = _open(
        _segment("a", b"1", ON_AVX512),
        _segment("b", b"2", ON_AVX2),
        _segment("c", b"3"),
        _segment("d", b"4", ON_ANY_AVX2),
    )
    assert [segment.index for segment in opened.matching(HERE)] == [1, 2, 3]
    assert [segment.index for segment in opened.matching(ELSEWHERE)] == [0, 2]
    assert [segment.index for segment in opened.matching(Environment())] == [2]
    both = Environment.of(cpu=["avx2", "avx512"])
    assert [segment.index for segment in opened.matching(both)] == [2, 3]


def test_matching_refuses_where_no_segment_matches_and_names_the_fact() -> None:
    opened = _open(_segment("a", b"1", ON_AVX2), _segment("b", b"2", ON_AVX2))
    with refused(ErrorCode.INCOMPATIBLE_ENVIRONMENT) as caught:
        opened.matching(ELSEWHERE)
    assert caught.value.detail == "cpu: needs {avx2}, here {avx512}"
    with refused(ErrorCode.INCOMPATIBLE_ENVIRONMENT):
        opened.matching(Environment())


def test_an_unknown_match_does_not_match() -> None:
    opened = _open(_segment("a", b"1", (("cpu", 9, ["avx2"]),)), _segment("b", b"2"))
    assert [segment.index for segment in opened.matching(HERE)] == [1]


def _current(opened: Bundle, environment: Environment | None = None) -> dict[str, bytes]:
    segments = None if environment is None else opened.matching(environment)
    return {key: opened.read(stored) for (_, key), stored in opened.current(segments).items()}


def test_later_segments_win_and_keep_the_first_place() -> None:
    opened = _open(
        Segment(artifacts=(Artifact("a", b"1"), Artifact("b", b"2"))),
        Segment(artifacts=(Artifact("c", b"3"), Artifact("a", b"4"))),
    )
    assert list(_current(opened).items()) == [("a", b"4"), ("b", b"2"), ("c", b"3")]


def test_removed_takes_away_before_the_segments_own_artifacts_are_added() -> None:
    opened = _open(
        Segment(artifacts=(Artifact("a", b"1"), Artifact("b", b"2"))),
        Segment(artifacts=(Artifact("a", b"3"),), removed=((BLOB, "a"), (BLOB, "b"))),
    )
    assert _current(opened) == {"a": b"3"}


def test_removed_takes_away_what_later_segments_add_again() -> None:
    opened = _open(
        _segment("a", b"1"), Segment(removed=((BLOB, "a"), (BLOB, "never"))), _segment("a", b"2")
    )
    assert _current(opened) == {"a": b"2"}
    assert list(opened.current(opened.segments[:2])) == []


def test_removal_reaches_into_no_bundle_concatenated_before() -> None:
    opened = _open(_segment("a", b"1"), Segment(removed=((BLOB, "a"),), chained=False))
    assert _current(opened) == {"a": b"1"}


def test_a_bundle_that_recorded_and_removed_a_name_leaves_an_earlier_one_s_current() -> None:
    opened = _open(
        Segment(artifacts=(Artifact("a", b"1"), Artifact("b", b"2"))),
        replace(_segment("a", b"shard"), chained=False),
        Segment(removed=((BLOB, "a"),)),
        Segment(artifacts=(Artifact("c", b"3"), Artifact("b", b"4"))),
    )
    assert list(_current(opened).items()) == [("a", b"1"), ("b", b"4"), ("c", b"3")]
    assert list(opened.current(opened.segments[1:])) == [(BLOB, "c"), (BLOB, "b")]


def test_what_is_current_is_a_union_of_the_chains() -> None:
    """Whatever is concatenated, none takes away what another brought."""
    parts = [
        bundle(_segment("a", b"1"), _segment("b", b"2")),
        bundle(_segment("b", b"3"), Segment(removed=((BLOB, "b"), (BLOB, "a")))),
        bundle(Segment(removed=((BLOB, "c"),)), _segment("c", b"4")),
    ]
    merged: dict[str, bytes] = {}
    for part in parts:
        merged |= _current(Bundle.open(part.data, policy=UNSIGNED))
    whole = Bundle.open(b"".join(part.data for part in parts), policy=UNSIGNED)
    assert list(_current(whole).items()) == list(merged.items()) == [
        ("a", b"1"), ("b", b"2"), ("c", b"4"),
    ]  # fmt: skip


def test_the_same_key_of_another_type_is_another_artifact() -> None:
    opened = _open(
        Segment(artifacts=(Artifact("a", b"1"), Artifact("a", b"2", type="test.other"))),
        Segment(removed=((BLOB, "a"),)),
    )
    assert list(opened.current()) == [("test.other", "a")]


def test_keys_are_compared_as_bytes() -> None:
    """Two spellings of one text, composed and not, are two keys."""
    opened = _open(Segment(artifacts=(Artifact("é", b"1"), Artifact("e\u0301", b"2"))))
    assert len(opened.current()) == 2


def test_opaque_segments_are_never_current_and_remove_nothing() -> None:
    opened = _open(
        _segment("a", b"mine", ON_AVX2),
        replace(_segment("a", b"theirs", ON_AVX512), removed=((BLOB, "a"),)),
    )
    assert _current(opened, HERE) == {"a": b"mine"}
    assert _current(opened, ELSEWHERE) == {"a": b"theirs"}


def test_blocks_of_opaque_segments_serve() -> None:
    content = noise(100)
    opened = _open(
        _segment("a", content, ON_AVX512),
        replace(_segment("a", content, ON_AVX2), blocks=(Block(content, external=True),)),
    )
    assert _current(opened, HERE) == {"a": content}


@pytest.fixture
def mapping(tmp_path: Path) -> Iterator[mmap.mmap]:
    """A mapped bundle: "raw" uncompressed in one block, "packed" in a shared one."""
    raw = noise(packing.PROBE_SIZE)
    path = tmp_path / "bundle"
    path.write_bytes(write_segment(new_artifact("raw", raw), new_artifact("packed", b"p" * 500)))
    with path.open("rb") as file:
        yield mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def test_view_of_uncompressed_content_is_a_view_over_the_mapping(mapping: mmap.mmap) -> None:
    opened = Bundle.open(mapping, policy=UNSIGNED)
    view = opened.view(opened.current()[BLOB, "raw"])
    assert view.obj is mapping
    assert view.readonly
    assert view == noise(packing.PROBE_SIZE)


def test_view_of_compressed_content_is_a_copy(mapping: mmap.mmap) -> None:
    opened = Bundle.open(mapping, policy=UNSIGNED)
    view = opened.view(opened.current()[BLOB, "packed"])
    assert view.obj is not mapping
    assert bytes(view) == b"p" * 500


def test_read_is_a_copy_even_of_uncompressed_content(mapping: mmap.mmap) -> None:
    opened = Bundle.open(mapping, policy=UNSIGNED)
    assert type(opened.read(opened.current()[BLOB, "raw"])) is bytes


def test_view_of_a_part_of_an_uncompressed_block_is_right() -> None:
    block = Block(b"??content??")
    opened = _open(Segment(artifacts=(Artifact("a", b"content"),), blocks=(block,)))
    assert bytes(opened.view(opened.current()[BLOB, "a"])) == b"content"


def test_view_rejects_a_raw_block_whose_bytes_changed() -> None:
    content = noise(500)
    data = bytearray(bundle(_segment("a", content)).data)
    opened = Bundle.open(data, policy=UNSIGNED)
    stored = opened.current()[BLOB, "a"]
    assert bytes(opened.view(stored)) == content
    data[data.index(content)] ^= 1
    for access in (opened.view, opened.read, lambda s: b"".join(opened.stream(s))):
        with refused(ErrorCode.DIGEST_MISMATCH):
            access(stored)


@pytest.mark.parametrize("compression", [NONE, ZSTD])
def test_content_of_several_blocks_is_put_together(compression: int) -> None:
    pieces = [b"first ", b"second " * 9, b"third"]
    artifact = Artifact("a", b"".join(pieces), place=(0, 0))
    opened = _open(
        Segment(artifacts=(artifact,), blocks=[Block(piece, compression) for piece in pieces])
    )
    stored = opened.current()[BLOB, "a"]
    assert opened.read(stored) == bytes(opened.view(stored)) == b"".join(pieces)
    assert [bytes(piece) for piece in opened.stream(stored)] == pieces


def test_a_block_that_is_come_back_to_is_not_read_each_time() -> None:
    """Contents stored once for many are named between those of every other block."""
    shared, size, count = b"shared", 3 << 20, 6
    blocks = [Block(shared + bytes([index]) * size, ZSTD) for index in range(count)]
    pieces = [
        Artifact(
            f"{index}/{part}", bytes([index]) * (size // 4), place=(index, 6 + part * size // 4)
        )
        for index in range(count)
        for part in range(4)
    ]
    again = [Artifact(f"again/{piece.key}", shared, place=(0, 0)) for piece in pieces]
    artifacts = tuple(artifact for pair in zip(pieces, again, strict=True) for artifact in pair)
    data = bundle(Segment(artifacts=artifacts, blocks=blocks)).data
    reads: list[int] = []

    class Counting:
        size = len(data)

        def read(self, offset: int, size: int) -> memoryview:
            reads.append(offset)
            return memoryview(data)[offset : offset + size]

    opened = Bundle.open(Counting(), policy=UNSIGNED)
    stored = opened.current()
    reads.clear()
    for artifact in stored.values():
        opened.read(artifact)
    assert set(Counter(reads).values()) <= {1, 2}
    assert len(reads) <= count + 2


def test_stream_gives_nothing_for_empty_content() -> None:
    opened = _open(_segment("a", b""))
    assert list(opened.stream(opened.current()[BLOB, "a"])) == []


def test_stream_tells_at_its_end_of_content_that_is_not_that_of_its_digest() -> None:
    artifact = Artifact("a", b"onetwo", place=(0, 0))
    lying = Segment(
        artifacts=(artifact,),
        blocks=(Block(b"one"), Block(b"TWO")),  # each block as its entry says
    )
    opened = _open(lying)
    pieces = opened.stream(opened.current()[BLOB, "a"])
    assert [bytes(next(pieces)), bytes(next(pieces))] == [b"one", b"TWO"]
    with refused(ErrorCode.DIGEST_MISMATCH):
        next(pieces)


def test_damage_in_one_block_leaves_the_artifacts_of_others_readable() -> None:
    built = bundle(_segment("a", b"content a"), _segment("b", b"content b"))
    data = bytearray(built.data)
    data[built.segments[0].block_offsets[0] + 6] ^= 1
    opened = Bundle.open(bytes(data), policy=UNSIGNED)
    with refused(ErrorCode.DIGEST_MISMATCH):
        opened.read(opened.current()[BLOB, "a"])
    assert opened.read(opened.current()[BLOB, "b"]) == b"content b"
    with refused(ErrorCode.DIGEST_MISMATCH) as caught:
        opened.verify()
    assert caught.value.offset == built.segments[0].block_offsets[0]


def test_verify_reads_what_no_artifact_that_is_current_needs() -> None:
    built = bundle(_segment("a", b"superseded", ON_AVX2), _segment("a", b"current", ON_AVX2))
    data = bytearray(built.data)
    data[built.segments[0].block_offsets[0] + 6] ^= 1
    opened = Bundle.open(bytes(data), policy=UNSIGNED)
    assert _current(opened) == {"a": b"current"}
    with refused(ErrorCode.DIGEST_MISMATCH):
        opened.verify()


def test_a_block_is_read_once_for_artifacts_that_follow_one_another() -> None:
    data = write_segment(*(new_artifact(f"k{i}", b"%d" % i * 50) for i in range(100)))
    content = sum(len(content) for content in bundle_contents(data).values())
    opened = Bundle.open(data, limits=Limits(total_decompressed=content), policy=UNSIGNED)
    for stored in opened.current().values():
        opened.read(stored)


def test_concatenation_is_a_merge() -> None:
    a = write_segment(new_artifact("a", b"1"), new_artifact("both", b"of a"))
    b = write_segment(new_artifact("b", b"2"), new_artifact("both", b"of b"))
    assert bundle_contents(a + b) == {
        (BLOB, "a"): b"1",
        (BLOB, "both"): b"of b",
        (BLOB, "b"): b"2",
    }
    assert bundle_contents(b + a)[BLOB, "both"] == b"of a"
