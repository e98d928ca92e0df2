"""ENV: the envelope around a manifest."""

from dataclasses import replace

from builders.bases import MORE, PLAIN, set_in
from builders.case import LIMITS, RECOVERY, Cases, accepts, recovering, refuses, within
from precompile_conformance.build import PAYLOAD_TYPE, bundle
from precompile_conformance.wire import record, sha256

BASE = "FRAME/two-segments"
TYPES = {
    "none": "",
    "in-toto": "application/vnd.in-toto+json",
    "other-case": "Application/vnd.precompile.manifest.v1+protobuf",
    "longer": "application/vnd.precompile.manifest.v1+protobuf\0",
}


def cases() -> Cases:
    """All cases of the area."""
    yield from _accepted()
    for name, payload_type in TYPES.items():
        built = bundle(PLAIN, replace(MORE, payload_type=payload_type))
        yield refuses(
            f"ENV/type-{name}", "A payload of another type is a later version's.", "PCB-ENV-002",
            built, "UNSUPPORTED_FEATURE", built.segments[1].manifest_offset, base=BASE,
            defect=f"payload_type is {payload_type!r}",
        )  # fmt: skip
    yield from _types()
    yield from _signatures()
    payload = bundle(PLAIN, MORE).segments[1].payload
    digest = sha256(payload)
    for name, wrong in {"absent": b"", "zeros": bytes(32), "cut": digest[:31],
                        "longer": digest + b"\0", "of-other": sha256(b"?")}.items():  # fmt: skip
        built = bundle(PLAIN, replace(MORE, payload_digest=wrong))
        yield refuses(
            f"ENV/digest-{name}", "The envelope carries the digest of its payload.",
            "PCB-ENV-004", built, "MALFORMED_FRAME", built.segments[1].manifest_offset,
            base=BASE, defect="payload_digest is another",
        )  # fmt: skip
    for name, envelope in {"garbage": b"\xff" * 40, "cut": b"\x0a\x7f",
                           "type-not-utf8": b"\x12\x02\xc3\x28",
                           "open-group": b"\x0b" * 300, "empty": b""}.items():  # fmt: skip
        built = bundle(PLAIN, replace(MORE, envelope=envelope))
        rule = "PCB-ENV-004" if name == "empty" else "PCB-ENV-005"
        yield refuses(
            f"ENV/envelope-{name}", "The manifest record holds an Envelope message.", rule,
            built, "MALFORMED_FRAME", built.segments[1].manifest_offset, base=BASE,
            defect=f"the envelope is {name}",
        )  # fmt: skip
    built = bundle(PLAIN, replace(MORE, envelope_tail=record(0x0A, b"")))
    yield refuses(
        "ENV/last-payload-is-another", "The digest is that of the payload that counts, the last.",
        "PCB-ENV-004 PCB-ENV-006 PCB-WIRE-004", built, "MALFORMED_FRAME",
        built.segments[1].manifest_offset, base=BASE, defect="a second, empty payload",
    )  # fmt: skip


LATER = "application/vnd.precompile.manifest.v2+protobuf"


def _types() -> Cases:
    """A later encoding of manifests is never read, and never taken for damage."""
    built = bundle(PLAIN, replace(MORE, payload_type=LATER))
    at = built.segments[1].manifest_offset
    for name, tail in {"": b"", "-and-a-torn-tail": b"torn"}.items():
        yield refuses(
            f"ENV/type-later-recovering{name}", "Recovery does not read around a later version.",
            "PCB-ENV-002 PCB-RECV-001", built.data + tail, "UNSUPPORTED_FEATURE", at,
            base="RECV/whole", defect="payload_type is that of a later version",
            asked=recovering(), needs=[RECOVERY],
        )  # fmt: skip
    first = bundle(replace(PLAIN, payload_type=LATER), MORE)
    yield refuses(
        "ENV/type-later-in-the-first-segment", "One segment of a later version refuses the bundle.",
        "PCB-ENV-002 PCB-READ-003", first, "UNSUPPORTED_FEATURE", first.segments[0].manifest_offset,
        base=BASE, defect="the first payload_type is that of a later version",
    )  # fmt: skip
    unknown = replace(MORE, payload=b"\xff" * 9, payload_type=LATER)
    built = bundle(PLAIN, unknown)
    yield refuses(
        "ENV/type-later-and-no-manifest", "What another type's payload holds is not asked.",
        "PCB-ENV-002 PCB-READ-001", built, "UNSUPPORTED_FEATURE",
        built.segments[1].manifest_offset, base=BASE,
        defect="payload_type is that of a later version, and the payload no message",
    )  # fmt: skip


