"""PLACE: where contents lie: within a block, or over whole ones that follow each other."""

from collections.abc import Sequence
from dataclasses import replace

from builders.bases import PLAIN, Edit, edits, set_in
from builders.case import Cases, accepts, refuses
from builders.decode import refused
from builders.name import BASE, SECOND
from precompile_conformance.build import Artifact, Block, Segment, bundle

# SECOND: two blocks of 10 bytes, each with one artifact.
LONG = 2**63


def _place(size: int, block: int, offset: int) -> Edit:
    """Of the first artifact."""
    return edits(
        set_in("content_size", 0, size), set_in("block", 0, block), set_in("offset", 0, offset)
    )


REFUSED: dict[str, tuple[str, Edit]] = {
    "empty-with-a-block": ("PCB-PLACE-001", _place(0, 1, 0)),
    "empty-with-no-such-block": ("PCB-PLACE-001", _place(0, 2, 0)),
    "empty-with-an-offset": ("PCB-PLACE-001", _place(0, 0, 1)),
    "empty-at-the-end": ("PCB-PLACE-001", _place(0, 0, 10)),
    "no-such-block": ("PCB-PLACE-002", _place(10, 2, 0)),
    "block-2-to-32-less-1": ("PCB-PLACE-002", _place(10, 2**32 - 1, 0)),
    "offset-at-the-end": ("PCB-PLACE-002", _place(1, 0, 10)),
    "offset-at-the-end-of-the-last": ("PCB-PLACE-002", _place(1, 1, 10)),
    "offset-in-the-next-block": ("PCB-PLACE-002", _place(5, 0, 12)),
    "offset-2-to-63": ("PCB-PLACE-002", _place(1, 0, LONG)),
    "offset-2-to-64-less-1": ("PCB-PLACE-002", _place(1, 0, 2**64 - 1)),
    "sum-that-wraps": ("PCB-PLACE-002", _place(10, 0, 2**64 - 10)),
    "a-byte-past-its-block": ("PCB-PLACE-003", _place(10, 0, 1)),
    "begins-inside-and-covers-the-next": ("PCB-PLACE-003", _place(15, 0, 5)),
    "begins-inside-and-ends-in-the-next": ("PCB-PLACE-003", _place(10, 0, 5)),
    "ends-inside-the-next": ("PCB-PLACE-003", _place(15, 0, 0)),
    "a-byte-less-than-two": ("PCB-PLACE-003", _place(19, 0, 0)),
    "a-byte-more-than-one": ("PCB-PLACE-003", _place(11, 0, 0)),
    "past-the-last-block": ("PCB-PLACE-003", _place(11, 1, 0)),
    "a-byte-more-than-all": ("PCB-PLACE-003", _place(21, 0, 0)),
    "a-block-more-than-all": ("PCB-PLACE-003", _place(20, 1, 0)),
}


def cases() -> Cases:
    """All cases of the area."""
    for name, (rule, edit) in REFUSED.items():
        yield refused(
            f"PLACE/{name}", "Content lies in its block, or is whole blocks that follow it.", rule,
            replace(SECOND, edit=edit), name.replace("-", " "), "BAD_REFERENCE", base=BASE,
        )  # fmt: skip
    yield from _within_a_block()
    yield from _runs()
    yield from _overlapping()
    yield from _external()
    yield from _many()


def _within_a_block() -> Cases:
    parts = (Artifact("a", b"2345"), Artifact("b", b"0123456789"), Artifact("c", b"9"),
             Artifact("d"), Artifact("e", b"0"))  # fmt: skip
    yield accepts(
        "PLACE/parts-of-a-block", "Parts that overlap, up to the last byte; empty content.",
        "PCB-PLACE-001 PCB-PLACE-002 PCB-PLACE-003",
        Segment(artifacts=parts, blocks=(Block(b"0123456789"),)),
    )  # fmt: skip
    again = tuple(Artifact(key, b"456") for key in "abc")
    yield accepts(
        "PLACE/one-for-three", "Contents may have one place.", "PCB-PLACE-003 PCB-CONT-008",
        Segment(artifacts=again, blocks=(Block(b"0123456789"),)),
    )  # fmt: skip
    nothing = Segment(artifacts=(Artifact("a"), Artifact("b")))
    yield accepts("PLACE/empty-contents-alone", "Empty content needs no block.", "PCB-PLACE-001",
                  nothing)  # fmt: skip


