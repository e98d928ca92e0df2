"""CONT and READ: stored bytes, digests, and which of several faults is told."""

from dataclasses import replace

from builders.bases import (
    CONTENT,
    GOOD,
    MORE,
    PLAIN,
    Edit,
    beside_good,
    digest_at,
    edits,
    first_twice,
    flip,
    set_in,
    two,
)
from builders.case import ZSTD, Built, Cases, accepts, refuses
from precompile_conformance.build import NONE, Artifact, Block, BuiltBundle, Segment, bundle
from precompile_conformance.build import ZSTD as COMPRESSED
from precompile_conformance.wire import BLOCK_TAG, DATA_TAG, HEADER, record, sha256

BASE = "CONT/base"
DATA = record(DATA_TAG, CONTENT)
RECORDS = {
    "manifests-tag": record(0x1A, DATA),
    "unknown-tag": record(0x2A, DATA),
    "unknown-inner-tag": record(BLOCK_TAG, record(0x12, CONTENT)),
    "length-one-low": record(BLOCK_TAG, DATA, length=len(DATA) - 1),
    "length-one-high": record(BLOCK_TAG, DATA, length=len(DATA) + 1),
    "inner-length-one-low": record(BLOCK_TAG, record(DATA_TAG, CONTENT, length=len(CONTENT) - 1)),
    "inner-length-one-high": record(BLOCK_TAG, record(DATA_TAG, CONTENT, length=len(CONTENT) + 1)),
    "inner-length-padded": record(BLOCK_TAG, record(DATA_TAG, CONTENT[1:], padding=1)),
    "length-padded": record(BLOCK_TAG, record(DATA_TAG, CONTENT[1:]), padding=1),
    "field-behind-the-data": record(BLOCK_TAG, record(DATA_TAG, CONTENT[2:]) + b"\x10\x01"),
    "field-before-the-data": record(BLOCK_TAG, b"\x10\x01" + record(DATA_TAG, CONTENT[2:])),
    "no-outer-record": record(DATA_TAG, CONTENT) + b"\0\0",
    "two-records": record(BLOCK_TAG, record(DATA_TAG, CONTENT[:18])) * 2,
    "zeros": bytes(len(DATA) + 2),
}


def damaged(name: str, shows: str, rules: str, built: BuiltBundle, code: str, defect: str,
            base: str = BASE, zstd: bool = False) -> Built:  # fmt: skip
    """A bundle that opens, one artifact of which cannot be read: the second block's."""
    return accepts(
        name, shows, f"{rules} PCB-READ-004 PCB-CONT-005 PCB-CONT-007", built, fault=code,
        at=built.segments[0].block_offsets[1], base=base, defect=defect,
        needs=[ZSTD] if zstd else [],
    )  # fmt: skip


def cases() -> Cases:
    """All cases of the areas."""
    yield accepts(
        BASE, "Two blocks, each of one artifact.",
        "PCB-CONT-001 PCB-CONT-002 PCB-CONT-003 PCB-CONT-005 PCB-BLOCK-008",
        beside_good(Block(CONTENT)),
    )  # fmt: skip
    for name, wrong in RECORDS.items():
        yield damaged(
            f"CONT/record-{name}", "A block's record has exactly the framing of its size.",
            "PCB-CONT-003", beside_good(Block(CONTENT, record=wrong, entry={"size": len(wrong)})),
            "MALFORMED_BLOCK", name.replace("-", " "),
        )  # fmt: skip
    digest = sha256(CONTENT)
    for name, at in {"first": 0, "middle": 20, "last": len(CONTENT) - 1}.items():
        block = Block(CONTENT, stored=flip(CONTENT, at), entry={"digest": digest})
        yield damaged(
            f"CONT/{name}-byte-flipped", "Stored bytes are those of the block's digest.",
            "PCB-CONT-002 PCB-CONT-001", beside_good(block), "DIGEST_MISMATCH",
            f"a bit of byte {at}",
        )  # fmt: skip
    for name, size in {"one-low": 39, "one-high": 41, "32-mib": 1 << 25}.items():
        block = Block(CONTENT, entry={"content_size": size})
        yield damaged(
            f"CONT/size-{name}", "Uncompressed data has the length of the content.",
            "PCB-BLOCK-008 PCB-LIM-004", beside_good(block, content=CONTENT[:10]),
            "SIZE_MISMATCH", f"content_size is {size}",
        )  # fmt: skip
    yield from _contents()
    yield from _same_place()
    yield from _unknown_compression()
    yield from _order()
    yield from _several()


