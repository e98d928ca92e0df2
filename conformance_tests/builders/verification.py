"""CONT-007 and CONT-005: what a full verification reads, in which order, and what it counts."""

from dataclasses import replace

from builders.bases import CONTENT, GOOD, digest_at, flip
from builders.case import LIMITS, Built, Cases, accepts, of_host, within
from precompile_conformance.build import Artifact, Block, BuiltBundle, Segment, bundle
from precompile_conformance.wire import sha256

RULES = "PCB-CONT-007 PCB-CONT-005"
BASE = "CONT/base"


def broken(content: bytes, **entry: int) -> Block:
    """A block with one bit flipped behind its digest's back."""
    digest = sha256(content)
    return Block(content, stored=flip(content, 3), entry={"digest": digest, **entry})


def faults_of(made: Built) -> list[int]:
    """Where the contents of all artifacts are refused; -1 for a sound one."""
    dump = made.message.expected.bundle
    found = [a for segment in dump.segments for a in segment.artifacts]
    return [a.content_fault.offset if a.HasField("content_fault") else -1 for a in found]


def cases() -> Cases:
    """All cases of the area."""
    yield from _order()
    yield from _equal_blocks()
    yield from _counts()
    opaque = Segment(
        artifacts=(Artifact("theirs", CONTENT),), blocks=(broken(CONTENT),),
        requirements=[("gpu", 1, ["a100"])],
    )  # fmt: skip
    built = bundle(Segment(artifacts=(GOOD,)), opaque)
    yield accepts(
        "CONT/damage-in-an-opaque-segment", "Opaque segments are verified, too.",
        f"{RULES} PCB-HOST-006", built, asked=of_host(gpu=["h100"]), fault="DIGEST_MISMATCH",
        at=built.segments[1].block_offsets[0], base="HOST/exact-other",
        defect="a bit of a block whose segment is of another host",
    )  # fmt: skip
    wrong = replace(opaque, blocks=(Block(CONTENT),), edit=digest_at(0, bytes(32)))
    built = bundle(Segment(artifacts=(GOOD,)), wrong)
    yield accepts(
        "CONT/another-digest-in-an-opaque-segment", "Contents of opaque segments are verified, not"
        " their blocks alone.", f"{RULES} PCB-HOST-006", built, asked=of_host(gpu=["h100"]),
        fault="DIGEST_MISMATCH", at=built.segments[1].block_offsets[0], base="HOST/exact-other",
        defect="a content whose segment is of another host has another digest",
    )  # fmt: skip
    unnamed = replace(opaque, artifacts=())
    built = bundle(Segment(artifacts=(GOOD,)), unnamed)
    yield accepts(
        "CONT/damage-that-nobody-names-in-an-opaque-segment",
        "Blocks of opaque segments are verified, also where no artifact names them.",
        f"{RULES} PCB-HOST-006", built, asked=of_host(gpu=["h100"]), fault="DIGEST_MISMATCH",
        at=built.segments[1].block_offsets[0], base="HOST/exact-other",
        defect="a bit of a block that no artifact names",
    )  # fmt: skip


