"""WIRE: payloads that are manifests, and payloads that are none."""

from collections.abc import Callable
from dataclasses import replace

from builders.bases import MORE, PLAIN, Edit, edits
from builders.case import Built, Cases, accepts, refuses
from precompile.v1 import bundle_pb2
from precompile_conformance.build import Artifact, Block, Segment, Value, bundle, manifest
from precompile_conformance.wire import record, varint

BASE = "FRAME/two-segments"


def payload_of(segment: Segment = MORE) -> bytes:
    """The payload of a segment that begins a chain."""
    blocks = [Block(artifact.content) for artifact in segment.artifacts]
    return manifest(replace(segment, chained=False), blocks).SerializeToString(deterministic=True)


def refused(name: str, shows: str, rules: str, second: Segment, defect: str,
            code: str = "MALFORMED_MANIFEST", **options: str) -> Built:  # fmt: skip
    """A bundle of PLAIN and a second segment that is refused at its manifest."""
    built = bundle(PLAIN, second)
    at = built.segments[1].manifest_offset
    base = options.pop("base", BASE)
    return refuses(name, shows, rules, built, code, at, base=base, defect=defect)


UTF8_FAULTS = {
    "ff": b"\xff",
    "continuation": b"\x80",
    "cut": b"\xe2\x82",
    "surrogate": b"\xed\xa0\x80",
    "overlong": b"\xc0\xaf",
    "past-10ffff": b"\xf4\x90\x80\x80",
}
UTF8_FIELDS: dict[str, Callable[[bytes], bytes]] = {
    "feature": lambda text: record(0x0A, text),
    "producer": lambda text: record(0x1A, record(0x0A, text)),
    "requirement": lambda text: record(0x22, record(0x0A, text)),
    "value": lambda text: record(0x22, b"\x0a\x01a\x10\x01" + record(0x1A, text)),
    "type": lambda text: record(0x32, record(0x0A, text)),
    "key": lambda text: record(0x32, record(0x12, text)),
    "backend": lambda text: record(0x32, record(0x3A, record(0x12, text))),
    "attribute": lambda text: record(0x32, record(0x42, record(0x0A, text))),
    "text": lambda text: record(0x32, record(0x42, record(0x1A, text))),
    "removed": lambda text: record(0x3A, record(0x12, text)),
}
TAILS = {
    "tag-cut": b"\xff",
    "length-missing": b"\x0a",
    "length-past-the-end": b"\x0a\x05abc",
    "length-2-to-31": b"\x0a" + varint(2**31),
    "length-2-to-63": b"\x0a" + varint(2**63),
    "length-past-a-message": record(0x2A, b"\x0a\x7f"),
    "varint-of-eleven-bytes": b"\x08" + b"\xff" * 10 + b"\x01",
    "field-number-0": b"\x00\x01",
    "group-end-alone": b"\x0c",
    "group-open": b"\x83\x01\x08\x01",
    "group-ends-otherwise": b"\x83\x01\x8c\x01",
    "wire-type-6": b"\x0e\x00",
    "wire-type-7": b"\x0f\x00",
}
UNKNOWN_FIELDS = {
    "varint": b"\x80\x01\x01",
    "fixed64": b"\x81\x01" + bytes(8),
    "bytes": b"\x82\x01\x03abc",
    "not-utf8": b"\x82\x01\x01\xff",
    "group": b"\x83\x01\x08\x01\x84\x01",
    "fixed32": b"\x85\x01" + bytes(4),
    "highest-number": b"\xfa\xff\xff\xff\x0f\x00",
}
KINDLESS: dict[str, tuple[str, Edit]] = {
    "no-kind": ("PCB-WIRE-005", lambda m: m.artifacts[0].ClearField("kind")),
    "no-compression": ("PCB-WIRE-005", lambda m: m.blocks[0].ClearField("compression")),
    "no-match": ("PCB-WIRE-005", lambda m: m.requirements.add(name="a", values=["b"])),
    "previous-of-31": (
        "PCB-WIRE-006",
        lambda m: setattr(m, "previous_manifest_digest", bytes(31)),
    ),
    "previous-of-33": (
        "PCB-WIRE-006",
        lambda m: setattr(m, "previous_manifest_digest", bytes(33)),
    ),
    "block-digest-empty": ("PCB-WIRE-006", lambda m: m.blocks[0].ClearField("digest")),
    "block-digest-of-31": ("PCB-WIRE-006", lambda m: setattr(m.blocks[0], "digest", bytes(31))),
    "content-digest-empty": (
        "PCB-WIRE-006",
        lambda m: m.artifacts[0].ClearField("content_digest"),
    ),
    "content-digest-of-20": (
        "PCB-WIRE-006",
        lambda m: setattr(m.artifacts[0], "content_digest", bytes(20)),
    ),
    "backend-digest-of-31": (
        "PCB-WIRE-006",
        edits(
            lambda m: setattr(m.artifacts[0], "kind", 3),
            lambda m: m.artifacts[0].backends.add(type="t", key="k", content_digest=bytes(31)),
        ),
    ),
}


