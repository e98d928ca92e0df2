"""Which of several faults is told, and what order, removal and hosts mean across segments."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from precompile.v1 import bundle_pb2
from precompile_conformance.build import Artifact, Block, Segment, bundle
from precompile_conformance.wire import HEADER, record
from precompile_context.bundle import Bundle, Limits
from precompile_context.bundle import Segment as OpenSegment
from precompile_context.environment import Environment
from precompile_context.errors import ErrorCode, PrecompileError, Stage
from precompile_context.trust import UNSIGNED
from tests.refusal import (
    MORE,
    PLAIN,
    contents,
    detail,
    kind,
    open_fault,
    place,
    repeat_first,
    verify_fault,
)

# One fault a stage. Each is a segment that is right but for it.
FAULTS = {
    ErrorCode.UNSUPPORTED_VERSION: replace(MORE, header=HEADER[:-1] + b"\x02"),
    ErrorCode.MALFORMED_FRAME: replace(MORE, payload_digest=bytes(32)),
    ErrorCode.MALFORMED_MANIFEST: replace(MORE, edit=kind(0)),
    ErrorCode.UNSUPPORTED_FEATURE: replace(MORE, edit=lambda m: m.required_features.append("x")),
    ErrorCode.INVALID_NAME: replace(MORE, edit=lambda m: m.artifacts.key.__setitem__(0, "")),
    ErrorCode.DUPLICATE_ARTIFACT: replace(MORE, edit=repeat_first),
    ErrorCode.BAD_REFERENCE: replace(MORE, edit=place(1, 0, 100)),
    ErrorCode.BROKEN_CHAIN: replace(
        MORE, edit=lambda m: setattr(m, "previous_manifest_digest", bytes(32))
    ),
    ErrorCode.DIGEST_MISMATCH: replace(
        MORE, blocks=(Block(b"third content", stored=b"THIRD content"),),
        edit=lambda m: setattr(m.blocks[0], "digest", bytes(32)),
    ),
}  # fmt: skip
PAIRS = [(a, b) for a in FAULTS for b in FAULTS if a.stage != b.stage]


def _fault(data: bytes) -> tuple[ErrorCode, int | None]:
    with pytest.raises(PrecompileError) as caught:
        Bundle.open(data, policy=UNSIGNED).verify()
    return caught.value.code, caught.value.offset


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_the_earlier_stage_decides_wherever_its_fault_lies(
    first: ErrorCode, second: ErrorCode
) -> None:
    built = bundle(replace(FAULTS[first], chained=False), replace(FAULTS[second], chained=False))
    code, offset = _fault(built.data)
    assert code == min(first, second, key=lambda c: c.stage)
    segment = built.segments[0 if code == first else 1]
    expected = segment.manifest_offset
    if code is ErrorCode.UNSUPPORTED_VERSION:
        expected = segment.offset
    elif code.stage is Stage.CONTENT:
        expected = segment.block_offsets[0]
    assert offset == expected


@pytest.mark.parametrize("first", FAULTS)
def test_the_lowest_offset_decides_within_a_stage(first: ErrorCode) -> None:
    for second in FAULTS:
        if first.stage == second.stage:
            built = bundle(
                replace(FAULTS[first], chained=False), replace(FAULTS[second], chained=False)
            )
            code, offset = _fault(built.data)
            assert code == first
            assert offset is not None
            assert offset < built.segments[1].offset


def _edited(*edits: Callable[[bundle_pb2.Manifest], object]) -> tuple[ErrorCode, int | None]:
    def edit(message: bundle_pb2.Manifest) -> None:
        for one in edits:
            one(message)

    return _fault(bundle(PLAIN, replace(MORE, edit=edit)).data)


def _requires(message: bundle_pb2.Manifest) -> None:
    message.required_features.append("x")


def _breaks_the_chain(message: bundle_pb2.Manifest) -> None:
    message.previous_manifest_digest = bytes(32)


def _refers_to_nothing(message: bundle_pb2.Manifest) -> None:
    message.blocks[0].size += 1


def _has_a_wrong_name(message: bundle_pb2.Manifest) -> None:
    message.artifacts.types[0].name = "No Name"


def _claims_too_much(message: bundle_pb2.Manifest) -> None:
    message.artifacts.content_size[0] = 2**63


def _is_no_table(message: bundle_pb2.Manifest) -> None:
    message.artifacts.offset.append(0)


def _has_too_many_empty_keys(message: bundle_pb2.Manifest) -> None:
    message.artifacts.key.extend([""] * 1000)


def test_within_a_manifest_the_order_of_the_norm_decides() -> None:
    """PCB-READ-008: one offset for all of them, so that only the order tells."""
    at = bundle(PLAIN, MORE).segments[1].offset
    for edits, code in (
        ((_requires, _has_too_many_empty_keys), ErrorCode.MALFORMED_MANIFEST),
        ((kind(0), _requires), ErrorCode.UNSUPPORTED_FEATURE),
        ((_is_no_table, _requires), ErrorCode.UNSUPPORTED_FEATURE),
        ((_claims_too_much, kind(0)), ErrorCode.MALFORMED_MANIFEST),
        ((_claims_too_much, _is_no_table), ErrorCode.MALFORMED_MANIFEST),
        ((_has_a_wrong_name, _claims_too_much), ErrorCode.LIMIT_EXCEEDED),
        ((repeat_first, _has_a_wrong_name), ErrorCode.INVALID_NAME),
        ((_breaks_the_chain, repeat_first), ErrorCode.DUPLICATE_ARTIFACT),
        ((_refers_to_nothing, _breaks_the_chain), ErrorCode.BROKEN_CHAIN),
        ((place(1, 0, 100), _breaks_the_chain), ErrorCode.BROKEN_CHAIN),
    ):
        found, offset = _edited(*edits)
        assert found is code
        assert offset is not None
        assert offset > at


def test_a_required_feature_is_told_before_a_limit_on_items() -> None:
    built = bundle(replace(MORE, edit=_requires))
    for items in (0, 100):
        assert open_fault(built.data, limits=Limits(items=items)) == (
            ErrorCode.UNSUPPORTED_FEATURE,
            built.segments[0].manifest_offset,
        )


def test_a_limit_on_items_is_told_before_what_the_columns_are() -> None:
    for fault in (kind(0), _is_no_table):
        data = bundle(replace(MORE, edit=fault)).data
        assert open_fault(data)[0] is ErrorCode.MALFORMED_MANIFEST
        assert open_fault(data, limits=Limits(items=2))[0] is ErrorCode.LIMIT_EXCEEDED


def test_backends_of_a_kind_added_later_are_checked_as_those_of_an_entry() -> None:
    def edit(message: bundle_pb2.Manifest) -> None:
        detail(message).backends.add(type="t", key="k", content_digest=bytes(31))

    assert _edited(kind(9), edit)[0] is ErrorCode.MALFORMED_MANIFEST


def test_content_faults_are_told_in_file_order() -> None:
    """The first artifact lies in the second block; both blocks are damaged."""
    blocks = (Block(b"first", stored=b"FIRST"), Block(b"second", stored=b"SECOND"))
    artifacts = (Artifact("b", b"second"), Artifact("a", b"first"))

    def edit(message: object) -> None:
        for entry in message.blocks:  # type: ignore[attr-defined]
            entry.digest = bytes(32)

    built = bundle(Segment(artifacts=artifacts, blocks=blocks, edit=edit))
    assert verify_fault(built.data) == (
        ErrorCode.DIGEST_MISMATCH,
        built.segments[0].block_offsets[0],
    )


def test_truncation_is_told_before_what_stands_in_the_segments() -> None:
    data = bundle(FAULTS[ErrorCode.UNSUPPORTED_FEATURE]).data + b"\0"
    assert open_fault(data) == (ErrorCode.TRUNCATED, len(data))


def _current(*segments: Segment) -> dict[str, bytes]:
    return {key: content for (_, key), content in contents(bundle(*segments).data).items()}


def _of(**artifacts: bytes) -> Segment:
    return Segment(artifacts=[Artifact(key, content) for key, content in artifacts.items()])


def test_a_later_segment_wins_by_type_and_key() -> None:
    assert _current(_of(a=b"1", b=b"2"), _of(a=b"3")) == {"a": b"3", "b": b"2"}
    other = Segment(artifacts=[Artifact("a", b"4", type="test.other")])
    assert len(contents(bundle(_of(a=b"1"), other).data)) == 2


def test_the_order_is_that_of_the_first_record() -> None:
    assert list(_current(_of(b=b"1", a=b"2"), _of(c=b"3", b=b"4"))) == ["b", "a", "c"]


def test_removal_comes_before_the_same_segment_s_artifacts() -> None:
    again = replace(_of(a=b"new"), removed=[("test.blob", "a")])
    assert list(_current(_of(a=b"1", b=b"2"), again).items()) == [("b", b"2"), ("a", b"new")]


def test_removal_takes_only_what_earlier_segments_added() -> None:
    gone = replace(_of(b=b"2"), removed=[("test.blob", "a"), ("test.other", "b")])
    assert _current(_of(a=b"1"), gone, _of(a=b"3")) == {"a": b"3", "b": b"2"}


def test_removal_of_what_is_not_there_is_no_fault() -> None:
    assert _current(replace(_of(a=b"1"), removed=[("test.blob", "x")] * 2)) == {"a": b"1"}


def test_concatenation_of_complete_bundles_is_a_bundle_and_a_merge() -> None:
    one, two = bundle(_of(a=b"1", b=b"2"), _of(c=b"3")), bundle(_of(b=b"4"), _of(d=b"5"))
    merged = contents(one.data + two.data)
    assert merged == contents(one.data) | contents(two.data)
    opened = Bundle.open(one.data + two.data, policy=UNSIGNED)
    assert [segment.begins_chain for segment in opened.segments] == [True, False, True, False]
    three = contents(one.data + two.data + one.data)
    assert three == contents(two.data) | contents(one.data)


def _chains(*chains: tuple[Segment, ...]) -> dict[str, bytes]:
    data = b"".join(bundle(*chain).data for chain in chains)
    return {key: content for (_, key), content in contents(data).items()}


def test_a_removal_reaches_no_further_than_its_own_chain() -> None:
    gone = Segment(removed=[("test.blob", "a")])
    assert _chains((_of(a=b"1", b=b"2"),), (gone,)) == {"a": b"1", "b": b"2"}
    assert _chains((_of(a=b"1"),), (_of(a=b"3"), gone)) == {"a": b"1"}
    assert _chains((_of(a=b"1"), gone), (_of(a=b"3"),)) == {"a": b"3"}
    assert _chains((_of(a=b"1"),), (_of(b=b"2"), gone), (gone,)) == {"a": b"1", "b": b"2"}


def test_a_later_chain_s_artifact_supersedes_in_place() -> None:
    current = _chains((_of(a=b"1", b=b"2", c=b"3"),), (_of(d=b"4", b=b"5"),))
    assert list(current.items()) == [("a", b"1"), ("b", b"5"), ("c", b"3"), ("d", b"4")]


def test_the_order_within_a_chain_is_that_of_the_record_since_the_removal() -> None:
    gone = replace(_of(a=b"3"), removed=[("test.blob", "a")])
    assert list(_chains((_of(a=b"1", b=b"2"), gone))) == ["b", "a"]
    # Of the bundle, the place is that of the chain that brought the name first.
    assert list(_chains((_of(a=b"0"),), (_of(a=b"1", b=b"2"), gone)).items()) == [
        ("a", b"3"), ("b", b"2"),
    ]  # fmt: skip


def test_opaque_segments_count_for_where_chains_begin_and_for_nothing_else() -> None:
    """The removal's chain begins with a segment for another host."""
    foreign = replace(_of(a=b"theirs"), requirements=[("gpu", 1, ["a100"])])
    gone = Segment(removed=[("test.blob", "a")])
    for second, current in (((foreign, gone), {"a": b"1"}), ((gone,), {})):
        chained = bundle(_of(a=b"1"), *(replace(s, chained=s is not foreign) for s in second))
        opened = Bundle.open(chained.data, policy=UNSIGNED)
        found = opened.current(opened.matching(HERE))
        assert {key: opened.read(stored) for (_, key), stored in found.items()} == current


