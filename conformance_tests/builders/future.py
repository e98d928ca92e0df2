"""EXT: what later versions may write, and what today's readers do with it."""

from dataclasses import replace

from builders.bases import MORE, PLAIN, Edit, edits, two
from builders.case import Cases, accepts, refuses
from builders.decode import KINDLESS, MESSAGE, payload_of, refused
from precompile_conformance.build import Artifact, Block, Segment, bundle
from precompile_conformance.tables import (
    ARTIFACTS,
    BLOCKS,
    attribute,
    detail,
    manifest_of,
    table_of,
    type_of,
)
from precompile_conformance.wire import HEADER, record, varint


def cases() -> Cases:
    """All cases of the area."""
    yield from _accepted()
    for name, features in {"later": ["later"], "empty-name": [""], "long": ["x" * 1000],
                           "two": ["a", "b"]}.items():  # fmt: skip
        edit: Edit = lambda m, f=features: m.required_features.extend(f)  # type: ignore[misc]  # its default
        yield refused(
            f"EXT/feature-{name}", "What a reader must know and does not, it refuses.",
            "PCB-EXT-001", replace(MORE, edit=edit), f"required_features is {name}",
            "UNSUPPORTED_FEATURE",
        )  # fmt: skip
    all_wrong = edits(
        lambda m: m.required_features.append("later"), *(edit for _, edit in KINDLESS.values())
    )
    yield refused(
        "EXT/feature-before-all-else", "What else is wrong may be what the feature makes right.",
        "PCB-EXT-001", replace(MORE, edit=all_wrong), "a feature, and every fault of DECODE",
        "UNSUPPORTED_FEATURE",
    )  # fmt: skip
    major = bundle(replace(PLAIN, header=HEADER[:-1] + b"\x02"))
    yield refuses(
        "EXT/major-2", "A change of the framing takes a new major, which is refused by name.",
        "PCB-FRAME-004", major, "UNSUPPORTED_VERSION", 0, base="FRAME/one-segment",
        defect="the major version is 2",
    )  # fmt: skip
    behind = bundle(PLAIN, replace(MORE, header=HEADER[:-1] + b"\x02"))
    yield refuses(
        "EXT/major-2-behind-major-1", "Nothing is handed out of a bundle that is in part newer.",
        "PCB-FRAME-004 PCB-READ-003", behind, "UNSUPPORTED_VERSION", behind.segments[1].offset,
        base="FRAME/two-segments", defect="the second segment is of major 2",
    )  # fmt: skip


def _accepted() -> Cases:
    reserved = b"".join(varint(number << 3 | 2) + b"\x05later" for number in (16, 31))
    yield accepts(
        "EXT/fields-16-and-31", "Fields that are reserved for additions are ignored.",
        "PCB-WIRE-003", replace(MORE, payload=payload_of() + reserved),
    )  # fmt: skip
    columns = b"".join(varint(number << 3 | 2) + b"\x02\x07\x09" for number in (16, 31))
    for name, fields in {
        "table": {"details": reserved + columns},
        "type": {"types": type_of(MESSAGE, reserved)},
        "detail": {"details": detail(0, reserved)},
    }.items():
        yield accepts(
            f"EXT/fields-16-and-31-of-a-{name}", "Fields that are reserved for additions are"
            " ignored, columns among them.", "PCB-WIRE-003",
            replace(MORE, payload=manifest_of(MESSAGE, table_of(MESSAGE, **fields))),
        )  # fmt: skip
    entry = record(BLOCKS, MESSAGE.blocks[0].SerializeToString() + reserved)
    yield accepts(
        "EXT/fields-16-and-31-of-a-block-entry", "Fields that are reserved for additions are"
        " ignored.", "PCB-WIRE-003",
        replace(MORE, payload=entry + record(ARTIFACTS, table_of(MESSAGE))),
    )  # fmt: skip
    kinds = (Artifact("one", b"1"), Artifact("later", b"of a kind added later", kind=9),
             Artifact("far", b"2", kind=2**31 - 1), Artifact("minus", b"3", kind=-1))  # fmt: skip
    yield accepts(
        "EXT/unknown-kind", "An artifact of an unknown kind is carried.", "PCB-EXT-003",
        Segment(artifacts=kinds),
    )  # fmt: skip
    named = Artifact("later", b"1", kind=9, backends=[("t.b", "k", bytes(32))])
    yield accepts(
        "EXT/unknown-kind-with-backends", "Its backends are carried, too.", "PCB-EXT-003",
        Segment(artifacts=(named,)),
    )  # fmt: skip
    later = attribute(record(0x0A, b"later"), record(0x3A, b"value of field 7"))
    yield accepts(
        "EXT/unknown-attribute-value", "An attribute with a value of a type added later.",
        "PCB-WIRE-003 PCB-ART-006",
        replace(MORE, payload=manifest_of(MESSAGE, table_of(MESSAGE, details=detail(0, later)))),
    )  # fmt: skip
    yield accepts(
        "EXT/unknown-type-and-fact", "Types and facts that nobody registered.", "PCB-EXT-004",
        Segment(artifacts=(Artifact("k", b"c", type="vendor.never.heard_of"),),
                requirements=[("vendor.fact", 1, ["x"])]),
    )  # fmt: skip
    yield accepts(
        "EXT/unknown-match", "A manifest with a match added later.", "PCB-EXT-005",
        bundle(PLAIN, replace(MORE, requirements=[("fact", 9, ["value"])])),
    )  # fmt: skip
    unknown = Block(b"third content", 9)
    yield accepts(
        "EXT/unknown-compression", "A compression added later costs what lies in its blocks.",
        "PCB-EXT-005 PCB-CONT-004", bundle(PLAIN, replace(MORE, blocks=(unknown,))),
        fault="UNSUPPORTED_FEATURE", at=two().segments[1].block_offsets[0],
        base="FRAME/two-segments", defect="compression is 9",
    )  # fmt: skip
