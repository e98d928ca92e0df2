"""RECV: what a torn or damaged tail costs, and what it must not cost."""

from dataclasses import replace

from builders.bases import MORE, PLAIN, flip, two
from builders.case import (
    LIMITS,
    RECOVERY,
    Built,
    Cases,
    accepts,
    recovering,
    refuses,
    within,
)
from precompile_conformance.build import NONE, Artifact, Block, Segment, build_segment, bundle
from precompile_conformance.wire import (
    FOOTER_SIZE,
    HEADER,
    block_record,
    footer,
    varint,
)

FIRST = bundle(PLAIN).data
RULES = "PCB-RECV-001 PCB-RECV-002 PCB-RECV-004"
TAILS = {
    "a-byte": b"\0",
    "part-of-a-header": HEADER[:5],
    "a-header": HEADER,
    "zeros": b"\0" * 500,
    "ones": b"\xff" * 500,
    "block-of-2-to-63": HEADER + b"\x12" + varint(2**63) + b"\x0a" + varint(2**63 - 10),
    "block-of-2-to-64-less-1": HEADER + b"\x12" + varint(2**64 - 1),
    "manifest-of-2-to-64-less-1": HEADER + b"\x1a" + varint(2**64 - 1),
    "endless-varint": HEADER + b"\x12" + b"\xff" * 30,
    "cut-in-the-manifest": HEADER + block_record(b"whole block") + b"\x1a\x05cut",
    "block-without-data": HEADER + b"\x12\x02\x0a\x00" + bytes(40),
}


def _recovers(name: str, shows: str, data: bytes, segments: int, rules: str = RULES,
              fault: str = "", at: int | None = None) -> Built:  # fmt: skip
    made = accepts(
        f"RECV/{name}", shows, rules, data, asked=recovering(), needs=[RECOVERY], fault=fault,
        at=at,
    )  # fmt: skip
    assert len(made.message.expected.bundle.segments) == segments
    return made


def cases() -> Cases:
    """All cases of the area."""
    yield _recovers("whole", "Recovery changes nothing about a whole bundle.", two().data, 2)
    for name, tail in TAILS.items():
        data = FIRST + tail
        yield _recovers(f"tail-{name}", "A torn tail is left out and counted.", data, 1)
    for name in ("a-byte", "cut-in-the-manifest"):
        data = FIRST + TAILS[name]
        yield refuses(
            f"RECV/strict-{name}", "Who does not ask for recovery is refused a torn tail.",
            "PCB-RECV-003 PCB-RECV-004 PCB-FRAME-007", data, "TRUNCATED", len(data),
            base="FRAME/one-segment", defect="a torn tail",
        )  # fmt: skip
    second = two().segments[1]
    for name, length in {
        "cut-in-second-header": second.offset + 10,
        "cut-in-second-block": second.block_offsets[0] + 4,
        "cut-in-second-manifest": second.manifest_offset + 30,
        "cut-in-second-footer": second.footer_offset + 10,
        "cut-by-a-byte": len(two().data) - 1,
    }.items():
        yield _recovers(name, "The last complete segment is kept.", two().data[:length], 1)
    data = two().data[: second.offset - 1]
    yield refuses(
        "RECV/first-segment-torn", "Nothing complete: there is nothing to recover.", RULES, data,
        "TRUNCATED", len(data), base="FRAME/one-segment", defect="cut by a byte",
        asked=recovering(), needs=[RECOVERY],
    )  # fmt: skip
    yield refuses(
        "RECV/no-bundle", "Recovery makes no bundle of what is none.", "PCB-FRAME-003",
        bytes(100), "NOT_A_BUNDLE", 0, base="FRAME/one-segment", defect="zeros",
        asked=recovering(), needs=[RECOVERY],
    )  # fmt: skip
    yield from _shaped_tails()
    yield from _damage_within()
    yield from _of_other_majors()
    yield from _beside_other_faults()


