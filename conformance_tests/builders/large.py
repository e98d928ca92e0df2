"""LARGE: past 2 and 4 GiB, and 100,000 artifacts; made on the fly, run with `--large`."""

from typing import Unpack

from builders.case import INPUT, READER, RECOVERY, Built, Cases, Options, case, rejection
from precompile.conformance.v1 import reading_pb2
from precompile_conformance import reader
from precompile_conformance.build import Segment, build_segment
from precompile_conformance.large import COMPLETE, FIRST, LAST, MOST, TORN, entry_of_block
from precompile_conformance.wire import HEADER, block_prefix, block_record, sha256

RULES = "PCB-LIM-001 PCB-READ-010 PCB-FRAME-010 PCB-BLOCK-004"
# The artifacts that are asked for: before and behind all that is large.
ASKED = {
    "past-2-gib": [("first", FIRST), ("last", LAST)],
    "past-4-gib": [("first", FIRST), ("last", LAST)],
    "100000-artifacts": [("000000", b"\x00"), ("099999", bytes([99_999 % 256]))],
    "with-a-block-of-64-mib": [("first", FIRST), ("last", LAST)],
}


def cases() -> Cases:
    """All cases of the area."""
    for recipe, asked in ASKED.items():
        for key, content in asked:
            made = _extracts(f"{recipe}-{key}", recipe, key, RULES)
            extracted = made.message.expected.extracted
            extracted.found, extracted.content = True, content
            extracted.content_size, extracted.content_digest = len(content), sha256(content)
            yield made
    for over, size in {
        "with-a-block-over-64-mib": MOST + 1,
        "with-a-block-of-1-gib": 1 << 30,
    }.items():
        made = _extracts(
            over, over, "first", "PCB-BLOCK-003", base="LARGE/with-a-block-of-64-mib-first",
            defect=f"the block has {size} bytes of data",
        )  # fmt: skip
        block = len(block_prefix(size)) + size
        manifest = len(HEADER + block_record(FIRST)) + block + len(block_record(LAST))
        made.message.expected.rejection.CopyFrom(rejection("BAD_REFERENCE", manifest))
        yield made
    yield _recovers("torn-behind-a-block-of-64-mib", MOST, complete=True)
    yield _recovers("torn-behind-a-block-over-64-mib", MOST + 1, complete=False)
    yield _recovers("torn-behind-a-block-of-1-gib", 1 << 30, complete=False)


def _extracts(name: str, recipe: str, key: str, rules: str, **options: Unpack[Options]) -> Built:
    message = case(f"LARGE/{name}", f"One artifact of a bundle {recipe.replace('-', ' ')}.",
                   rules, classes=[READER], **options)  # fmt: skip
    message.recipe = recipe
    message.request.extract.path = INPUT
    message.request.extract.type, message.request.extract.key = "test.blob", key
    return Built(message)


def _recovers(recipe: str, size: int, *, complete: bool) -> Built:
    """A torn tail behind a segment that is a block of so many bytes, complete or not."""
    message = case(
        f"LARGE/{recipe}", "A segment with a block of more than 2^26 bytes is not complete.",
        "PCB-RECV-001 PCB-RECV-002", classes=[READER], needs=[RECOVERY],
    )  # fmt: skip
    message.recipe = recipe
    message.request.read.path, message.request.read.recover = INPUT, True
    dump = message.expected.bundle
    dump.CopyFrom(reader.read(COMPLETE.data))
    first = dump.segments[0].payload_digest
    record_size = len(block_prefix(size)) + size
    # Without the record itself, which is too large to be built.
    hollow = build_segment(
        Segment(edit=lambda m: m.blocks.append(entry_of_block(size))), dump.size, first
    )
    behind = reading_pb2.SegmentDump(
        offset=dump.size, size=len(hollow.data) + record_size, matches=True,
        payload_digest=sha256(hollow.payload),
    )  # fmt: skip
    if complete:
        dump.size += behind.size
        dump.bundle_digest = sha256(first + behind.payload_digest)
        dump.content_fault.CopyFrom(rejection("SIZE_MISMATCH", behind.offset + len(HEADER)))
        dump.segments.append(behind)
    dump.ignored = len(TORN) + (0 if complete else behind.size)
    return Built(message)
