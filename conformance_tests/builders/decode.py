"""WIRE: payloads that are manifests, and payloads that are none."""

from collections.abc import Callable
from dataclasses import replace

from builders.bases import MORE, PLAIN, Edit, detail_of, edits, kind_of_first
from builders.case import Built, Cases, accepts, refuses
from precompile.v1 import bundle_pb2
from precompile_conformance.build import Artifact, Block, Segment, Value, bundle, manifest
from precompile_conformance.tables import (
    ARTIFACTS,
    BACKENDS,
    BLOCKS,
    KEY,
    REMOVED,
    REQUIREMENTS,
    TYPES,
    attribute,
    detail,
    manifest_of,
    table_of,
    type_of,
)
from precompile_conformance.wire import record, varint

BASE = "FRAME/two-segments"


def payload_of(segment: Segment = MORE) -> bytes:
    """The payload of a segment that begins a chain."""
    blocks = [Block(artifact.content) for artifact in segment.artifacts]
    return manifest(replace(segment, chained=False), blocks).SerializeToString(deterministic=True)


MESSAGE = bundle_pb2.Manifest.FromString(payload_of())


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
FINE = b"fine"


def _in_table(field: bytes) -> bytes:
    return payload_of() + record(ARTIFACTS, field)


def _with_type(*fields: bytes) -> bytes:
    return manifest_of(MESSAGE, table_of(MESSAGE, types=type_of(MESSAGE, *fields)))


