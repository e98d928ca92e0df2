"""APPD: files that are extended, files that are left alone, and concatenation."""

from collections.abc import Sequence
from dataclasses import replace

from builders.bases import MORE, PLAIN, flip, two
from builders.case import WRITER, Built, Cases, bytes_of, case, rejection
from builders.envelope import LATER
from builders.write import FILE, FIRST, NEW, ONCE, described, holds
from precompile_conformance import reader
from precompile_conformance.build import Artifact, Block, Segment, bundle
from precompile_conformance.judge import without_places
from precompile_conformance.wire import FOOTER_SIZE, HEADER, block_record, footer


def cases() -> Cases:
    """All cases of the area."""
    yield from _appended()
    yield from _not_appended()
    yield from _concatenated()


def appends(id_: str, shows: str, rules: str, file: bytes, segment: Segment,
            kept: Sequence[Segment], length: int, *, base: str = "",
            defect: str = "") -> Built:  # fmt: skip
    """A file that is extended; its first `length` bytes, the segments `kept`, stay."""
    once = rules == ONCE
    message = case(id_, shows, rules, classes=[WRITER], base=base, defect=defect, should=once)
    message.expected.written.equal_content_once = once
    message.request.append.path = FILE
    message.request.append.segment.CopyFrom(described(segment))
    message.expected.written.holds.CopyFrom(holds(*kept, segment))
    message.expected.written.keeps = length
    return Built(message, {FILE: file})


def refuses_append(id_: str, shows: str, rules: str, file: bytes, name: str, at: int | None,
                   base: str, defect: str) -> Built:  # fmt: skip
    """A file that is refused and stays as it is."""
    message = case(id_, shows, rules, classes=[WRITER], base=base, defect=defect)
    message.request.append.path = FILE
    message.request.append.segment.CopyFrom(described(NEW))
    message.expected.rejection.CopyFrom(rejection(name, at))
    return Built(message, {FILE: file})


TORN = {
    "a-byte": b"\0",
    "part-of-a-header": HEADER[:5],
    "zeros": b"\0" * 500,
    "cut-in-a-block": HEADER + block_record(bytes(100))[:50],
    "cut-in-the-manifest": HEADER + block_record(b"whole block") + b"\x1a\x05cut",
}


def torn_footer(written: int, shift: int = 0, *, first: bool = False) -> bytes:
    """PLAIN, and a segment but for the end of its footer: `written` bytes of it, zeros behind.

    They end where a sector ends, or `shift` bytes behind that. With `first`, PLAIN is left out.
    """
    for size in range(1, 2000):
        torn = Segment(artifacts=(Artifact("torn", b"x" * size),))
        built = bundle(torn) if first else bundle(PLAIN, torn)
        at = built.segments[-1].footer_offset
        if (at + written - shift) % 512 == 0:
            return built.data[: at + written] + bytes(FOOTER_SIZE - written)
    raise ValueError("no size puts the footer there")