def _order() -> Cases:
    """Block by block, and behind each the artifacts that end in it."""
    overlapping = Segment(
        artifacts=(Artifact("a", CONTENT), Artifact("b", b"second block")),
        blocks=(Block(CONTENT), broken(b"second block")), edit=digest_at(0, bytes(32)),
    )  # fmt: skip
    built = bundle(overlapping)
    yield accepts(
        "CONT/content-before-the-next-block", "Artifacts are read behind their last block, before"
        " the next one.", RULES, built, fault="DIGEST_MISMATCH",
        at=built.segments[0].block_offsets[0], base=BASE,
        defect="a content in block 0 has another digest, and block 1 a flipped bit",
    )  # fmt: skip
    run = Artifact("both", CONTENT + b"second block", place=(1, 0))
    first = Block(b"the first block")
    for name, third, told in (
        ("", broken(b"the third block"), 1),
        ("-and-damage-before", first, 0),
    ):
        blocks = (first if third is not first else broken(b"the first block"), Block(CONTENT),
                  Block(b"second block"), third)  # fmt: skip
        built = bundle(Segment(artifacts=(run,), blocks=blocks, edit=digest_at(0, bytes(32))))
        yield accepts(
            f"CONT/content-of-two-blocks-before-a-third{name}", "An artifact is read behind the"
            " block with the highest index, and told at its first block's.", RULES, built,
            fault="DIGEST_MISMATCH", at=built.segments[0].block_offsets[told], base=BASE,
            defect="a run has another digest, and a block beside it a flipped bit",
        )  # fmt: skip
    empty = Segment(artifacts=(Artifact("empty"), Artifact("one", CONTENT)),
                    blocks=(broken(CONTENT),), edit=digest_at(0, bytes(32)))  # fmt: skip
    built = bundle(empty)
    yield accepts(
        "CONT/empty-content-before-the-first-block", "Artifacts with empty content are read first.",
        RULES, built, fault="DIGEST_MISMATCH", at=built.segments[0].manifest_offset,
        base="CONT/empty", defect="empty content has another digest, and block 0 a flipped bit",
    )  # fmt: skip
    last_listed = Segment(
        artifacts=(Artifact("run", CONTENT + b"second block", place=(0, 0)),
                   Artifact("part", CONTENT[:4], place=(0, 0))),
        blocks=(Block(CONTENT), broken(b"second block")), edit=digest_at(1, bytes(32)),
    )  # fmt: skip
    built = bundle(last_listed)
    made = accepts(
        "CONT/part-before-the-run-that-is-listed-first", "What ends in a block is read behind it,"
        " whatever is listed before.", RULES, built, fault="DIGEST_MISMATCH",
        at=built.segments[0].block_offsets[0], base=BASE,
        defect="a part of block 0 has another digest, and block 1 a flipped bit",
    )  # fmt: skip
    assert faults_of(made) == list(reversed(built.segments[0].block_offsets))
    yield made
    yield from _external_last()


def _external_last() -> Cases:
    """A run whose highest block is external, behind which a damaged own block stands."""
    owner = Segment(artifacts=(Artifact("owner", CONTENT),))
    run = Artifact("run", b"own block" + CONTENT, place=(0, 0))
    blocks = (Block(b"own block"), Block(CONTENT, external=True), broken(b"the last block"))
    built = bundle(owner, Segment(artifacts=(run,), blocks=blocks, edit=digest_at(0, bytes(32))))
    yield accepts(
        "CONT/content-behind-an-external-block", "External blocks are passed, and what ends in one"
        " is read there.", RULES, built, fault="DIGEST_MISMATCH",
        at=built.segments[1].block_offsets[0], base="PLACE/run-with-external-last",
        defect="a run that ends in an external block has another digest, and the block behind it a"
        " flipped bit",
    )  # fmt: skip
    first = Artifact("run", CONTENT + b"own block", place=(0, 0))
    begin = (Block(CONTENT, external=True), Block(b"own block"))
    built = bundle(owner, Segment(artifacts=(first,), blocks=begin, edit=digest_at(0, bytes(32))))
    yield accepts(
        "CONT/content-that-begins-in-an-external-block", "Another digest is told at the first"
        " block's record, in an earlier segment.", RULES, built, fault="DIGEST_MISMATCH",
        at=built.segments[0].block_offsets[0], base="PLACE/run-with-external-first",
        defect="a run that begins in an external block has another digest",
    )  # fmt: skip


def _equal_blocks() -> Cases:
    """An external entry is the last of the equal own blocks before it."""
    content = b"content that many share"
    sound, damaged = Block(content), broken(content)

    def owner(key: str, *blocks: Block) -> Segment:
        return Segment(artifacts=(Artifact(key, content, place=(0, 0)),), blocks=blocks)

    user = replace(owner("user", replace(sound, external=True)))
    stories: dict[str, tuple[tuple[Segment, ...], int, int]] = {
        "first-of-two-equal-damaged": ((owner("a", damaged), owner("b", sound)), 0, 0),
        "last-of-two-equal-damaged": ((owner("a", sound), owner("b", damaged)), 1, 0),
        "first-of-two-in-a-segment-damaged": ((owner("a", damaged, sound),), 0, 0),
        "last-of-two-in-a-segment-damaged": ((owner("a", sound, damaged),), 0, 1),
    }
    for name, (owners, segment, block) in stories.items():
        built = bundle(*owners, user)
        at = built.segments[segment].block_offsets[block]
        made = accepts(
            f"BLOCK/external-{name}", "An external entry stands for the last own block that equals"
            " it, and is told there.", f"PCB-BLOCK-006 {RULES}", built, fault="DIGEST_MISMATCH",
            at=at, base="BLOCK/external", defect="a bit of one of two equal blocks",
        )  # fmt: skip
        assert faults_of(made)[-1] == (at if name.startswith("last") else -1)
        yield made