def _shaped_tails() -> Cases:
    numbers = [(0, 0), (23, 44), (23, 2**63), (2**63, 2**64 - 1), (23, 1000)]
    for manifest_offset, size in numbers:
        torn = FIRST + HEADER + block_record(bytes(700) + footer(manifest_offset, size))
        yield _recovers(
            f"footer-shaped-tail-{manifest_offset:x}h-{size:x}h",
            "A tail that looks like a footer proves nothing.", torn, 1,
        )  # fmt: skip
    inside = bundle(Segment(artifacts=(Artifact("one", b"planted"),))).data
    torn = FIRST + HEADER + block_record(b"before" + inside)
    yield _recovers(
        "segment-in-a-torn-block", "Content may hold a bundle; it is not read as one.", torn, 1
    )
    yield _recovers(
        "segment-planted-over-all", "A forged footer that spans what is committed: E counts.",
        _planted(), 1,
    )  # fmt: skip
    yield accepts(
        "RECV/segment-planted-strict", "Read strictly, the forgery fails when it is verified.",
        "PCB-CONT-003 PCB-CONT-007 PCB-RECV-003", _planted(), fault="MALFORMED_BLOCK",
        at=len(HEADER), base="FRAME/one-segment",
        defect="a torn block whose content ends as a segment over all would",
    )  # fmt: skip

    # Its length says that the file goes on: a block that a writer had not finished.
    prefix = b"\x12" + varint(10**6) + b"\x0a" + varint(10**6 - 4)
    torn_block = Block(b"?", record=prefix, entry={"size": len(prefix), "digest": bytes(32)})
    forged = Segment(artifacts=(Artifact("planted"),), blocks=(torn_block,))
    yield _recovers(
        "segment-forged-where-one-was-torn", "A forgery that begins exactly at E is believed: no"
        " rule of framing tells it from damage.", bundle(PLAIN, forged).data, 2,
        "PCB-RECV-001 PCB-RECV-004", fault="MALFORMED_BLOCK", at=len(FIRST) + len(HEADER),
    )  # fmt: skip


def _planted(header: bytes = HEADER) -> bytes:
    """A torn tail that ends with a manifest and footer which claim the file as one segment."""
    content = b"planted"
    good = block_record(content)
    skipped = len(FIRST) + len(HEADER) + 6 - len(HEADER)  # the torn block's prefix takes 6
    forged = build_segment(Segment(
        artifacts=(Artifact("one", content, place=(1, 0)),),
        blocks=(Block(b"?", NONE, record=b"", entry={"size": skipped, "digest": bytes(32)}),
                Block(content)),
    ))  # fmt: skip
    record_bytes = forged.data[forged.manifest_offset : forged.footer_offset]
    start = len(HEADER) + skipped + len(good)
    end = footer(start, start + len(record_bytes) + FOOTER_SIZE)
    torn = FIRST + header + block_record(good + record_bytes + end)
    assert len(torn) == len(FIRST) + len(HEADER) + 6 + len(good + record_bytes + end)
    return torn


def _damage_within() -> Cases:
    lying = bundle(PLAIN, replace(MORE, segment_size=len(two().segments[1].data) + 1)).data
    yield _recovers(
        "footer-with-another-size", "A segment is complete where its footer's numbers are its own.",
        lying + b"torn", 1,
    )  # fmt: skip
    lying = bundle(PLAIN, replace(MORE, manifest_offset=two().segments[1].manifest_offset
                                  - two().segments[1].offset - 1)).data  # fmt: skip
    yield _recovers(
        "footer-with-another-manifest-offset", "A segment is complete where both of its footer's"
        " numbers are its own.", lying + b"torn", 1,
    )  # fmt: skip
    nothing = Block(b"?", record=b"\x12\x02\x0a\x00", entry={"size": 4})
    hollow = Segment(artifacts=(Artifact("x"),), blocks=(nothing,))
    yield _recovers(
        "block-without-data-in-a-segment", "A block without data is in no complete segment.",
        bundle(PLAIN, hollow).data + b"torn", 1,
    )  # fmt: skip
    three = bundle(PLAIN, MORE, Segment(artifacts=(Artifact("four", b"fourth"),)))
    damaged = flip(three.data, three.segments[1].footer_offset)
    yield _recovers(
        "no-resynchronising", "What stands behind damage is not searched for.", damaged, 1
    )
    built = two()
    old = flip(built.data, built.segments[0].block_offsets[0] + 1)
    yield _recovers(
        "length-in-an-old-block", "A flipped length in an old block costs no segment.", old, 2,
        fault="MALFORMED_BLOCK", at=built.segments[0].block_offsets[0],
    )  # fmt: skip
    middle = three.segments[1].block_offsets[0]
    yield _recovers(
        "length-in-an-old-block-behind-others", "The walk backwards is believed where E is the"
        " start of a segment that it found, too.", flip(three.data, middle + 1), 3,
        fault="MALFORMED_BLOCK", at=middle,
    )  # fmt: skip
    bad = replace(MORE, edit=lambda m: m.required_features.append("later"))
    for name, tail in {"refused-segment": b"", "refused-segment-and-tail": b"torn"}.items():
        built = bundle(PLAIN, bad)
        yield refuses(
            f"RECV/{name}", "A committed segment that is bad is bad: it is no torn tail.",
            "PCB-RECV-001 PCB-EXT-001", built.data + tail, "UNSUPPORTED_FEATURE",
            built.segments[1].manifest_offset, base="RECV/whole",
            defect="the second segment requires a feature", asked=recovering(),
            needs=[RECOVERY],
        )  # fmt: skip
    wrong = replace(MORE, payload_digest=bytes(32))
    built = bundle(PLAIN, wrong)
    yield refuses(
        "RECV/damaged-last-envelope", "A complete segment with a damaged envelope is refused.",
        "PCB-RECV-001 PCB-ENV-004", built, "MALFORMED_FRAME", built.segments[1].manifest_offset,
        base="RECV/whole", defect="the second envelope's digest is zeros", asked=recovering(),
        needs=[RECOVERY],
    )  # fmt: skip