def _appended() -> Cases:
    yield appends("APPD/whole", "Appending keeps every byte.", "PCB-APPD-001 PCB-CHAIN-001",
                  two().data, NEW, [PLAIN, MORE], len(two().data))  # fmt: skip
    yield appends("APPD/empty-file", "An empty file is a new one.", "PCB-APPD-005", b"", NEW, [],
                  0)  # fmt: skip
    for length in (1, 22, 23, 60, len(FIRST) - 1):
        yield appends(
            f"APPD/first-segment-torn-{length}", "A file of a torn first segment begins anew.",
            "PCB-APPD-005", FIRST[:length], NEW, [], 0,
        )  # fmt: skip
    for length in (1, 23):
        yield appends(
            f"APPD/{length}-zeros", "A file of no more than 23 zero bytes is a new one.",
            "PCB-APPD-005", bytes(length), NEW, [], 0,
        )  # fmt: skip
    for written in (12, 13):
        yield appends(
            f"APPD/footer-torn-behind-{written}-bytes", "Half of a footer, up to a sector's end,"
            " is a torn write.", "PCB-APPD-006", torn_footer(written), NEW, [PLAIN], len(FIRST),
        )  # fmt: skip
    for name, tail in TORN.items():
        yield appends(
            f"APPD/tail-{name}", "A torn tail is cut off before the append.",
            "PCB-APPD-001 PCB-APPD-006", FIRST + tail, NEW, [PLAIN], len(FIRST),
        )  # fmt: skip
    for name, file in {
        "garbage-behind-a-header": HEADER + b"some bytes that no footer follows",
        "first-footer-torn": torn_footer(12, first=True),
    }.items():
        yield appends(
            f"APPD/{name}", "What holds no committed segment is cut off at 0.",
            "PCB-APPD-005 PCB-APPD-006", file, NEW, [], 0,
        )  # fmt: skip
    second = two().segments[1]
    for name, length in {"cut-in-second-block": second.block_offsets[0] + 4,
                         "cut-by-a-byte": len(two().data) - 1}.items():  # fmt: skip
        yield appends(
            f"APPD/{name}", "What was committed stays, the torn segment goes.",
            "PCB-APPD-001 PCB-APPD-006", two().data[:length], NEW, [PLAIN], len(FIRST),
        )  # fmt: skip
    same = Segment(artifacts=(Artifact("again", b"first content"),))
    yield appends(
        "APPD/content-that-is-there", "Content of the file is referred to once it is verified.",
        ONCE, FIRST, same, [PLAIN], len(FIRST),
    )  # fmt: skip
    yield from _in_chains()
    at = bundle(PLAIN).segments[0].block_offsets[0] + 6
    yield _appends_to_damaged("damaged-content-is-not-referred-to", [PLAIN], same, at)
    copy = Segment(artifacts=(Artifact("copy", b"first content"),))
    two_copies = bundle(PLAIN, copy)
    for name, segment in {"first": 0, "last": 1}.items():
        place = two_copies.segments[segment].block_offsets[0] + 6
        yield _appends_to_damaged(f"{name}-of-two-copies-damaged", [PLAIN, copy], same, place)
    # An external entry stands for the last own block, whether or not an artifact lies in it.
    bare = Segment(blocks=(Block(b"first content"),))
    place = bundle(PLAIN, bare).segments[1].block_offsets[0] + 6
    yield _appends_to_damaged("copy-that-nobody-names-damaged", [PLAIN, bare], same, place)


def _appends_to_damaged(name: str, there: Sequence[Segment], new: Segment, at: int) -> Built:
    """A file with a bit flipped in content that is to be appended: what is written is readable."""
    file = bundle(*there).data
    message = case(
        f"APPD/{name}", "Content that does not verify is written anew.", "PCB-BLOCK-007"
        " PCB-BLOCK-006", classes=[WRITER], base="APPD/content-that-is-there",
        defect="a bit of the content that is there",
    )  # fmt: skip
    message.request.append.path = FILE
    message.request.append.segment.CopyFrom(described(new))
    dump = without_places(reader.read(flip(bundle(*there, new).data, at)))
    for segment in dump.segments:
        for one in segment.artifacts:
            one.content_fault.ClearField("detail") if one.HasField("content_fault") else None
    dump.content_fault.ClearField("detail")
    message.expected.written.holds.CopyFrom(dump)
    message.expected.written.keeps = len(file)
    return Built(message, {FILE: flip(file, at)})


def _in_chains() -> Cases:
    """Content that the file holds, in another chain than the last, or in a damaged copy."""
    again = Segment(artifacts=(Artifact("again", b"first content"),))
    other = replace(MORE, chained=False)
    file = bundle(PLAIN, other).data
    yield appends(
        "APPD/content-of-another-chain", "Content of another chain is written anew: no block of it"
        " can be referred to.", "PCB-BLOCK-006 PCB-APPD-001", file, again, [PLAIN, other],
        len(file),
    )  # fmt: skip
    both = bundle(PLAIN, replace(again, chained=False)).data
    yield appends(
        "APPD/content-of-both-chains", "Content is referred to in its own chain.",
        "PCB-BLOCK-006 PCB-APPD-001", both, replace(again, artifacts=(Artifact("third", b"first"
        b" content"),)), [PLAIN, replace(again, chained=False)], len(both),
    )  # fmt: skip
    gone = Segment(removed=[("test.blob", "one")])
    yield appends(
        "APPD/removal-in-another-chain", "A removal is written, and takes from the last chain"
        " alone.", "PCB-CURR-003 PCB-CURR-006 PCB-APPD-001", file, gone, [PLAIN, other], len(file),
    )  # fmt: skip