def cases() -> Cases:
    """All cases of the area."""
    for name, tail in TAILS.items():
        yield refused(
            f"WIRE/{name}", "A payload that does not parse is no manifest.", "PCB-WIRE-001",
            replace(MORE, payload=payload_of() + tail, chained=False), name.replace("-", " "),
        )  # fmt: skip
    fields = [(field, "ff") for field in UTF8_FIELDS] + [("key", fault) for fault in UTF8_FAULTS]
    for field, fault in dict.fromkeys(fields):
        wrong = payload_of() + UTF8_FIELDS[field](UTF8_FAULTS[fault])
        yield refused(
            f"WIRE/utf8-{field}-{fault}", "Text of a field that is known is UTF-8.",
            "PCB-WIRE-002", replace(MORE, payload=wrong, chained=False),
            f"{field} holds {UTF8_FAULTS[fault].hex()}",
        )  # fmt: skip
    for name, (rule, edit) in KINDLESS.items():
        yield refused(
            f"WIRE/{name}", "A manifest that can never be right, whatever else it holds.", rule,
            replace(MORE, edit=edit), name.replace("-", " "),
        )  # fmt: skip
    yield from _accepted()
    yield from _by_the_wire_rules()
    yield from _elements()


def _accepted() -> Cases:
    for name, unknown in UNKNOWN_FIELDS.items():
        yield accepts(
            f"WIRE/unknown-{name}", "Unknown fields of a manifest are ignored.",
            "PCB-WIRE-001 PCB-WIRE-003", replace(MORE, payload=payload_of() + unknown),
        )  # fmt: skip
    message = bundle_pb2.Manifest.FromString(payload_of())
    block, artifact = message.blocks[0].SerializeToString(), message.artifacts[0]
    every = b"".join(UNKNOWN_FIELDS.values())
    inside = record(0x2A, block + every) + record(0x32, artifact.SerializeToString() + every)
    yield accepts(
        "WIRE/unknown-inside", "Unknown fields of artifacts and block entries are ignored.",
        "PCB-WIRE-003", replace(MORE, payload=inside),
    )  # fmt: skip
    twice = record(0x12, b"a name that the last one replaces") + artifact.SerializeToString()
    yield accepts(
        "WIRE/last-value-counts", "Of a field that occurs twice the last value counts.",
        "PCB-WIRE-004", replace(MORE, payload=record(0x2A, block) + record(0x32, twice)),
    )  # fmt: skip
    producer = record(0x1A, record(0x0A, b"name")) + record(0x1A, record(0x12, b"version"))
    yield accepts(
        "WIRE/messages-merge", "A message that occurs twice is merged.", "PCB-WIRE-004",
        replace(MORE, payload=payload_of() + producer),
    )  # fmt: skip
    flag = record(0x0A, b"flag") + b"\x30" + varint(2**32)
    wide = artifact.SerializeToString() + record(0x42, flag)
    yield accepts(
        "WIRE/bool-of-more-than-32-bits", "A bool is whether any of the 64 bits is set.",
        "PCB-WIRE-004 PCB-ART-006",
        replace(MORE, payload=record(0x2A, block) + record(0x32, wide)),
    )  # fmt: skip
    attribute = record(0x0A, b"a") + record(0x1A, b"text") + b"\x20\x02"
    last = artifact.SerializeToString() + record(0x42, attribute)
    yield accepts(
        "WIRE/last-of-a-oneof", "Of the members of a oneof the last one counts.",
        "PCB-WIRE-004 PCB-ART-006",
        replace(MORE, payload=record(0x2A, block) + record(0x32, last)),
    )  # fmt: skip
    text = "\u007f\u0080\u07ff\u0800\uffff\U00010000\U0010ffff"
    note = Artifact("three", b"third content", attributes={"text": text})
    yield accepts(
        "WIRE/utf8-of-every-length", "Text of one to four bytes a character.", "PCB-WIRE-002",
        Segment(artifacts=(note,)),
    )  # fmt: skip
    kinds = (Artifact("c", b"1"), Artifact("b", b"2", kind=2), Artifact("e", b"3", kind=3))
    yield accepts(
        "WIRE/every-kind", "CACHE, BACKEND and ENTRY.", "PCB-WIRE-005", Segment(artifacts=kinds)
    )
    entry = Artifact(
        "e", b"3", kind=3, backends=(("t.b", "bound", bytes(32)), ("t.b", "unbound", b""))
    )
    yield accepts(
        "WIRE/backend-digests", "A backend's digest is 32 bytes or empty.", "PCB-WIRE-006",
        Segment(artifacts=(entry,)),
    )  # fmt: skip