MAJOR_2 = HEADER[:-1] + b"\x02"
MAJOR_300 = b"\x0a\x16\x0a\x11precompile.bundle\x10" + varint(300)
LATER = replace(MORE, header=MAJOR_2)


def _of_other_majors() -> Cases:
    """What a later version wrote behind E is no torn tail."""
    whole = bundle(PLAIN, LATER).data
    tails = {
        "whole-segment-of-major-2-and-a-tail": whole + b"torn",
        "segment-of-major-2-without-its-last-byte": whole[:-1],
        "header-of-major-2": FIRST + MAJOR_2,
        "header-of-major-300": FIRST + MAJOR_300 + b"whatever it is",
        "header-of-major-0": FIRST + HEADER[:-1] + b"\0",
        "garbage-behind-a-header-of-major-2": FIRST + MAJOR_2 + bytes(300),
        "segment-planted-over-all-behind-major-2": _planted(MAJOR_2),
    }
    for name, data in tails.items():
        yield refuses(
            f"RECV/{name}", "A later version's segment is not left out: it is refused by name.",
            "PCB-RECV-006 PCB-FRAME-004", data, "UNSUPPORTED_VERSION", len(FIRST),
            base="RECV/tail-a-header", defect="a header of another major stands at E",
            asked=recovering(), needs=[RECOVERY],
        )  # fmt: skip
    for name, tail in {
        "major-2-cut": MAJOR_2[:-1],
        "major-300-cut": MAJOR_300[:-1],
        "major-1-padded": HEADER[:-1] + b"\x81\x00",
        "major-2-padded": HEADER[:-1] + b"\x82\x00",
        "major-2-to-64": HEADER[:-1] + varint(2**64),
        "major-2-under-another-magic": MAJOR_2[:4] + b"P" + MAJOR_2[5:],
        "major-2-under-another-tag": b"\x0b" + MAJOR_2[1:],
    }.items():
        yield _recovers(
            f"tail-{name}", "What is no complete header of another major is a torn tail.",
            FIRST + tail, 1, "PCB-RECV-006 PCB-RECV-001",
        )  # fmt: skip
    yield refuses(
        "RECV/whole-segment-of-major-2", "Without a torn tail it is the walk that finds it.",
        "PCB-FRAME-004 PCB-RECV-001", whole, "UNSUPPORTED_VERSION", len(FIRST), base="RECV/whole",
        defect="the second segment is of major 2", asked=recovering(), needs=[RECOVERY],
    )  # fmt: skip
    typed = bundle(replace(PLAIN, payload_type="text/plain"), LATER)
    yield refuses(
        "RECV/payload-of-another-type-before-major-2", "The walk found all segments: of its fault"
        " and that of an envelope before it the lower one is told.",
        "PCB-RECV-001 PCB-RECV-006 PCB-READ-002", typed, "UNSUPPORTED_FEATURE",
        typed.segments[0].manifest_offset, base="RECV/whole",
        defect="the first payload is of another type, the second segment of major 2",
        asked=recovering(), needs=[RECOVERY],
    )  # fmt: skip
    three = bundle(PLAIN, LATER, MORE)
    yield refuses(
        "RECV/segment-of-major-2-before-another", "A later version's segment may stand within.",
        "PCB-FRAME-004 PCB-RECV-001 PCB-RECV-006", three.data + b"torn", "UNSUPPORTED_VERSION",
        len(FIRST), base="RECV/whole", defect="the second of three segments is of major 2",
        asked=recovering(), needs=[RECOVERY],
    )  # fmt: skip
    other = MAJOR_2 + block_record(bytes(200)) + bundle(MORE).data
    yield refuses(
        "RECV/segment-within-a-torn-one-of-major-2", "The walk ends in a committed segment, and E"
        " lies before it: what stands at E is of another major.", "PCB-RECV-006",
        FIRST + other, "UNSUPPORTED_VERSION", len(FIRST), base="RECV/whole",
        defect="a torn segment of major 2 between two", asked=recovering(), needs=[RECOVERY],
    )  # fmt: skip


