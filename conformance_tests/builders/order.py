"""READ: which of two faults at one place is told: the one that the steps meet first."""

from collections.abc import Mapping
from dataclasses import replace

from builders.bases import CONTENT, MORE, PLAIN, Edit, beside_good, edits
from builders.case import LIMITS, Cases, accepts, refuses, within
from precompile.conformance.v1 import reading_pb2
from precompile_conformance.build import Block, Segment, bundle
from precompile_conformance.wire import HEADER, record

SHOWS = "Of two faults at one offset, the one that the steps find first is told."
TWO = "FRAME/two-segments"
KINDLESS: Edit = lambda m: m.artifacts[0].ClearField("kind")
FEATURE: Edit = lambda m: m.required_features.append("later")
NAMELESS: Edit = lambda m: m.artifacts[0].ClearField("key")
TWICE: Edit = lambda m: m.artifacts.append(m.artifacts[0])
UNCHAINED: Edit = lambda m: setattr(m, "previous_manifest_digest", bytes(32))
HOLLOW: Edit = lambda m: setattr(m.blocks[0], "content_size", 0)
FEW_ITEMS, LITTLE = {"items": 8}, {"total_content": 30}
# Of one manifest: the two defects, the limits, the code that is told.
MANIFESTS: dict[str, tuple[Segment, Mapping[str, int], str]] = {
    "payload-type-before-signatures": (
        replace(MORE, payload_type="other", envelope_tail=record(0x1A, b"") * 9),
        {"signatures": 8},
        "MALFORMED_FRAME",
    ),
    "payload-digest-before-signatures": (
        replace(MORE, payload_digest=bytes(32), envelope_tail=record(0x1A, b"") * 9),
        {"signatures": 8},
        "MALFORMED_FRAME",
    ),
    "feature-before-items": (replace(MORE, edit=FEATURE), FEW_ITEMS, "UNSUPPORTED_FEATURE"),
    "items-before-kind": (replace(MORE, edit=KINDLESS), FEW_ITEMS, "LIMIT_EXCEEDED"),
    "kind-before-total-content": (replace(MORE, edit=KINDLESS), LITTLE, "MALFORMED_MANIFEST"),
    "total-content-before-names": (replace(MORE, edit=NAMELESS), LITTLE, "LIMIT_EXCEEDED"),
    "names-before-chain": (
        replace(MORE, edit=edits(NAMELESS, UNCHAINED)), {}, "INVALID_NAME",
    ),
    "duplicates-before-chain": (
        replace(MORE, edit=edits(TWICE, UNCHAINED)), {}, "DUPLICATE_ARTIFACT",
    ),
    "duplicates-before-blocks": (
        replace(MORE, edit=edits(TWICE, HOLLOW)), {}, "DUPLICATE_ARTIFACT",
    ),
    "chain-before-blocks": (replace(MORE, edit=edits(UNCHAINED, HOLLOW)), {}, "BROKEN_CHAIN"),
}  # fmt: skip
# The requirements that the two defects are of.
RULES = {
    "type": "PCB-ENV-002",
    "digest": "PCB-ENV-004",
    "feature": "PCB-EXT-001",
    "items": "PCB-LIM-003",
    "signatures": "PCB-LIM-003",
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
        {"block_content": 39},
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
