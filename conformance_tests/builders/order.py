"""READ: which of two faults at one place is told: the one that the steps meet first."""

from collections.abc import Mapping
from dataclasses import replace

from builders.bases import CONTENT, GOOD, MORE, PLAIN, Edit, beside_good, edits, first_twice, set_in
from builders.case import LIMITS, Cases, accepts, refuses, within
from precompile.conformance.v1 import reading_pb2
from precompile_conformance.build import Block, Segment, bundle
from precompile_conformance.wire import HEADER, record

SHOWS = "Of two faults at one offset, the one that the steps find first is told."
TWO = "FRAME/two-segments"
KINDLESS: Edit = lambda m: m.artifacts.types[0].ClearField("kind")
SHORT: Edit = lambda m: m.artifacts.offset.pop()
FEATURE: Edit = lambda m: m.required_features.append("later")
NAMELESS = set_in("key", 0, "")
UNCHAINED: Edit = lambda m: setattr(m, "previous_manifest_digest", bytes(32))
HOLLOW: Edit = lambda m: setattr(m.blocks[0], "content_size", 0)
MISPLACED = set_in("block", 0, 9)
FEW_ITEMS, LITTLE = {"items": 7}, {"total_content": 30}
# Of one manifest: the two defects, the limits, the code that is told.
MANIFESTS: dict[str, tuple[Segment, Mapping[str, int], str]] = {
    "signatures-before-text": (
        replace(MORE, envelope_tail=record(0x1A, b"") * 8 + record(0x1A, record(0x12, b"\xff"))),
        {"signatures": 8},
        "LIMIT_EXCEEDED",
    ),
    "signatures-before-payload-digest": (
        replace(MORE, payload_digest=bytes(32), envelope_tail=record(0x1A, b"") * 9),
        {"signatures": 8},
        "LIMIT_EXCEEDED",
    ),
    "signatures-before-payload-type": (
        replace(MORE, payload_type="other", envelope_tail=record(0x1A, b"") * 9),
        {"signatures": 8},
        "LIMIT_EXCEEDED",
    ),
    "fields-before-signatures": (
        replace(MORE, envelope_tail=record(0x1A, b"") * 9 + b"\x0a\x7f"),
        {"signatures": 8},
        "MALFORMED_FRAME",
    ),
    "text-before-payload-digest": (
        replace(MORE, payload_digest=bytes(32), envelope_tail=record(0x1A, record(0x12, b"\xff"))),
        {},
        "MALFORMED_FRAME",
    ),
    "payload-digest-before-payload-type": (
        replace(MORE, payload_digest=bytes(32), payload_type="other"), {}, "MALFORMED_FRAME",
    ),
    "text-before-payload-type": (
        replace(MORE, payload_type="other", envelope_tail=record(0x1A, record(0x12, b"\xff"))),
        {},
        "MALFORMED_FRAME",
    ),
    "feature-before-items": (replace(MORE, edit=FEATURE), FEW_ITEMS, "UNSUPPORTED_FEATURE"),
    "items-before-kind": (replace(MORE, edit=KINDLESS), FEW_ITEMS, "LIMIT_EXCEEDED"),
    "items-before-columns": (replace(MORE, edit=SHORT), FEW_ITEMS, "LIMIT_EXCEEDED"),
    "columns-before-total-content": (replace(MORE, edit=SHORT), LITTLE, "MALFORMED_MANIFEST"),
    "feature-before-columns": (
        replace(MORE, edit=edits(SHORT, FEATURE)), {}, "UNSUPPORTED_FEATURE",
    ),
    "columns-before-names": (replace(MORE, edit=edits(SHORT, NAMELESS)), {}, "MALFORMED_MANIFEST"),
    "names-before-places": (replace(MORE, edit=edits(NAMELESS, MISPLACED)), {}, "INVALID_NAME"),
    "duplicates-before-places": (
        replace(MORE, edit=edits(first_twice, MISPLACED)), {}, "DUPLICATE_ARTIFACT",
    ),
    "chain-before-places": (
        replace(MORE, edit=edits(UNCHAINED, MISPLACED)), {}, "BROKEN_CHAIN",
    ),
    "kind-before-total-content": (replace(MORE, edit=KINDLESS), LITTLE, "MALFORMED_MANIFEST"),
    "total-content-before-names": (replace(MORE, edit=NAMELESS), LITTLE, "LIMIT_EXCEEDED"),
    "names-before-chain": (
        replace(MORE, edit=edits(NAMELESS, UNCHAINED)), {}, "INVALID_NAME",
    ),
    "duplicates-before-chain": (
        replace(MORE, edit=edits(first_twice, UNCHAINED)), {}, "DUPLICATE_ARTIFACT",
    ),
    "duplicates-before-blocks": (
        replace(MORE, edit=edits(first_twice, HOLLOW)), {}, "DUPLICATE_ARTIFACT",
    ),
    "chain-before-blocks": (replace(MORE, edit=edits(UNCHAINED, HOLLOW)), {}, "BROKEN_CHAIN"),
}  # fmt: skip
# The requirements that the two defects are of.
RULES = {
    "type": "PCB-ENV-002",
    "digest": "PCB-ENV-004",
    "text": "PCB-ENV-005",
    "fields": "PCB-ENV-005",
    "columns": "PCB-TABLE-001",
    "places": "PCB-PLACE-002",
    "feature": "PCB-EXT-001",
    "items": "PCB-LIM-003",
    "signatures": "PCB-ENV-008",
    "content": "PCB-LIM-003",
    "kind": "PCB-WIRE-005",
    "names": "PCB-NAME-002",
    "duplicates": "PCB-NAME-003",
    "chain": "PCB-CHAIN-002",
    "blocks": "PCB-BLOCK-005",
}
FORTY_ONE = {"content_size": 41}
# Of one block: the two defects, the limits, the code that is told.
BLOCKS: dict[str, tuple[Block, Mapping[str, int], str]] = {
    "limit-before-record": (
        Block(CONTENT, record=record(0x1A, record(0x0A, CONTENT))),
        {"total_decompressed": 2 * len(GOOD.content)},
        "LIMIT_EXCEEDED",
    ),
    "record-before-size": (
        Block(CONTENT, record=record(0x1A, record(0x0A, CONTENT)), entry=FORTY_ONE),
        {},
        "MALFORMED_BLOCK",
    ),
    "size-before-digest": (
        Block(CONTENT, entry={"digest": bytes(32), **FORTY_ONE}), {}, "SIZE_MISMATCH",
    ),
}  # fmt: skip