def _contents() -> Cases:
    wrong = bundle(Segment(
        artifacts=(GOOD, Artifact("one", CONTENT)),
        edit=digest_at(1, bytes(32)),
    ))  # fmt: skip
    yield damaged(
        "CONT/content-digest-zeros", "Content is that of the artifact's digest.",
        "PCB-CONT-001", wrong, "DIGEST_MISMATCH", "content_digest is zeros",
    )  # fmt: skip
    part = bundle(Segment(
        artifacts=(GOOD, Artifact("one", CONTENT[:10])), blocks=(Block(GOOD.content),
                                                                 Block(CONTENT)),
        edit=digest_at(1, sha256(CONTENT)),
    ))  # fmt: skip
    yield damaged(
        "CONT/part-under-the-blocks-digest", "The block's digest is not that of a part of it.",
        "PCB-CONT-001", part, "DIGEST_MISMATCH", "content_digest is that of the whole block",
    )  # fmt: skip
    empty = bundle(Segment(
        artifacts=(Artifact("empty"),),
        edit=digest_at(0, bytes(32)),
    ))  # fmt: skip
    yield accepts(
        "CONT/empty-digest-zeros", "Empty content has a digest, too; told at the manifest.",
        "PCB-CONT-001 PCB-CONT-005", empty, fault="DIGEST_MISMATCH",
        at=empty.segments[0].manifest_offset, base="CONT/empty",
        defect="content_digest is zeros",
    )  # fmt: skip
    pickle = b"cos\n_exit\n(I3\ntR."  # unpickled, it ends the process
    yield accepts(
        "CONT/pickle-that-ends-the-process", "Content is handed out, and not interpreted.",
        "PCB-READ-006 PCB-POP-009", Segment(artifacts=(Artifact("one", pickle),)),
    )  # fmt: skip
    yield accepts(
        "CONT/empty", "Empty content.", "PCB-CONT-001", Segment(artifacts=(Artifact("empty"),))
    )
    pieces = [b"a" * 100, b"b" * 100]
    whole = Artifact("one", b"".join(pieces), place=(0, 0))
    other = bundle(Segment(artifacts=(whole,), blocks=tuple(map(Block, reversed(pieces)))))
    yield accepts(
        "CONT/run-in-another-order", "Content is the blocks of a run in their order; told at the"
        " first one's record.", "PCB-CONT-001 PCB-CONT-005", other, fault="DIGEST_MISMATCH",
        at=other.segments[0].block_offsets[0], base="PLACE/run-of-two",
        defect="the blocks are swapped",
    )  # fmt: skip


def _same_place() -> Cases:
    """Contents at one place, some of them under another digest."""
    same = [Artifact(key, b"456") for key in "abcd"]
    wrong = edits(digest_at(1, bytes(32)), digest_at(3, sha256(b"4")))
    built = bundle(Segment(artifacts=same, blocks=(Block(b"0123456789"),), edit=wrong))
    at = built.segments[0].block_offsets[0]
    made = accepts(
        "CONT/other-digests-at-one-place", "Each artifact's digest is that of its content, however"
        " many share the place.", "PCB-CONT-008 PCB-CONT-001 PCB-CONT-005", built,
        fault="DIGEST_MISMATCH", at=at, base="PLACE/one-for-three",
        defect="two of four digests are others",
    )  # fmt: skip
    found = made.message.expected.bundle.segments[0].artifacts
    assert [one.HasField("content_fault") for one in found] == [False, True, False, True]
    yield made


def _unknown_compression() -> Cases:
    built = beside_good(Block(CONTENT, 9))
    yield damaged(
        "CONT/unknown-compression", "An unknown compression costs the artifacts in it alone.",
        "PCB-CONT-004 PCB-EXT-005", built, "UNSUPPORTED_FEATURE", "compression is 9",
    )  # fmt: skip
    block = Block(CONTENT, 9, entry={"digest": bytes(32)})
    yield damaged(
        "CONT/unknown-compression-and-damage", "The digest is checked before the compression.",
        "PCB-CONT-002 PCB-CONT-005", beside_good(block), "DIGEST_MISMATCH",
        "compression is 9 and the digest zeros",
    )  # fmt: skip
    stored = Block(CONTENT, COMPRESSED, stored=b"no frame at all", entry={"digest": bytes(32)})
    yield damaged(
        "CONT/no-frame-and-damage", "The digest is checked before anything is decompressed.",
        "PCB-CONT-002", beside_good(stored), "DIGEST_MISMATCH",
        "no frame, under another digest", zstd=True,
    )  # fmt: skip


KINDLESS: Edit = lambda m: m.artifacts.types[0].ClearField("kind")
NAMELESS = set_in("key", 0, "")
FAULTS: dict[str, tuple[int, Segment]] = {
    "UNSUPPORTED_VERSION": (1, replace(MORE, header=HEADER[:-1] + b"\x02")),
    "MALFORMED_FRAME": (1, replace(MORE, payload_digest=bytes(32))),
    "MALFORMED_MANIFEST": (3, replace(MORE, edit=KINDLESS)),
    "UNSUPPORTED_FEATURE": (3, replace(MORE, edit=lambda m: m.required_features.append("x"))),
    "INVALID_NAME": (4, replace(MORE, edit=NAMELESS)),
    "DUPLICATE_ARTIFACT": (4, replace(MORE, edit=first_twice)),
    "BAD_REFERENCE": (4, replace(MORE, edit=lambda m: setattr(m.blocks[0], "content_size", 1))),
    "BROKEN_CHAIN": (
        4,
        replace(MORE, edit=lambda m: setattr(m, "previous_manifest_digest", bytes(32))),
    ),
}


