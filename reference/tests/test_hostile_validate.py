"""VALIDATE: names, order, references and the chain, one defect a case, told at the manifest."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from precompile.v1 import bundle_pb2
from precompile_conformance.build import NONE, ZSTD, Artifact, Block, Segment, bundle
from precompile_conformance.wire import block_record, sha256
from precompile_context.bundle import Bundle
from precompile_context.errors import ErrorCode
from precompile_context.trust import UNSIGNED
from tests.refusal import MORE, PLAIN, Edit, contents, edits, open_fault

BASE = Segment(artifacts=(Artifact("a", b"0123456789"), Artifact("b", b"abcdefghij")))


def _refused(second: Segment, code: ErrorCode) -> None:
    built = bundle(PLAIN, second)
    assert open_fault(built.data) == (code, built.segments[1].manifest_offset)


BAD_NAMES = {
    "empty": "",
    "capital": "Test",
    "digit first": "1a",
    "dot first": ".a",
    "underscore first": "_a",
    "dash": "a-b",
    "space": "a b",
    "slash": "a/b",
    "newline at the end": "a\n",
    "zero at the end": "a\0",
    "not ASCII": "ä",
    "digit not ASCII": "a\u0661",
    "129 bytes": "a" * 129,
}
NAMED: dict[str, Callable[[str], Edit]] = {
    "type": lambda name: lambda m: setattr(m.artifacts[0], "type", name),
    "attribute": lambda name: lambda m: m.artifacts[0].attributes.add(name=name, int_value=1),
    "requirement": lambda name: lambda m: m.requirements.add(name=name, match=1),
    "removed": lambda name: lambda m: m.removed.add(type=name, key="k"),
    "backend": lambda name: edits(
        lambda m: setattr(m.artifacts[0], "kind", 3),
        lambda m: m.artifacts[0].backends.add(type=name, key="k"),
    ),
}


@pytest.mark.parametrize("place", NAMED)
@pytest.mark.parametrize("name", BAD_NAMES)
def test_open_rejects_what_is_no_name(place: str, name: str) -> None:
    _refused(replace(BASE, edit=NAMED[place](BAD_NAMES[name])), ErrorCode.INVALID_NAME)


@pytest.mark.parametrize("place", NAMED)
@pytest.mark.parametrize("name", ["a", "a" * 128, "a_b.c9", "a..b", "a."])
def test_open_accepts_names_at_the_rule_s_edge(place: str, name: str) -> None:
    assert Bundle.open(bundle(PLAIN, replace(BASE, edit=NAMED[place](name))).data, policy=UNSIGNED)


BAD_KEYS = {
    "empty": "",
    "1,025 bytes": "k" * 1025,
    "1,026 bytes in 342 characters": "€" * 342,
    "zero": "a\0b",
    "newline": "a\nb",
    "escape": "\x1b[2J",
    "delete": "\x7f",
    "C1 control": "a\x85b",
    "last C1 control": "\x9f",
}
KEYED: dict[str, Callable[[str], Edit]] = {
    "artifact": lambda key: lambda m: setattr(m.artifacts[0], "key", key),
    "removed": lambda key: lambda m: m.removed.add(type="t", key=key),
    "backend": lambda key: edits(
        lambda m: setattr(m.artifacts[0], "kind", 3),
        lambda m: m.artifacts[0].backends.add(type="t", key=key),
    ),
}


@pytest.mark.parametrize("place", KEYED)
@pytest.mark.parametrize("key", BAD_KEYS)
def test_open_rejects_what_is_no_key(place: str, key: str) -> None:
    _refused(replace(BASE, edit=KEYED[place](BAD_KEYS[key])), ErrorCode.INVALID_NAME)


@pytest.mark.parametrize("place", KEYED)
@pytest.mark.parametrize(
    "key",
    ["k" * 1024, "€" * 341, "../../etc/passwd", "C:\\con", "a b", "ä", "\u2028", "\ufeff", "😀"],
)
def test_open_accepts_keys_that_only_a_path_would_refuse(place: str, key: str) -> None:
    assert Bundle.open(bundle(PLAIN, replace(BASE, edit=KEYED[place](key))).data, policy=UNSIGNED)


def test_keys_are_compared_as_bytes() -> None:
    """Two spellings of one letter are two keys."""
    composed, decomposed = Artifact("\u00e4", b"1"), Artifact("a\u0308", b"2")
    assert len(contents(bundle(Segment(artifacts=(composed, decomposed))).data)) == 2


def _attributes(*names: str) -> Edit:
    return lambda m: [m.artifacts[0].attributes.add(name=n, int_value=1) for n in names]


def _requirements(*names: str) -> Edit:
    return lambda m: [m.requirements.add(name=n, match=1, values=["v"]) for n in names]


def _values(*values: str) -> Edit:
    return lambda m: m.requirements.add(name="fact", match=2, values=values)


UNSORTED: dict[str, Edit] = {
    "attributes out of order": _attributes("b", "a"),
    "an attribute twice": _attributes("a", "a"),
    "requirements out of order": _requirements("b", "a"),
    "a requirement twice": _requirements("a", "a"),
    "values out of order": _values("b", "a"),
    "a value twice": _values("a", "a"),
    "values in the order of UTF-16": _values("\U00010000", "\uffff"),
    "a value of 1,025 bytes": _values("v" * 1025),
}


@pytest.mark.parametrize("case", UNSORTED)
def test_open_rejects_lists_that_are_not_sorted_and_distinct(case: str) -> None:
    _refused(replace(BASE, edit=UNSORTED[case]), ErrorCode.INVALID_NAME)


@pytest.mark.parametrize(
    "edit",
    [
        _attributes("a", "a.b", "a_b", "ab"),
        _requirements("a", "b"),
        _values("", "\0", "B", "a", "\uffff", "\U00010000"),
        _values("v" * 1024),
        _values(),
    ],
)
def test_open_accepts_lists_sorted_by_bytes(edit: Edit) -> None:
    assert Bundle.open(bundle(PLAIN, replace(BASE, edit=edit)).data, policy=UNSIGNED)


@pytest.mark.parametrize("content", [b"0123456789", b"another"])
def test_open_rejects_a_type_and_key_twice_in_a_manifest(content: bytes) -> None:
    twice = replace(BASE, artifacts=(*BASE.artifacts, Artifact("a", content)))
    _refused(twice, ErrorCode.DUPLICATE_ARTIFACT)


def test_open_accepts_a_key_twice_under_different_types() -> None:
    both = replace(BASE, artifacts=(*BASE.artifacts, Artifact("a", b"another", type="test.other")))
    assert len(contents(bundle(both).data)) == 3


def _extents(size: int, *extents: tuple[int, int, int]) -> Edit:
    def edit(message: bundle_pb2.Manifest) -> None:
        artifact = message.artifacts[0]
        artifact.ClearField("extents")
        artifact.content_size = size
        for block, offset, length in extents:
            artifact.extents.add(block=block, offset=offset, size=length)

    return edit


BAD_EXTENTS: dict[str, Edit] = {
    "block that is not there": _extents(10, (2, 0, 10)),
    "block 2^32 - 1": _extents(10, (2**32 - 1, 0, 10)),
    "a byte past its block": _extents(10, (0, 1, 10)),
    "longer than its block": _extents(11, (0, 0, 11)),
    "offset at the block's end": _extents(1, (0, 10, 1)),
    "offset of 2^63": _extents(1, (0, 2**63, 1)),
    "size of 2^63": _extents(10, (0, 0, 2**63)),
    "sum that wraps to 10": _extents(10, (0, 2**64 - 10, 10)),
    "sum that wraps below the block": _extents(10, (0, 2**64 - 5, 10)),
    "empty": _extents(0, (0, 0, 0)),
    "empty at the block's end": _extents(0, (0, 10, 0)),
    "none for content": _extents(10),
    "one for empty content": _extents(0, (0, 0, 10)),
    "sizes below content_size": _extents(11, (0, 0, 10)),
    "sizes above content_size": _extents(9, (0, 0, 10)),
    "sizes that wrap to content_size": _extents(4, *[(0, 0, 2**63)] * 2, (0, 0, 4)),
    "whole blocks whose sizes wrap to 0": edits(
        lambda m: setattr(m.blocks[0], "content_size", 2**63),
        _extents(0, (0, 0, 2**63), (0, 0, 2**63)),
    ),
    "first of two covers a part": _extents(15, (0, 0, 5), (1, 0, 10)),
    "last of two covers a part": _extents(15, (0, 0, 10), (1, 0, 5)),
}


@pytest.mark.parametrize("case", BAD_EXTENTS)
def test_open_rejects_extents_that_are_not_the_content(case: str) -> None:
    _refused(replace(BASE, edit=BAD_EXTENTS[case]), ErrorCode.BAD_REFERENCE)


def test_open_accepts_extents_that_cover_whole_blocks_in_any_order() -> None:
    whole = Artifact("a", b"bbbaaabbb", extents=[(1, 0, 3), (0, 0, 3), (1, 0, 3)])
    data = bundle(Segment(artifacts=(whole,), blocks=(Block(b"aaa"), Block(b"bbb")))).data
    assert contents(data) == {("test.blob", "a"): b"bbbaaabbb"}


def _size(index: int, size: int) -> Edit:
    return lambda m: setattr(m.blocks[index], "size", size)


RECORD = len(block_record(b"0123456789"))
BAD_BLOCKS: dict[str, Edit] = {
    "size one too small": _size(0, RECORD - 1),
    "size one too large": _size(0, RECORD + 1),
    "size of 2^63": _size(0, 2**63),
    "size of 2^64 - 1": _size(1, 2**64 - 1),
    "sizes that wrap to the right sum": edits(_size(0, 2**63), _size(1, 2**63 + 2 * RECORD)),
    "sizes below any record": edits(_size(0, 1), _size(1, 2 * RECORD - 1)),
    "an entry too few": edits(lambda m: m.blocks.pop(), lambda m: m.artifacts.pop()),
    "an entry too many": lambda m: m.blocks.append(m.blocks[0]),
    "no content": edits(
        lambda m: setattr(m.blocks[1], "content_size", 0), lambda m: m.artifacts.pop()
    ),
}


@pytest.mark.parametrize("case", BAD_BLOCKS)
def test_open_rejects_block_entries_that_are_not_the_blocks(case: str) -> None:
    _refused(replace(BASE, edit=BAD_BLOCKS[case]), ErrorCode.BAD_REFERENCE)


def test_open_rejects_a_block_record_over_1_gib() -> None:
    """Claimed by an entry; that the sum then does not lead to the manifest is told alike."""
    _refused(replace(BASE, edit=_size(0, 2**30 + 1)), ErrorCode.BAD_REFERENCE)


SHARED = Block(b"content that many share", ZSTD)
USER = Artifact("user", b"content that many share")
OWNER = Segment(artifacts=(replace(USER, key="owner"),), blocks=(SHARED,))
BORROWER = Segment(artifacts=(USER,), blocks=(replace(SHARED, external=True),))


def test_open_accepts_an_external_block_of_any_earlier_segment_of_the_chain() -> None:
    built = bundle(OWNER, PLAIN, BORROWER)
    assert contents(built.data)["test.blob", "user"] == USER.content


def test_open_places_an_external_block_of_a_segment_that_does_not_match() -> None:
    opaque = replace(OWNER, requirements=[("fact", 1, ["elsewhere"])])
    assert contents(bundle(opaque, BORROWER).data)["test.blob", "user"] == USER.content


@pytest.mark.parametrize(
    "entry",
    [{"digest": sha256(b"?")}, {"compression": NONE}, {"compression": 9}, {"content_size": 24}],
    ids=["digest", "compression", "unknown compression", "content size"],
)
def test_open_rejects_an_external_block_that_no_earlier_own_block_equals(
    entry: dict[str, int | bytes],
) -> None:
    lying = replace(BORROWER, blocks=(replace(SHARED, external=True, entry=entry),))
    built = bundle(OWNER, lying)
    assert open_fault(built.data) == (ErrorCode.BAD_REFERENCE, built.segments[1].manifest_offset)


EXTERNAL_FAULTS = {
    "in the first segment": (BORROWER,),
    "of its own segment": (replace(BORROWER, blocks=(SHARED, replace(SHARED, external=True))),),
    "of a later segment": (BORROWER, OWNER),
    "of another chain": (OWNER, replace(BORROWER, chained=False)),
    "of a chain before its own": (OWNER, replace(MORE, chained=False), BORROWER),
    "of an external block alone": (BORROWER, BORROWER),
}


@pytest.mark.parametrize("case", EXTERNAL_FAULTS)
def test_open_rejects_an_external_block(case: str) -> None:
    segments = EXTERNAL_FAULTS[case]
    built = bundle(*segments)
    at = next(i for i, segment in enumerate(segments) if segment.artifacts == (USER,))
    assert open_fault(built.data) == (ErrorCode.BAD_REFERENCE, built.segments[at].manifest_offset)


def _previous(digest: bytes) -> Edit:
    return lambda m: setattr(m, "previous_manifest_digest", digest)


def test_open_rejects_a_first_segment_that_names_one_before_it() -> None:
    built = bundle(replace(PLAIN, edit=_previous(bytes(32))))
    assert open_fault(built.data) == (ErrorCode.BROKEN_CHAIN, built.segments[0].manifest_offset)


def test_open_rejects_a_chain_whose_first_segment_was_cut_off() -> None:
    built = bundle(PLAIN, MORE)
    tail = built.segments[1]
    assert open_fault(tail.data) == (
        ErrorCode.BROKEN_CHAIN,
        tail.manifest_offset - tail.offset,
    )


def test_open_rejects_a_digest_that_is_not_that_of_the_segment_before() -> None:
    payload = bundle(PLAIN).segments[0].payload
    for digest in (bytes(32), sha256(payload + b"\0"), sha256(sha256(payload))):
        _refused(replace(MORE, edit=_previous(digest)), ErrorCode.BROKEN_CHAIN)


def test_open_rejects_a_digest_of_an_earlier_segment_than_the_one_before() -> None:
    payload = bundle(PLAIN).segments[0].payload
    built = bundle(PLAIN, MORE, replace(BASE, edit=_previous(sha256(payload))))
    assert open_fault(built.data) == (ErrorCode.BROKEN_CHAIN, built.segments[2].manifest_offset)


def test_open_rejects_a_chain_with_a_segment_taken_out() -> None:
    built = bundle(PLAIN, MORE, BASE)
    first, _, third = built.segments
    data = first.data + third.data
    moved = third.manifest_offset - third.offset + len(first.data)
    assert open_fault(data) == (ErrorCode.BROKEN_CHAIN, moved)