THREE = (Block(b"aaaa"), Block(b"bb"), Block(b"c" * 200))


def _run(*runs: tuple[int, int], blocks: Sequence[Block] = THREE) -> Segment:
    """An artifact for each run, from one block up to before another."""
    contents = [b"".join(block.content for block in blocks[a:b]) for a, b in runs]
    artifacts = [Artifact(f"{a}-{b}", content, place=(a, 0))
                 for (a, b), content in zip(runs, contents, strict=True)]  # fmt: skip
    return Segment(artifacts=artifacts, blocks=blocks)


def _runs() -> Cases:
    rules = "PCB-PLACE-003 PCB-CONT-001 PCB-CONT-005"
    yield accepts("PLACE/run-of-two", "Content that is two blocks.", rules, _run((0, 2)))
    yield accepts("PLACE/runs-from-any-block", "Runs begin and end with any block.", rules,
                  _run((1, 3), (0, 1)))  # fmt: skip
    equal = (Block(b"same"), Block(b"same"), Block(b"same"))
    yield accepts("PLACE/run-of-equal-blocks", "Blocks of a run may be equal.", rules,
                  _run((0, 3), (1, 2), blocks=equal))  # fmt: skip
    small = [Block(bytes([i])) for i in range(60)]
    yield accepts("PLACE/run-of-60-blocks", "A run takes as many blocks as its size needs.", rules,
                  _run((7, 53), (53, 60), (0, 1), blocks=small))  # fmt: skip
    parts = Segment(
        artifacts=(Artifact("run", b"aaaabb", place=(0, 0)), Artifact("part", b"aa", place=(0, 2)),
                   Artifact("empty"), Artifact("b", b"b", place=(1, 1)),
                   Artifact("whole", b"aaaa", place=(0, 0))),
        blocks=THREE,
    )  # fmt: skip
    yield accepts(
        "PLACE/run-beside-parts", "A run's blocks hold other contents, too.", rules, parts
    )


SIX = tuple(map(Block, (b"aaa", b"b", b"cc", b"d", b"eeeee", b"ff")))


def _overlapping() -> Cases:
    """Each block is read for one run at most, however many contents are that run."""
    rules = "PCB-PLACE-005 PCB-PLACE-003"
    base = "PLACE/runs-behind-each-other"
    yield accepts(base, "Runs that follow each other directly.", rules,
                  _run((0, 2), (4, 6), (2, 4), blocks=SIX))  # fmt: skip
    same = [replace(one, key=key) for key in "xyz" for one in _run((1, 4), blocks=SIX).artifacts]
    yield accepts("PLACE/one-run-for-three", "Contents may be one run.", f"{rules} PCB-CONT-008",
                  Segment(artifacts=(*same, Artifact("c", b"cc")), blocks=SIX))  # fmt: skip
    for name, runs in {
        "that-overlap": ((0, 3), (2, 5)),
        "that-overlap-listed-backwards": ((2, 5), (0, 3)),
        "with-one-start": ((0, 2), (0, 3)),
        "with-one-end": ((0, 4), (2, 4)),
        "within-another": ((0, 5), (1, 3)),
        "around-another": ((2, 4), (0, 6)),
        "twice-and-one-that-overlaps": ((0, 2), (0, 2), (1, 3)),
        "that-overlap-behind-one-that-does-not": ((0, 2), (2, 4), (3, 6)),
    }.items():
        segment = _run(*runs, blocks=SIX)
        keyed = [replace(one, key=f"{i}") for i, one in enumerate(segment.artifacts)]
        built = bundle(replace(segment, artifacts=keyed))
        yield refuses(
            f"PLACE/runs-{name}", "Two runs are one, or have no block in common.", rules, built,
            "BAD_REFERENCE", built.segments[0].manifest_offset, base=base,
            defect=f"runs of the blocks {' and '.join(f'{a} to {b - 1}' for a, b in runs)}",
        )  # fmt: skip
    owner = Segment(blocks=SIX[:1])
    again = replace(SIX[0], external=True)
    entries = (SIX[1], again, SIX[2], again)
    twice = _run((0, 2), (2, 4), blocks=entries)
    yield accepts(
        "PLACE/runs-of-one-external-block", "Two entries are two, also where they stand for one"
        " block.", f"{rules} PCB-BLOCK-006", bundle(PLAIN, owner, twice),
    )  # fmt: skip