def _beside_other_faults() -> Cases:
    """Recovery asks whether there was a fault of the two codes, not whether it was the only one."""
    strange = HEADER[:4] + b"P" + HEADER[5:]
    built = bundle(PLAIN, replace(MORE, header=strange), LATER)
    yield _recovers(
        "strange-header-before-major-2", "A damaged header is recovered before, whatever else is"
        " found behind it.", built.data, 1,
    )  # fmt: skip
    built = bundle(PLAIN, replace(MORE, header=strange), replace(MORE, header=strange))
    yield _recovers(
        "two-strange-headers", "Two faults behind E are recovered as one is.", built.data, 1
    )
    few = bundle(PLAIN, replace(MORE, header=strange), *[Segment()] * 4)
    made = accepts(
        "RECV/strange-header-before-a-limit", "A limit that is passed behind E is asked of what is"
        " before E alone.", RULES, few.data,
        asked=recovering(within(segments=5)), needs=[RECOVERY, LIMITS],
    )  # fmt: skip
    assert len(made.message.expected.bundle.segments) == 1
    yield made
    five = bundle(PLAIN, MORE, *[Segment()] * 3)
    damaged = flip(five.data, five.segments[1].block_offsets[0] + 1)
    yield refuses(
        "RECV/limit-behind-damage", "A limit that is passed is no damage: E does not count,"
        " wherever it lies.", "PCB-RECV-001 PCB-LIM-003", damaged, "LIMIT_EXCEEDED",
        five.segments[3].offset, base="RECV/whole",
        defect="a length in the second segment's block, and the limit segments is 1",
        asked=recovering(within(segments=1)),
        needs=[RECOVERY, LIMITS],
    )  # fmt: skip
    three = bundle(PLAIN, MORE, LATER)
    damaged = flip(three.data, three.segments[1].block_offsets[0] + 1)
    yield refuses(
        "RECV/major-2-behind-damage", "A later version's segment is no damage: E does not count,"
        " where another stands at it.", "PCB-RECV-001 PCB-FRAME-004", damaged,
        "UNSUPPORTED_VERSION", three.segments[2].offset,
        base="RECV/whole",
        defect="a length in the second segment's block, and the last segment is of major 2",
        asked=recovering(), needs=[RECOVERY],
    )  # fmt: skip
    longer = replace(PLAIN, edit=lambda m: m.removed.add(type="t", key="k" * 500))
    built = bundle(MORE, longer)
    yield refuses(
        "RECV/manifest-over-before-a-tail", "The limit of a manifest's bytes is asked of what is"
        " before E; E is found without it.", "PCB-RECV-001 PCB-LIM-003", built.data + b"torn",
        "LIMIT_EXCEEDED", built.segments[1].manifest_offset, base="RECV/whole",
        defect="the second manifest is over the limit, and a tail is torn",
        asked=recovering(within(manifest_bytes=500)), needs=[RECOVERY, LIMITS],
    )  # fmt: skip