def _by_the_wire_rules() -> Cases:
    """What who decodes by hand gets wrong first."""
    message = bundle_pb2.Manifest.FromString(payload_of())
    block, artifact = message.blocks[0].SerializeToString(), message.artifacts[0]
    padded = artifact.SerializeToString() + b"\x18\x81\x00"
    yield accepts(
        "WIRE/varint-padded", "Within a payload varints need not be minimal.", "PCB-WIRE-001",
        replace(MORE, payload=record(0x2A, block) + record(0x32, padded)),
    )  # fmt: skip
    high = artifact.SerializeToString() + b"\x18" + varint((1 << 32) + 1)
    yield accepts(
        "WIRE/enum-of-more-than-32-bits", "Of an enum the low 32 bits count.", "PCB-WIRE-001",
        replace(MORE, payload=record(0x2A, block) + record(0x32, high)),
    )  # fmt: skip
    other = artifact.SerializeToString() + record(0x1A, b"kind as bytes") + b"\x10\x05"
    yield accepts(
        "WIRE/known-number-other-wire-type", "Of another wire type, a field is an unknown one.",
        "PCB-WIRE-003", replace(MORE, payload=record(0x2A, block) + record(0x32, other)),
    )  # fmt: skip
    numbers: dict[str, Value] = {
        "a": -1,
        "b": 2**63 - 1,
        "c": -(2**63),
        "d": 0,
        "e": True,
        "f": b"",
        "g": "",
    }
    yield accepts(
        "WIRE/attribute-values", "Integers to the edge of 64 bits, and empty values.",
        "PCB-ART-006", Segment(artifacts=(Artifact("k", b"c", attributes=numbers),)),
    )  # fmt: skip
    doubles = {"inf": float("inf"), "minus.zero": -0.0, "nan": float("nan"), "tiny": 5e-324}
    yield accepts(
        "WIRE/doubles", "Doubles come out bit for bit.", "PCB-ART-006",
        Segment(artifacts=(Artifact("k", b"c", attributes=doubles),)),
    )  # fmt: skip
    entry, item = record(0x2A, block), artifact.SerializeToString()
    for name, value in {"true": b"\x30\x01", "false": b"\x30\x00"}.items():
        twice = item + record(0x42, record(0x0A, b"a") + b"\x20\x02" + value)
        yield accepts(
            f"WIRE/last-of-a-oneof-is-{name}", "Of the members of a oneof the last one counts.",
            "PCB-WIRE-004 PCB-ART-006", replace(MORE, payload=entry + record(0x32, twice)),
        )  # fmt: skip
    flag = record(0x0A, b"a") + b"\x30\x01" + _groups(29)
    for name, payload in {
        "a-manifest": payload_of() + _groups(31),
        "an-attribute": entry + record(0x32, item + record(0x42, flag)),
    }.items():
        yield accepts(
            f"WIRE/32-deep-with-groups-in-{name}",
            "Messages and groups 32 deep, the outermost message counted as 1.", "PCB-LIM-009",
            replace(MORE, payload=payload),
        )  # fmt: skip
    yield accepts(
        "WIRE/groups-30-deep", "Unknown groups are passed over, nested 30 deep.", "PCB-LIM-009",
        replace(MORE, payload=payload_of() + _groups(30)),
    )  # fmt: skip


def _groups(depth: int) -> bytes:
    """Groups of an unknown field, one in another, so many deep."""
    return b"\x83\x01" * depth + b"\x84\x01" * depth


def _elements() -> Cases:
    """More elements than a payload of this length can validly hold."""
    message = bundle_pb2.Manifest.FromString(payload_of())
    block, artifact = message.blocks[0].SerializeToString(), message.artifacts[0]
    full = record(0x2A, block) + record(0x32, artifact.SerializeToString() + b"\x42\x00" * 400)
    yield refused(
        "WIRE/400-empty-attributes", "Elements without bytes are refused before they are held.",
        "PCB-WIRE-008 PCB-LIM-004", replace(MORE, payload=full), "400 empty attributes",
    )  # fmt: skip
    feature = record(0x0A, b"later")
    yield refused(
        "WIRE/400-empty-attributes-and-a-feature", "They are refused before features are asked.",
        "PCB-WIRE-008 PCB-READ-008", replace(MORE, payload=feature + full),
        "400 empty attributes, and a required feature",
    )  # fmt: skip
    entry = Artifact("three", b"third content", kind=3, backends=[("t", str(i), b"")
                                                                  for i in range(9)])  # fmt: skip
    yield accepts(
        "WIRE/small-elements", "Elements of few bytes.", "PCB-WIRE-008",
        Segment(artifacts=(entry,), requirements=[("a", 1, [""]), ("b", 2, [])]),
    )  # fmt: skip