# Payloads of MORE with this text in one place, and nothing else at fault.
UTF8_FIELDS: dict[str, Callable[[bytes], bytes]] = {
    "feature": lambda text: payload_of() + record(0x0A, text),
    "producer": lambda text: payload_of() + record(0x1A, record(0x0A, text)),
    "producer-version": lambda text: payload_of() + record(0x1A, record(0x12, text)),
    "requirement": lambda text: payload_of() + record(
        REQUIREMENTS, record(0x0A, text) + b"\x10\x01"
    ),
    "value": lambda text: payload_of() + record(
        REQUIREMENTS, b"\x0a\x01a\x10\x01" + record(0x1A, text)
    ),
    "type": lambda text: _in_table(record(TYPES, record(0x0A, text) + b"\x10\x01")),
    "key": lambda text: manifest_of(MESSAGE, table_of(MESSAGE, key=record(KEY, text))),
    "backend": lambda text: _in_table(detail(0, record(BACKENDS, record(0x12, text)))),
    "backend-type": lambda text: _in_table(detail(0, record(BACKENDS, record(0x0A, text)))),
    "attribute": lambda text: _in_table(detail(0, attribute(record(0x0A, text)))),
    "text": lambda text: _in_table(detail(0, attribute(b"\x0a\x01a", record(0x1A, text)))),
    "removed": lambda text: payload_of() + record(REMOVED, record(0x0A, FINE) + record(0x12, text)),
    "removed-type": lambda text: payload_of() + record(
        REMOVED, record(0x0A, text) + record(0x12, FINE)
    ),
}  # fmt: skip
# The same, where a later occurrence takes the text's place.
REPLACED: dict[str, Callable[[bytes], bytes]] = {
    "producer": lambda text: UTF8_FIELDS["producer"](text) + record(0x1A, record(0x0A, FINE)),
    "producer-version": lambda text: UTF8_FIELDS["producer-version"](text)
    + record(0x1A, record(0x12, FINE)),
    "producer-in-one-message": lambda text: payload_of() + record(
        0x1A, record(0x0A, text) + record(0x0A, FINE)
    ),
    "requirement": lambda text: payload_of() + record(
        REQUIREMENTS, record(0x0A, text) + record(0x0A, FINE) + b"\x10\x01"
    ),
    "type": lambda text: _with_type(record(0x0A, text), record(0x0A, FINE)),
    "backend": lambda text: _in_table(
        detail(0, record(BACKENDS, record(0x12, text) + record(0x12, FINE)))
    ),
    "attribute": lambda text: _in_table(
        detail(0, attribute(record(0x0A, text), record(0x0A, FINE)))
    ),
    "text": lambda text: _in_table(
        detail(0, attribute(b"\x0a\x01a", record(0x1A, text), record(0x1A, FINE)))
    ),
    "text-by-another-type": lambda text: _in_table(
        detail(0, attribute(b"\x0a\x01a", record(0x1A, text), b"\x20\x02"))
    ),
    "removed": lambda text: payload_of() + record(
        REMOVED, record(0x0A, FINE) + record(0x12, text) + record(0x12, FINE)
    ),
}  # fmt: skip
TAILS = {
    "tag-cut": b"\xff",
    "length-missing": b"\x0a",
    "length-past-the-end": b"\x0a\x05abc",
    "length-2-to-31": b"\x0a" + varint(2**31),
    "length-2-to-63": b"\x0a" + varint(2**63),
    "length-past-a-message": record(0x2A, b"\x0a\x7f"),
    "varint-of-eleven-bytes": b"\x08" + b"\xff" * 10 + b"\x01",
    "field-number-0": b"\x00\x01",
    "field-number-0-of-a-byte": b"\x02\x01a",
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
    "no-kind": ("PCB-WIRE-005", lambda m: m.artifacts.types[0].ClearField("kind")),
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
        "PCB-TABLE-001",
        lambda m: m.artifacts.ClearField("content_digest"),
    ),
    "content-digest-of-20": (
        "PCB-TABLE-001",
        lambda m: setattr(m.artifacts, "content_digest", bytes(20)),
    ),
    "backend-digest-of-31": (
        "PCB-WIRE-006",
        edits(
            kind_of_first(3),
            lambda m: detail_of(m).backends.add(type="t", key="k", content_digest=bytes(31)),
        ),
    ),
}
# Of an enum's value the low 32 bits count: these are 0.
HIGH_BITS = varint(1 << 32)
LOW_BITS_0: dict[str, bytes] = {
    "kind": _with_type(b"\x10" + HIGH_BITS),
    "match": payload_of() + record(REQUIREMENTS, b"\x0a\x01a\x10" + HIGH_BITS),
    "compression": record(BLOCKS, MESSAGE.blocks[0].SerializeToString() + b"\x18" + HIGH_BITS)
    + record(ARTIFACTS, table_of(MESSAGE)),
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
        yield refused(
            f"WIRE/utf8-{field}-{fault}", "Text of a field that is known is UTF-8.",
            "PCB-WIRE-002",
            replace(MORE, payload=UTF8_FIELDS[field](UTF8_FAULTS[fault]), chained=False),
            f"{field} holds {UTF8_FAULTS[fault].hex()}",
        )  # fmt: skip
    for field, payload_with in REPLACED.items():
        yield refused(
            f"WIRE/utf8-{field}-replaced", "Text is UTF-8, also where a later value counts.",
            "PCB-WIRE-002", replace(MORE, payload=payload_with(b"\xff"), chained=False),
            f"{field} holds ff, and then something else",
        )  # fmt: skip
    for name, payload in LOW_BITS_0.items():
        yield refused(
            f"WIRE/{name}-of-2-to-32", "Of an enum the low 32 bits count.", "PCB-WIRE-005",
            replace(MORE, payload=payload, chained=False), f"{name} is 2^32",
        )  # fmt: skip
    for name, (rule, edit) in KINDLESS.items():
        yield refused(
            f"WIRE/{name}", "A manifest that can never be right, whatever else it holds.", rule,
            replace(MORE, edit=edit), name.replace("-", " "),
        )  # fmt: skip
    yield from _accepted()
    yield from _attributes()
    yield from _by_the_wire_rules()


def _accepted() -> Cases:
    for name, unknown in UNKNOWN_FIELDS.items():
        yield accepts(
            f"WIRE/unknown-{name}", "Unknown fields of a manifest are ignored.",
            "PCB-WIRE-001 PCB-WIRE-003", replace(MORE, payload=payload_of() + unknown),
        )  # fmt: skip
    every = b"".join(UNKNOWN_FIELDS.values())
    fields = {
        "types": type_of(MESSAGE, every),
        "details": detail(0, every, attribute(b"\x0a\x01a", every), record(BACKENDS, every)),
    }
    table = table_of(MESSAGE, **fields) + every
    inside = record(BLOCKS, MESSAGE.blocks[0].SerializeToString() + every)
    yield accepts(
        "WIRE/unknown-inside", "Unknown fields of block entries, of the table, and of a type,"
        " a detail, a backend and an attribute are ignored.", "PCB-WIRE-003",
        replace(MORE, payload=inside + record(ARTIFACTS, table)),
    )  # fmt: skip
    replaced = record(0x0A, b"a name that the last one replaces")
    types = record(TYPES, replaced + MESSAGE.artifacts.types[0].SerializeToString())
    yield accepts(
        "WIRE/last-value-counts", "Of a field that occurs twice the last value counts.",
        "PCB-WIRE-004", replace(MORE, payload=manifest_of(MESSAGE, table_of(MESSAGE, types=types))),
    )  # fmt: skip
    producer = record(0x1A, record(0x0A, b"name")) + record(0x1A, record(0x12, b"version"))
    yield accepts(
        "WIRE/messages-merge", "A message that occurs twice is merged.", "PCB-WIRE-004",
        replace(MORE, payload=payload_of() + producer),
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


def _with_attribute(*fields: bytes) -> Segment:
    """MORE with an attribute of these fields."""
    return replace(MORE, payload=_in_table(detail(0, attribute(*fields))))


def _attributes() -> Cases:
    yield accepts(
        "WIRE/bool-of-more-than-32-bits", "A bool is whether any of the 64 bits is set.",
        "PCB-WIRE-004 PCB-ART-006",
        _with_attribute(record(0x0A, b"flag"), b"\x30", varint(2**32)),
    )  # fmt: skip
    yield accepts(
        "WIRE/last-of-a-oneof", "Of the members of a oneof the last one counts.",
        "PCB-WIRE-004 PCB-ART-006",
        _with_attribute(record(0x0A, b"a"), record(0x1A, b"text"), b"\x20\x02"),
    )  # fmt: skip
    number, double = b"\x20\x02", b"\x29" + bytes(8)
    for name, values in {
        "true": number + b"\x30\x01",
        "false": number + b"\x30\x00",
        "text": number + record(0x1A, b"text"),  # the lower number behind the higher one
        "empty-text": number + record(0x1A, b""),
        "number-behind-true": b"\x30\x01" + number,
        "number-behind-bytes": record(0x12, b"bytes") + number,
        "bytes": double + record(0x12, b"bytes"),
        "empty-bytes": double + record(0x12, b""),
        "double-behind-empty-bytes": record(0x12, b"") + double,
    }.items():
        yield accepts(
            f"WIRE/last-of-a-oneof-is-{name}", "Of the members of a oneof the last one counts,"
            " whatever their numbers.", "PCB-WIRE-004 PCB-ART-006",
            _with_attribute(record(0x0A, b"a"), values),
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


def _by_the_wire_rules() -> Cases:
    """What who decodes by hand gets wrong first."""
    yield accepts(
        "WIRE/varint-padded", "Within a payload varints need not be minimal.", "PCB-WIRE-001",
        replace(MORE, payload=_with_type(b"\x10\x81\x00")),
    )  # fmt: skip
    yield accepts(
        "WIRE/enum-of-more-than-32-bits", "Of an enum the low 32 bits count.", "PCB-WIRE-001",
        replace(MORE, payload=_with_type(b"\x10" + varint((1 << 32) + 1))),
    )  # fmt: skip
    other = table_of(MESSAGE, types=type_of(MESSAGE, record(0x12, b"kind as bytes"), b"\x08\x05"))
    other += b"\x08\x05\x18\x05\x20\x05" + b"\x15" + bytes(4)
    yield accepts(
        "WIRE/known-number-other-wire-type", "Of another wire type, a field is an unknown one.",
        "PCB-WIRE-003", replace(MORE, payload=manifest_of(MESSAGE, other)),
    )  # fmt: skip
    for name, payload in {
        "a-manifest": payload_of() + _groups(31),
        "an-attribute": _in_table(
            detail(0, attribute(record(0x0A, b"a"), b"\x30\x01", _groups(28)))
        ),
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