def _signatures() -> Cases:
    """How many signatures there are is asked before anything in them is looked at."""
    empty, wrong = record(0x1A, b""), record(0x1A, record(0x12, b"\xff"))
    yield refuses(
        "ENV/keyid-not-utf8", "A keyid is text, also where no signature is asked for.",
        "PCB-ENV-005", bundle(replace(PLAIN, envelope_tail=wrong)), "MALFORMED_FRAME",
        bundle(PLAIN).segments[0].manifest_offset, base="ENV/signature-with-unknown-field",
        defect="a keyid is ff",
    )  # fmt: skip
    replaced = record(0x1A, record(0x12, b"\xff") + record(0x12, b"fine"))
    yield refuses(
        "ENV/keyid-not-utf8-replaced", "A keyid is text, also where a later value counts.",
        "PCB-ENV-005", bundle(replace(PLAIN, envelope_tail=replaced)), "MALFORMED_FRAME",
        bundle(PLAIN).segments[0].manifest_offset, base="ENV/signature-with-unknown-field",
        defect="a keyid is ff, and then another",
    )  # fmt: skip
    types = record(0x12, b"\xff") + record(0x12, PAYLOAD_TYPE.encode())
    yield refuses(
        "ENV/type-not-utf8-replaced", "A payload_type is text, also where a later value counts.",
        "PCB-ENV-005", bundle(replace(PLAIN, envelope_tail=types)), "MALFORMED_FRAME",
        bundle(PLAIN).segments[0].manifest_offset, base="ENV/unknown-fields",
        defect="a payload_type is ff, and then the right one",
    )  # fmt: skip
    at = bundle(PLAIN).segments[0].manifest_offset
    for name, tail, code in (
        ("65-of-which-one-is-no-text", empty * 64 + wrong, "LIMIT_EXCEEDED"),
        ("65-of-which-one-is-no-message", empty * 64 + record(0x1A, b"\xff"), "LIMIT_EXCEEDED"),
        ("65-before-a-field-that-is-cut", empty * 65 + b"\x0a\x7f", "MALFORMED_FRAME"),
        ("65-in-an-open-group", b"\x83\x01" + empty * 65, "MALFORMED_FRAME"),
    ):
        yield refuses(
            f"ENV/signatures-{name}", "Signatures are counted before one is decoded.",
            "PCB-ENV-008 PCB-ENV-005 PCB-LIM-003", bundle(replace(PLAIN, envelope_tail=tail)), code,
            at, base="LIM/signatures-64", defect=name.replace("-", " "),
            should=code == "LIMIT_EXCEEDED",
        )  # fmt: skip
    for name, tail in {
        "in-a-group": b"\x83\x01" + empty * 65 + b"\x84\x01",
        "of-another-wire-type": b"\x18\x00" * 65,
        "within-a-field": record(0x7A, empty * 65),
    }.items():
        yield accepts(
            f"ENV/65-signatures-{name}", "What has another place or wire type is no signature.",
            "PCB-ENV-008 PCB-ENV-007", replace(PLAIN, envelope_tail=tail),
        )  # fmt: skip
    yield accepts(
        "ENV/signatures-exactly-and-more-in-a-group", "Signatures under the limit, and what is none"
        " beside them.", "PCB-ENV-008 PCB-LIM-005",
        replace(PLAIN, envelope_tail=empty * 4 + b"\x83\x01" + empty * 9 + b"\x84\x01"),
        asked=within(signatures=4), needs=[LIMITS],
    )  # fmt: skip


def _accepted() -> Cases:
    yield accepts(
        "ENV/unknown-fields", "Unknown fields of an envelope are ignored.", "PCB-ENV-007",
        replace(PLAIN, envelope_tail=record(0x7A, b"field 15") + b"\x80\x01\x01"),
    )  # fmt: skip
    signature = record(0x1A, record(0x0A, bytes(64)) + record(0x7A, b"later"))
    yield accepts(
        "ENV/signature-with-unknown-field", "Signatures are ignored where none is asked for.",
        "PCB-ENV-007", replace(PLAIN, envelope_tail=signature),
    )  # fmt: skip
    yield accepts(
        "ENV/32-deep-with-groups", "An envelope 32 deep, itself counted as 1.", "PCB-LIM-009",
        replace(PLAIN, envelope_tail=b"\x83\x01" * 31 + b"\x84\x01" * 31),
    )  # fmt: skip
    other = bundle(replace(PLAIN, edit=set_in("key", 0, "renamed")))
    payload = other.segments[0].payload
    yield accepts(
        "ENV/payload-twice", "Of two payloads the last one is verified and decoded.",
        "PCB-ENV-006 PCB-WIRE-004",
        replace(PLAIN, envelope_tail=record(0x0A, payload), payload_digest=sha256(payload)),
    )  # fmt: skip
    nothing = record(0x12, b"application/vnd.precompile.manifest.v1+protobuf")
    yield accepts(
        "ENV/payload-absent", "An absent payload is an empty manifest.", "PCB-ENV-004",
        replace(PLAIN, artifacts=(), envelope=nothing + record(0x22, sha256(b""))),
    )  # fmt: skip
    payload = bundle(PLAIN).segments[0].payload
    backwards = record(0x22, sha256(payload)) + nothing + record(0x0A, payload)
    yield accepts(
        "ENV/fields-in-any-order", "Envelopes follow the ordinary rules of protobuf.",
        "PCB-ENV-005", replace(PLAIN, envelope=backwards),
    )  # fmt: skip