def _external() -> Cases:
    rules = "PCB-PLACE-003 PCB-BLOCK-006"
    owner = Segment(artifacts=(Artifact("x", b"aaaa"), Artifact("y", b"bb")), blocks=THREE[:2])
    a, b = (replace(block, external=True) for block in THREE[:2])
    own = Block(b"own block")
    stories: dict[str, tuple[Block, ...]] = {
        "within": (own, a, Block(b"behind")),
        "first": (a, own),
        "last": (own, b),
        "alone": (b, a),
        "twice": (a, a),
    }
    for name, blocks in stories.items():
        whole = b"".join(block.content for block in blocks)
        run = Segment(artifacts=(Artifact("run", whole, place=(0, 0)),), blocks=blocks)
        yield accepts(
            f"PLACE/run-with-external-{name}", "External entries are part of a run as others are.",
            rules, bundle(PLAIN, owner, run),
        )  # fmt: skip
    cut = Segment(artifacts=(Artifact("run", b"own blockaa", place=(0, 0)),), blocks=(own, a))
    built = bundle(PLAIN, owner, cut)
    yield refuses(
        "PLACE/run-that-ends-inside-an-external-one", "A run is whole blocks, external ones too.",
        rules, built, "BAD_REFERENCE", built.segments[2].manifest_offset,
        base="PLACE/run-with-external-last", defect="two of four bytes of the last block",
    )  # fmt: skip


def _many() -> Cases:
    """400 blocks, and contents that run over two of them, or from each one to the end."""
    count = 400
    blocks = [Block(b"x")] * count
    pairs = [Artifact(f"{i:03}", b"xx", place=(i, 0)) for i in range(0, count, 2)]
    base = "PLACE/200-runs-over-400-blocks"
    yield accepts(base, "Many runs.", "PCB-PLACE-003 PCB-PLACE-005 PCB-LIM-008",
                  Segment(artifacts=pairs, blocks=blocks))  # fmt: skip
    whole = [Artifact(f"{i:03}", b"x" * count, place=(0, 0)) for i in range(count)]
    yield accepts(
        "PLACE/400-times-a-run-over-400-blocks", "Many contents that are one run.",
        "PCB-PLACE-005 PCB-CONT-008 PCB-LIM-008", Segment(artifacts=whole, blocks=blocks),
    )  # fmt: skip
    tails = [Artifact(f"{i:03}", b"x" * (count - i), place=(i, 0)) for i in range(count)]
    built = bundle(Segment(artifacts=tails, blocks=blocks))
    yield refuses(
        "PLACE/400-runs-over-400-blocks", "Many runs over the same blocks are refused.",
        "PCB-PLACE-005 PCB-LIM-008", built, "BAD_REFERENCE", built.segments[0].manifest_offset,
        base=base, defect="each run goes on to the last block",
    )  # fmt: skip
    built = bundle(Segment(pairs, blocks, edit=set_in("content_size", len(pairs) - 1, 3)))
    yield refuses(
        "PLACE/200-runs-of-which-the-last-is-too-long", "Many runs.",
        "PCB-PLACE-003 PCB-LIM-008", built, "BAD_REFERENCE", built.segments[0].manifest_offset,
        base=base, defect="the last run is a byte too long",
    )  # fmt: skip