def _order() -> Cases:
    """The earlier stage decides; within a stage the lower offset."""
    pairs = [(a, b) for a in FAULTS for b in FAULTS if FAULTS[a][0] > FAULTS[b][0]]
    told = [pair for i, pair in enumerate(pairs) if i % 3 == 0]
    for first, second in told:
        built = bundle(*(replace(FAULTS[name][1], chained=False) for name in (first, second)))
        segment = built.segments[1]
        at = segment.offset if second == "UNSUPPORTED_VERSION" else segment.manifest_offset
        yield refuses(
            "READ/" + f"{second}-before-{first}".lower().replace("_", "-"),
            "Each stage runs over all segments before the next begins.",
            "PCB-READ-001 PCB-READ-003 PCB-READ-008", built, second, at,
            base="CHAIN/two-chains", defect=f"{first} in the first segment, {second} behind it",
        )  # fmt: skip
    for stage in (1, 3, 4):
        first, second = [name for name in FAULTS if FAULTS[name][0] == stage][:2]
        for a, b in ((first, second), (second, first)):
            segments = (replace(FAULTS[name][1], chained=False) for name in (a, b))
            built = bundle(*segments)
            head = built.segments[0]
            at = head.offset if a == "UNSUPPORTED_VERSION" else head.manifest_offset
            yield refuses(
                "READ/" + f"{a}-at-lower-offset-than-{b}".lower().replace("_", "-"),
                "Within a stage the fault at the lowest offset is told.",
                "PCB-READ-002 PCB-READ-008", built, a, at, base="CHAIN/two-chains",
                defect=f"{a} in the first segment, {b} in the second",
            )  # fmt: skip
    torn = bundle(FAULTS["UNSUPPORTED_FEATURE"][1]).data + b"\0"
    yield refuses(
        "READ/truncated-before-all", "A cut end is told before what the segments hold.",
        "PCB-READ-002 PCB-FRAME-007", torn, "TRUNCATED", len(torn), base="FRAME/one-segment",
        defect="a byte behind a segment that requires a feature",
    )  # fmt: skip
    both = replace(MORE, edit=edits(NAMELESS, first_twice))
    built = bundle(PLAIN, both)
    yield refuses(
        "READ/names-before-duplicates", "In one manifest names are checked first.",
        "PCB-READ-008", built, "INVALID_NAME", built.segments[1].manifest_offset,
        base="FRAME/two-segments", defect="an empty key, twice",
    )  # fmt: skip


def _several() -> Cases:
    blocks = (Block(b"first", stored=b"FIRST", entry={"digest": bytes(32)}),
              Block(b"second", stored=b"SECOND", entry={"digest": bytes(32)}))  # fmt: skip
    artifacts = (Artifact("b", b"second"), Artifact("a", b"first"))
    built = bundle(Segment(artifacts=artifacts, blocks=blocks))
    yield accepts(
        "READ/content-faults-in-file-order", "A full verification tells the first in the file.",
        "PCB-CONT-007 PCB-READ-004", built, fault="DIGEST_MISMATCH",
        at=built.segments[0].block_offsets[0], base=BASE, defect="both blocks are damaged",
    )  # fmt: skip
    unused = bundle(Segment(
        artifacts=(Artifact("a", b"content"),),
        blocks=(Block(b"content"), Block(b"nobody's", stored=b"NOBODY'S",
                                         entry={"digest": bytes(32)})),
    ))  # fmt: skip
    yield accepts(
        "READ/damage-that-no-artifact-lies-in", "Blocks that no artifact names are verified.",
        "PCB-CONT-007", unused, fault="DIGEST_MISMATCH", at=unused.segments[0].block_offsets[1],
        base="BLOCK/no-artifact-in-it", defect="the unused block is damaged",
    )  # fmt: skip
    hidden = bundle(Segment(artifacts=(Artifact("one", b"what an attacker wants"),))).data
    covered = bundle(replace(PLAIN, before_manifest=hidden, edit=lambda m: m.blocks.add(
        digest=bytes(32), size=len(hidden), compression=NONE, content_size=1)))  # fmt: skip
    yield accepts(
        "READ/bundle-hidden-in-a-block", "A bundle under a block entry is no block.",
        "PCB-CONT-003 PCB-CONT-007", covered, fault="MALFORMED_BLOCK",
        at=covered.segments[0].manifest_offset - len(hidden), base=BASE,
        defect="a whole bundle stands where a block must",
    )  # fmt: skip
    twice = two().data + bundle(Segment(artifacts=(Artifact("one", b"newer"),))).data
    yield accepts(
        "READ/concatenation", "Concatenated bundles are one bundle of all their segments.",
        "PCB-APPD-010 PCB-CURR-002", twice,
    )  # fmt: skip