def _asked(limits: Mapping[str, int]) -> reading_pb2.ReadRequest | None:
    return within(**limits) if limits else None


def cases() -> Cases:
    """All cases of the area."""
    for name, (segment, limits, code) in MANIFESTS.items():
        built = bundle(PLAIN, segment)
        rules = {RULES[one.rpartition("-")[2]] for one in name.split("-before-")}
        yield refuses(
            f"READ/{name}", SHOWS, " ".join(["PCB-READ-002", "PCB-READ-008", *sorted(rules)]),
            built, code,
            built.segments[1].manifest_offset, base=TWO,
            defect=f"two defects of one manifest: {name.replace('-', ' ')}",
            asked=_asked(limits), needs=[LIMITS] if limits else [],
        )  # fmt: skip
    for name, (block, limits, code) in BLOCKS.items():
        made = beside_good(block, content=CONTENT)
        yield accepts(
            f"CONT/{name}", SHOWS, "PCB-CONT-005 PCB-CONT-007", made, asked=_asked(limits),
            fault=code, at=made.segments[0].block_offsets[1], base="CONT/base",
            defect=f"two defects of one block: {name.replace('-', ' ')}",
            needs=[LIMITS] if limits else [],
        )  # fmt: skip
    third = Segment()
    built = bundle(PLAIN, replace(MORE, header=HEADER[:-1] + b"\x02"), third)
    yield refuses(
        "READ/header-before-segments", SHOWS, "PCB-READ-002 PCB-READ-008", built,
        "UNSUPPORTED_VERSION", built.segments[1].offset, base="CHAIN/three",
        defect="the segment of another major is also one more than the limit",
        asked=within(segments=1), needs=[LIMITS],
    )  # fmt: skip
