"""EXT: what later versions may write, and what today's readers do with it."""

from dataclasses import replace

from builders.bases import MORE, PLAIN, Edit, edits, two
from builders.case import Cases, accepts, refuses
from builders.decode import KINDLESS, payload_of, refused
from precompile.v1 import bundle_pb2
from precompile_conformance.build import Artifact, Block, Segment, bundle
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
    message = bundle_pb2.Manifest.FromString(payload_of())
    block, artifact = message.blocks[0].SerializeToString(), message.artifacts[0]
    reserved = b"".join(record(number << 3 | 2, b"later") if number < 16 else
                        varint(number << 3 | 2) + b"\x05later" for number in (16, 31))  # fmt: skip
    yield accepts(
        "EXT/fields-16-and-31", "Fields that are reserved for additions are ignored.",
        "PCB-WIRE-003", replace(MORE, payload=payload_of() + reserved),
    )  # fmt: skip
    kinds = (Artifact("one", b"1"), Artifact("later", b"of a kind added later", kind=9),
             Artifact("far", b"2", kind=2**31 - 1))  # fmt: skip
    yield accepts(
        "EXT/unknown-kind", "An artifact of an unknown kind is carried.", "PCB-EXT-003",
        Segment(artifacts=kinds),
    )  # fmt: skip
    named = Artifact("later", b"1", kind=9, backends=[("t.b", "k", bytes(32))])
    yield accepts(
        "EXT/unknown-kind-with-backends", "Its backends are carried, too.", "PCB-EXT-003",
        Segment(artifacts=(named,)),
    )  # fmt: skip
    later = record(0x0A, b"later") + record(0x3A, b"value of field 7")
    wide = artifact.SerializeToString() + record(0x42, later)
    yield accepts(
        "EXT/unknown-attribute-value", "An attribute with a value of a type added later.",
        "PCB-WIRE-003 PCB-ART-006",
        replace(MORE, payload=record(0x2A, block) + record(0x32, wide)),
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
