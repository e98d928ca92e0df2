"""ENV: the envelope around a manifest."""

from dataclasses import replace

from builders.bases import MORE, PLAIN
from builders.case import Cases, accepts, refuses
from precompile_conformance.build import bundle
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
            f"ENV/type-{name}", "A payload of another type is no manifest.", "PCB-ENV-002",
            built, "MALFORMED_FRAME", built.segments[1].manifest_offset, base=BASE,
            defect=f"payload_type is {payload_type!r}",
        )  # fmt: skip
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
        rule = "PCB-ENV-002" if name == "empty" else "PCB-ENV-005"
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
    other = bundle(replace(PLAIN, edit=lambda m: setattr(m.artifacts[0], "key", "renamed")))
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