HERE = Environment.of(gpu="h100", flags=["a", "b", "c"])


def _matching(*segments: Segment) -> tuple[OpenSegment, ...]:
    return Bundle.open(bundle(*segments).data, policy=UNSIGNED).matching(HERE)


@pytest.mark.parametrize(
    ("requirement", "matches"),
    [
        (("gpu", 1, ["h100"]), True),
        (("gpu", 1, ["a100"]), False),
        (("gpu", 1, ["a100", "h100"]), False),
        (("gpu", 1, []), False),
        (("gpu", 2, []), True),
        (("flags", 1, ["a", "b"]), False),
        (("flags", 1, ["a", "b", "c"]), True),
        (("flags", 2, ["a", "c"]), True),
        (("flags", 2, ["a", "d"]), False),
        (("unknown", 1, []), False),
        (("unknown", 2, []), False),
        (("gpu", 9, ["h100"]), False),
    ],
)
def test_a_requirement_matches_as_its_match_says(
    requirement: tuple[str, int, list[str]], matches: bool
) -> None:
    anywhere = _of(b=b"2")
    segments = _matching(replace(_of(a=b"1"), requirements=[requirement]), anywhere)
    assert [segment.index for segment in segments] == ([0, 1] if matches else [1])


def test_a_segment_that_does_not_match_neither_adds_nor_removes() -> None:
    foreign = replace(
        _of(a=b"theirs", c=b"3"),
        requirements=[("gpu", 1, ["a100"])],
        removed=[("test.blob", "b")],
    )
    opened = Bundle.open(bundle(_of(a=b"1", b=b"2"), foreign).data, policy=UNSIGNED)
    current = opened.current(opened.matching(HERE))
    assert {key: opened.read(stored) for (_, key), stored in current.items()} == {
        "a": b"1",
        "b": b"2",
    }


def test_compat_fails_only_where_no_segment_matches() -> None:
    foreign = replace(_of(a=b"1"), requirements=[("gpu", 1, ["a100"])])
    assert len(_matching(foreign, _of(b=b"2"))) == 1
    built = bundle(foreign, replace(MORE, requirements=[("gpu", 1, ["b200"])]))
    with pytest.raises(PrecompileError) as caught:
        Bundle.open(built.data, policy=UNSIGNED).matching(HERE)
    assert caught.value.code is ErrorCode.INCOMPATIBLE_ENVIRONMENT
    assert caught.value.offset in {segment.manifest_offset for segment in built.segments}
    assert "gpu" in caught.value.detail


def test_the_bundle_parses_as_one_protobuf_message() -> None:
    from precompile.v1 import bundle_pb2

    built = bundle(PLAIN, MORE)
    message = bundle_pb2.Bundle.FromString(built.data)
    assert [len(message.header), len(message.block)] == [2, 3]
    assert [len(message.manifest), len(message.footer)] == [2, 2]
    assert message.header[0].SerializeToString() == HEADER[2:]
    assert record(0x1A, message.manifest[0].SerializeToString()) in built.data
