"""VALIDATE: names, order, references and the chain, one defect a case, told at the manifest."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from precompile_conformance.build import (
    NONE,
    ZSTD,
    Artifact,
    Block,
    BuiltBundle,
    Segment,
    bundle,
)
from precompile_conformance.wire import block_record, sha256
from precompile_context.bundle import Bundle
from precompile_context.errors import ErrorCode
from precompile_context.trust import UNSIGNED
from tests.refusal import (
    MORE,
    PLAIN,
    Edit,
    contents,
    detail,
    drop_last,
    edits,
    kind,
    open_fault,
    place,
)

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
    "type": lambda name: lambda m: setattr(m.artifacts.types[0], "name", name),
    "type that no artifact has": lambda name: lambda m: m.artifacts.types.add(name=name, kind=1),
    "attribute": lambda name: lambda m: detail(m).attributes.add(name=name, int_value=1),
    "requirement": lambda name: lambda m: m.requirements.add(name=name, match=1),
    "removed": lambda name: lambda m: m.removed.add(type=name, key="k"),
    "backend": lambda name: edits(kind(3), lambda m: detail(m).backends.add(type=name, key="k")),
}


@pytest.mark.parametrize("where", NAMED)
@pytest.mark.parametrize("name", BAD_NAMES)
def test_open_rejects_what_is_no_name(where: str, name: str) -> None:
    _refused(replace(BASE, edit=NAMED[where](BAD_NAMES[name])), ErrorCode.INVALID_NAME)


@pytest.mark.parametrize("where", NAMED)
@pytest.mark.parametrize("name", ["a", "a" * 128, "a_b.c9", "a..b", "a."])
def test_open_accepts_names_at_the_rule_s_edge(where: str, name: str) -> None:
    assert Bundle.open(bundle(PLAIN, replace(BASE, edit=NAMED[where](name))).data, policy=UNSIGNED)


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
    "artifact": lambda key: lambda m: m.artifacts.key.__setitem__(0, key),
    "last artifact": lambda key: lambda m: m.artifacts.key.__setitem__(-1, key),
    "removed": lambda key: lambda m: m.removed.add(type="t", key=key),
    "backend": lambda key: edits(kind(3), lambda m: detail(m).backends.add(type="t", key=key)),
}


@pytest.mark.parametrize("where", KEYED)
@pytest.mark.parametrize("key", BAD_KEYS)
def test_open_rejects_what_is_no_key(where: str, key: str) -> None:
    _refused(replace(BASE, edit=KEYED[where](BAD_KEYS[key])), ErrorCode.INVALID_NAME)


@pytest.mark.parametrize("where", KEYED)
@pytest.mark.parametrize(
    "key",
    ["k" * 1024, "€" * 341, "../../etc/passwd", "C:\\con", "a b", "ä", "\u2028", "\ufeff", "😀"],
)
def test_open_accepts_keys_that_only_a_path_would_refuse(where: str, key: str) -> None:
    assert Bundle.open(bundle(PLAIN, replace(BASE, edit=KEYED[where](key))).data, policy=UNSIGNED)


def test_keys_are_compared_as_bytes() -> None:
    """Two spellings of one letter are two keys."""
    composed, decomposed = Artifact("\u00e4", b"1"), Artifact("a\u0308", b"2")
    assert len(contents(bundle(Segment(artifacts=(composed, decomposed))).data)) == 2


def _attributes(*names: str) -> Edit:
    return lambda m: [detail(m).attributes.add(name=n, int_value=1) for n in names]


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


BAD_PLACES: dict[str, Edit] = {
    "block that is not there": place(10, 2, 0),
    "block 2^32 - 1": place(10, 2**32 - 1, 0),
    "a byte past its block": place(10, 0, 1),
    "a byte past the last block": place(11, 1, 0),
    "inside the last block and past it": place(10, 1, 1),
    "all blocks and a byte more": place(21, 0, 0),
    "offset at the block's end": place(1, 0, 10),
    "offset at the block's end, and the next block whole": place(10, 0, 10),
    "offset past the block's end": place(1, 0, 11),
    "offset of 2^63": place(1, 0, 2**63),
    "offset of 2^64 - 1": place(1, 0, 2**64 - 1),
    "end that wraps to 10": place(20, 0, 2**64 - 10),
    "end that wraps into the block": place(10, 0, 2**64 - 5),
    "end that wraps to the next block's": place(30, 0, 2**64 - 10),
    "4 MB": place(4_000_000, 0, 0),
    "empty in another block": place(0, 1, 0),
    "empty in a block that is not there": place(0, 2, 0),
    "empty inside a block": place(0, 0, 1),
    "empty at the block's end": place(0, 0, 10),
    "empty at 2^63": place(0, 0, 2**63),
    "a part of the first of two": place(15, 0, 5),
    "a part of the last of two": place(15, 0, 0),
    "a part of both": place(10, 0, 5),
}


@pytest.mark.parametrize("case", BAD_PLACES)
def test_open_rejects_a_place_where_no_content_is(case: str) -> None:
    _refused(replace(BASE, edit=BAD_PLACES[case]), ErrorCode.BAD_REFERENCE)


@pytest.mark.parametrize("size", [0, 1])
def test_open_rejects_any_place_but_the_first_where_there_is_no_block(size: int) -> None:
    alone = Segment(artifacts=(Artifact("a"),), edit=place(size, 0, 1 - size))
    _refused(alone, ErrorCode.BAD_REFERENCE)


# Size, block and offset of the first artifact, and what it reads.
GOOD_PLACES = {
    "a whole block": (10, 0, 0, b"0123456789"),
    "the first byte": (1, 0, 0, b"0"),
    "the last byte of a block": (1, 0, 9, b"9"),
    "the last byte of the last block": (1, 1, 9, b"j"),
    "a part that ends with its block": (3, 0, 7, b"789"),
    "what another has": (10, 1, 0, b"abcdefghij"),
    "all blocks": (20, 0, 0, b"0123456789abcdefghij"),
    "nothing": (0, 0, 0, b""),
}


@pytest.mark.parametrize("case", GOOD_PLACES)
def test_open_accepts_a_place_within_a_block_or_over_whole_ones(case: str) -> None:
    *numbers, content = GOOD_PLACES[case]
    found = Artifact("a", content, place=(numbers[1], numbers[2]))
    base = replace(BASE, artifacts=(found, BASE.artifacts[1]), blocks=BLOCKS)
    assert contents(bundle(base).data) == {
        ("test.blob", "a"): content,
        ("test.blob", "b"): b"abcdefghij",
    }


BLOCKS = tuple(Block(artifact.content) for artifact in BASE.artifacts)


def _size(index: int, size: int) -> Edit:
    return lambda m: setattr(m.blocks[index], "size", size)


RECORD = len(block_record(b"0123456789"))
MOST = 1 << 26
BAD_BLOCKS: dict[str, Edit] = {
    "size one too small": _size(0, RECORD - 1),
    "size one too large": _size(0, RECORD + 1),
    "size of 2^63": _size(0, 2**63),
    "size of 2^64 - 1": _size(1, 2**64 - 1),
    "sizes that wrap to the right sum": edits(_size(0, 2**63), _size(1, 2**63 + 2 * RECORD)),
    "sizes below any record": edits(_size(0, 1), _size(1, 2 * RECORD - 1)),
    "an entry too few": edits(lambda m: m.blocks.pop(), drop_last),
    "an entry too many": lambda m: m.blocks.append(m.blocks[0]),
    "no content": edits(lambda m: setattr(m.blocks[1], "content_size", 0), drop_last),
    "content of 64 MiB and a byte": lambda m: setattr(m.blocks[0], "content_size", MOST + 1),
    "content of 2^63": lambda m: setattr(m.blocks[0], "content_size", 2**63),
    "content of 2^64 - 1": lambda m: setattr(m.blocks[0], "content_size", 2**64 - 1),
}


@pytest.mark.parametrize("case", BAD_BLOCKS)
def test_open_rejects_block_entries_that_are_not_the_blocks(case: str) -> None:
    _refused(replace(BASE, edit=BAD_BLOCKS[case]), ErrorCode.BAD_REFERENCE)


def test_open_accepts_an_entry_of_64_mib_of_content() -> None:
    data = bundle(replace(BASE, edit=lambda m: setattr(m.blocks[0], "content_size", MOST))).data
    assert Bundle.open(data, policy=UNSIGNED).segments[0].manifest.blocks[0].content_size == MOST


@pytest.mark.slow
@pytest.mark.runtimes
def test_open_takes_a_block_record_of_64_mib_of_data_and_no_larger_one() -> None:
    """The records are there, so that the entries' sizes add up; nothing of them is read."""
    for size, more in ((MOST, 0), (MOST + 1, 1)):
        record = block_record(bytes(size))
        assert len(record) == MOST + 10 + more
        block = Block(b"?", NONE, record=record, entry={"size": len(record)})
        built = bundle(Segment(blocks=(block,)))
        if more:
            at = built.segments[0].manifest_offset
            assert open_fault(built.data) == (ErrorCode.BAD_REFERENCE, at)
        else:
            assert Bundle.open(built.data, policy=UNSIGNED)


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