def _not_appended() -> Cases:
    for name, data in {"zeros": bytes(100), "text": b"somebody's only copy of something\n",
                       "start-lost": FIRST[1:]}.items():  # fmt: skip
        yield refuses_append(
            f"APPD/no-bundle-{name}", "A file that is no bundle is left alone.", "PCB-APPD-004",
            data, "NOT_A_BUNDLE", 0, "APPD/whole", "the file is no bundle",
        )  # fmt: skip
    yield refuses_append(
        "APPD/major-2", "A file of another major is left alone.", "PCB-APPD-004",
        HEADER[:-1] + b"\x02" + FIRST[23:], "UNSUPPORTED_VERSION", 0, "APPD/whole",
        "the major version is 2",
    )  # fmt: skip
    built = bundle(PLAIN, replace(MORE, edit=lambda m: m.required_features.append("later")))
    for name, tail in {"feature": b"", "feature-and-tail": b"torn"}.items():
        yield refuses_append(
            f"APPD/{name}", "What a reader refuses a writer does not extend.", "PCB-APPD-004",
            built.data + tail, "UNSUPPORTED_FEATURE", built.segments[1].manifest_offset,
            "APPD/whole", "the second segment requires a feature",
        )  # fmt: skip
    for manifest_offset, size in ((0, 0), (23, 44), (2**64 - 1, 2**64 - 1)):
        torn = FIRST + HEADER + block_record(bytes(700) + footer(manifest_offset, size))
        yield refuses_append(
            f"APPD/footer-shaped-{manifest_offset:x}h-{size:x}h",
            "A tail that ends as a footer does is not cut off.", "PCB-APPD-006", torn,
            "MALFORMED_FRAME", len(FIRST), "APPD/tail-cut-in-a-block",
            "the tail ends with a footer",
        )  # fmt: skip
    yield refuses_append(
        "APPD/24-zeros", "More zero bytes than a header has are no bundle.",
        "PCB-APPD-004 PCB-APPD-005", bytes(24), "NOT_A_BUNDLE", 0, "APPD/23-zeros",
        "one zero byte more",
    )  # fmt: skip
    for name, data in {"elsewhere": torn_footer(12, shift=1),
                       "and-not-zero": torn_footer(12)[:-1] + b"\x01"}.items():  # fmt: skip
        yield refuses_append(
            f"APPD/footer-torn-{name}", "Half of a footer that no torn write leaves is damage.",
            "PCB-APPD-006", data, "MALFORMED_FRAME", len(FIRST),
            "APPD/footer-torn-behind-12-bytes", name.replace("-", " "),
        )  # fmt: skip
    inside = bundle(MORE).data
    torn = FIRST + HEADER + block_record(b"before" + inside + b"behind")
    yield refuses_append(
        "APPD/segment-in-the-tail", "A whole segment in a torn tail is not cut off.",
        "PCB-APPD-006", torn, "MALFORMED_FRAME", len(FIRST), "APPD/tail-cut-in-a-block",
        "the tail holds a whole segment",
    )  # fmt: skip
    first = two().segments[0]
    yield from _of_later_versions()
    flipped = flip(two().data, first.footer_offset) + b"torn"
    garbage = HEADER + b"garbage"
    for name, tail, at in (("", b"", len(garbage) - FOOTER_SIZE), ("-and-tail", b"torn", 0)):
        yield refuses_append(
            f"APPD/segment-behind-garbage{name}", "A committed segment behind a header and garbage"
            " is not lost.", "PCB-APPD-006 PCB-APPD-004", garbage + FIRST + tail,
            "MALFORMED_FRAME", at, "APPD/garbage-behind-a-header", "a segment stands behind it",
        )  # fmt: skip
    wrong = bundle(PLAIN, replace(MORE, edit=lambda m: m.blocks.pop()))
    torn = wrong.data + HEADER + block_record(bytes(700) + footer(0, 0))
    yield refuses_append(
        "APPD/reference-before-tail", "What a reader refuses is refused as a reader does, whatever"
        " follows.", "PCB-APPD-004", torn, "BAD_REFERENCE", wrong.segments[1].manifest_offset,
        "APPD/tail-cut-in-a-block", "the second segment refers to no block, and a footer follows",
    )  # fmt: skip
    yield refuses_append(
        "APPD/committed-segment-behind-damage", "A committed segment behind damage is not lost.",
        "PCB-APPD-006 PCB-APPD-001", flipped, "MALFORMED_FRAME", 0, "APPD/tail-a-byte",
        "the first segment's footer is damaged, too",
    )  # fmt: skip