def _sized(*sizes: int, first: Block | None = None) -> BuiltBundle:
    """Blocks of these sizes, each with an artifact that is its first ten bytes."""
    blocks = [Block(bytes([65 + i]) * size) for i, size in enumerate(sizes)]
    artifacts = [Artifact(chr(97 + i), block.content[:10], place=(i, 0))
                 for i, block in enumerate(blocks)]  # fmt: skip
    return bundle(Segment(artifacts=artifacts, blocks=[first or blocks[0], *blocks[1:]]))


def _counts() -> Cases:
    """The limits leave room for each block counted once more, for the artifact in it."""
    base = "LIM/total-decompressed"
    yield accepts(
        base, "Two blocks, each counted for itself and for its artifact.", "PCB-LIM-003 PCB-LIM-005"
        " PCB-CONT-005", _sized(40, 50), asked=within(total_decompressed=180), needs=[LIMITS],
    )  # fmt: skip
    over = _sized(40, 50)
    made = accepts(
        "LIM/total-decompressed-over", "The sum of the blocks goes past the limit in the second.",
        f"PCB-LIM-003 {RULES}", over, asked=within(total_decompressed=85), needs=[LIMITS],
        fault="LIMIT_EXCEEDED", at=over.segments[0].block_offsets[1], base=base,
        defect="the limit is less than both blocks",
    )  # fmt: skip
    assert faults_of(made) == [-1, over.segments[0].block_offsets[1]]
    yield made
    for name, first in {
        "another-digest": broken(b"A" * 40),
        "an-unknown-compression": Block(b"A" * 40, 9),
        "another-record": Block(b"A" * 40, record=b"\x1a\x2a\x0a\x28" + b"A" * 40),
        "another-size": Block(b"A" * 40, stored=b"A" * 39),
    }.items():
        built = _sized(40, 50, first=first)
        code = {"another-digest": "DIGEST_MISMATCH", "another-record": "MALFORMED_BLOCK",
                "an-unknown-compression": "UNSUPPORTED_FEATURE",
                "another-size": "SIZE_MISMATCH"}[name]  # fmt: skip
        made = accepts(
            f"LIM/refused-for-{name}-counts", "A block counts, whatever comes of reading it.",
            f"PCB-LIM-003 {RULES}", built, asked=within(total_decompressed=85), needs=[LIMITS],
            fault=code, at=built.segments[0].block_offsets[0], base=base,
            defect=f"the first block has {name.replace('-', ' ')}, the limit is below both",
        )  # fmt: skip
        assert faults_of(made) == list(built.segments[0].block_offsets)
        yield made
    large = _sized(60, 20)
    made = accepts(
        "LIM/refused-for-the-sum-does-not-count", "What would go past the limit leaves the sum as"
        " it was.", f"PCB-LIM-003 {RULES}", large, asked=within(total_decompressed=50),
        needs=[LIMITS], fault="LIMIT_EXCEEDED", at=large.segments[0].block_offsets[0], base=base,
        defect="the first block is longer than the limit",
    )  # fmt: skip
    assert faults_of(made) == [large.segments[0].block_offsets[0], -1]
    yield made
    blocks = [Block(b"A" * 40), Block(b"B" * 50)]
    external = [replace(block, external=True) for block in blocks]
    yield accepts(
        "LIM/external-entries-are-passed", "A verifier reads an own block once, and none for an"
        " external entry that no artifact lies in.", f"PCB-LIM-003 {RULES}",
        bundle(Segment(blocks=blocks), Segment(blocks=external)),
        asked=within(total_decompressed=90), needs=[LIMITS],
    )  # fmt: skip
    block = Block(b"A" * 20)
    run = Artifact("thrice", b"A" * 60, place=(0, 0))
    repeated = bundle(
        Segment(blocks=(block,)), Segment((run,), blocks=[replace(block, external=True)] * 3)
    )
    yield accepts(
        "LIM/content-longer-than-all-that-may-be-read", "Before any block of it, a content is"
        " asked for its own size; told at the manifest.", f"PCB-LIM-003 {RULES}", repeated,
        asked=within(total_decompressed=50), needs=[LIMITS], fault="LIMIT_EXCEEDED",
        at=repeated.segments[1].manifest_offset, base=base,
        defect="a content is longer than the limit, and its block is not",
    )  # fmt: skip