def _run(*blocks: bytes, external: int) -> tuple[Segment, Segment]:
    """A segment with a block, and one whose only artifact runs over it and others."""
    at = range(len(blocks))
    owner = Segment(blocks=(Block(blocks[external]),))
    run = Artifact("run", b"".join(blocks), place=(0, 0))
    return owner, Segment((run,), [Block(blocks[i], external=i == external) for i in at])


@pytest.mark.parametrize("external", [0, 1, 2])
def test_open_accepts_an_external_block_in_a_run(external: int) -> None:
    built = bundle(*_run(b"one", b"second", b"3", external=external))
    assert contents(built.data) == {("test.blob", "run"): b"onesecond3"}


def test_open_accepts_a_run_over_one_external_block_again_and_again() -> None:
    again = tuple(Block(b"again", external=True) for _ in range(5))
    runs = [
        Artifact("first", b"again" * 2, place=(0, 0)),
        Artifact("then", b"again" * 3, place=(2, 0)),
    ]
    built = bundle(Segment(blocks=(Block(b"again"),)), Segment(runs, again))
    assert contents(built.data) == {("test.blob", run.key): run.content for run in runs}


FIVE = tuple(Block(b"%d" % number * 3) for number in range(5))


def _runs(*runs: tuple[int, int]) -> BuiltBundle:
    """An artifact for each run, given by its first block and the one behind its last."""
    artifacts = [
        Artifact(
            f"{number}", b"".join(block.content for block in FIVE[start:stop]), place=(start, 0)
        )
        for number, (start, stop) in enumerate(runs)
    ]
    return bundle(Segment(artifacts, FIVE))