def _of_later_versions() -> Cases:
    """What a later version wrote is neither cut off nor appended to."""
    later = bundle(PLAIN, replace(MORE, header=HEADER[:-1] + b"\x02")).data
    header = FIRST + HEADER[:-1] + b"\x02"
    for name, data in {
        "segment-of-major-2": later,
        "segment-of-major-2-and-a-tail": later + b"torn",
        "segment-of-major-2-torn": later[:-1],
        "header-of-major-2": header,
        "garbage-behind-a-header-of-major-2": header + bytes(300),
        "segment-of-major-2-before-another": bundle(
            PLAIN, replace(MORE, header=HEADER[:-1] + b"\x02"), MORE
        ).data
        + b"torn",
    }.items():
        yield refuses_append(
            f"APPD/{name}", "A later version's segment is not cut off.",
            "PCB-APPD-014 PCB-RECV-006 PCB-APPD-004", data, "UNSUPPORTED_VERSION", len(FIRST),
            "APPD/tail-part-of-a-header", "a header of another major stands at E",
        )  # fmt: skip
    whole = later[len(FIRST) :]
    for name, data, at in (
        ("behind-damage", FIRST + b"damage" + whole + b"torn", len(FIRST)),
        ("behind-a-torn-segment", FIRST + HEADER + whole + b"torn", len(FIRST)),
        ("behind-a-header", HEADER + whole + b"torn", 0),
    ):
        yield refuses_append(
            f"APPD/segment-of-major-2-{name}", "A committed segment of any major is not cut off.",
            "PCB-APPD-014 PCB-APPD-006", data, "MALFORMED_FRAME", at,
            "APPD/tail-a-byte", "a whole segment of major 2 stands in the tail",
        )  # fmt: skip
    torn = later[len(FIRST) : -1]
    yield appends(
        "APPD/torn-segment-of-major-2-behind-damage", "What is not committed is cut off.",
        "PCB-APPD-006 PCB-APPD-014", FIRST + b"damage" + torn, NEW, [PLAIN], len(FIRST),
    )  # fmt: skip
    built = bundle(PLAIN, replace(MORE, payload_type=LATER))
    for name, tail in {"payload-type": b"", "payload-type-and-tail": b"torn"}.items():
        yield refuses_append(
            f"APPD/later-{name}", "A segment with another encoding of its manifest is not appended"
            " to.", "PCB-ENV-002 PCB-APPD-004", built.data + tail, "UNSUPPORTED_FEATURE",
            built.segments[1].manifest_offset, "APPD/whole",
            "the second payload_type is that of a later version",
        )  # fmt: skip
    wrong = bundle(PLAIN, replace(MORE, payload_type=LATER, payload_digest=bytes(32)))
    yield refuses_append(
        "APPD/later-payload-type-and-damage", "Damage is told before another payload_type.",
        "PCB-ENV-002 PCB-ENV-004 PCB-APPD-004", wrong.data, "MALFORMED_FRAME",
        wrong.segments[1].manifest_offset, "APPD/whole",
        "the second payload has another type, and another digest",
    )  # fmt: skip


def _concatenated() -> Cases:
    newer = bundle(replace(PLAIN, artifacts=(Artifact("one", b"newer"),))).data
    parts = {"a.precompile": two().data, "b.precompile": bundle(NEW, MORE).data,
             "c.precompile": newer}  # fmt: skip
    message = case(
        "APPD/concatenation", "The concatenation of bundles is a bundle of all their segments.",
        "PCB-APPD-010 PCB-CHAIN-001 PCB-APPD-001", classes=[WRITER],
    )  # fmt: skip
    message.request.concatenate.paths.extend(parts)
    data = b"".join(map(bytes_of, parts.values()))
    message.expected.written.holds.CopyFrom(without_places(reader.read(data)))
    message.expected.written.is_concatenation = True
    yield Built(message, dict(parts))
    torn = {"a.precompile": two().data, "b.precompile": bundle(NEW).data[:-1]}
    message = case(
        "APPD/concatenation-of-a-torn-one", "A bundle that is not complete is not concatenated.",
        "PCB-APPD-010", classes=[WRITER], base="APPD/concatenation",
        defect="the second input is cut by a byte",
    )  # fmt: skip
    message.request.concatenate.paths.extend(torn)
    length = sum(map(len, torn.values()))
    message.expected.rejection.CopyFrom(rejection("TRUNCATED", length))
    yield Built(message, torn)