@pytest.mark.parametrize(
    "runs",
    [
        [(0, 2), (2, 5)],
        [(3, 5), (0, 3)],
        [(1, 4), (1, 4), (1, 4)],
        [(0, 5), (2, 3), (4, 5), (0, 1)],
        [(0, 2), (2, 4), (0, 2), (4, 5), (1, 2)],
    ],
    ids=str,
)
def test_open_accepts_runs_that_are_one_or_have_no_block_in_common(
    runs: list[tuple[int, int]],
) -> None:
    """A content that lies in one block alone is no run, though a run covers that block."""
    assert len(contents(_runs(*runs).data)) == len(runs)


@pytest.mark.parametrize(
    "runs",
    [
        [(0, 2), (1, 3)],
        [(1, 3), (0, 2)],
        [(0, 5), (0, 4)],
        [(0, 5), (1, 5)],
        [(0, 5), (1, 4)],
        [(0, 2), (0, 2), (3, 5), (1, 3)],
        [(0, 2), (2, 4), (3, 5)],
        [(0, 4), (4, 5), (1, 3)],
    ],
    ids=str,
)
def test_open_rejects_runs_that_overlap(runs: list[tuple[int, int]]) -> None:
    built = _runs(*runs)
    assert open_fault(built.data) == (ErrorCode.BAD_REFERENCE, built.segments[0].manifest_offset)


def test_open_accepts_runs_of_two_segments_over_one_block() -> None:
    """Each manifest lists it for itself."""
    pieces = Block(b"one"), Block(b"two")
    run = Artifact("a", b"onetwo", place=(0, 0))
    first = Segment((run,), pieces)
    second = Segment((replace(run, key="b"),), tuple(replace(p, external=True) for p in pieces))
    assert len(contents(bundle(first, second).data)) == 2


@pytest.mark.parametrize(("size", "offset"), [(9, 1), (8, 0), (10, 1), (11, 0)])
def test_open_rejects_a_run_over_external_blocks_in_part(size: int, offset: int) -> None:
    owner, run = _run(b"one", b"second", b"3", external=1)
    built = bundle(owner, replace(run, edit=place(size, 0, offset)))
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
