"""FRAME: headers, footers, lengths and order."""

import struct
from dataclasses import replace

from builders.bases import MORE, PLAIN, put, two
from builders.case import Built, Cases, accepts, refuses
from precompile_conformance.build import Artifact, Segment, bundle
from precompile_conformance.wire import (
    FOOTER_SIZE,
    HEADER,
    MANIFEST_TAG,
    footer,
    record,
    varint,
)

BASE = "FRAME/two-segments"
FIRST = bundle(PLAIN).segments[0]
ENVELOPE = FIRST.data[FIRST.envelope_offset : FIRST.footer_offset]
UNKNOWN_FIELD = record(0x2A, b"field 5")  # any protobuf parser would skip it


def cases() -> Cases:
    """All cases of the area."""
    yield from _accepted()
    yield from _headers()
    yield from _later_headers()
    yield from _ends()
    yield from _footers()
    yield from _manifest_records()
    yield from _foreign_fields()


def _accepted() -> Cases:
    yield accepts(
        BASE, "Two segments in one chain; what most defects of other cases are put into.",
        "PCB-FRAME-003 PCB-FRAME-004 PCB-FRAME-005 PCB-FRAME-010 PCB-FRAME-011 PCB-FRAME-012"
        " PCB-READ-008 PCB-ENV-002 PCB-ENV-004 PCB-CHAIN-002", two(),
    )  # fmt: skip
    yield accepts(
        "FRAME/one-segment", "The smallest chain: one segment.",
        "PCB-FRAME-009 PCB-FRAME-011 PCB-READ-008", bundle(PLAIN),
    )  # fmt: skip
    yield accepts(
        "FRAME/segment-of-nothing", "A segment without blocks and artifacts is a bundle.",
        "PCB-FRAME-010 PCB-FRAME-011 PCB-READ-008", Segment(),
    )  # fmt: skip
    large = Segment(artifacts=tuple(Artifact(f"k{i:03}", bytes([i])) for i in range(200)))
    yield accepts(
        "FRAME/length-of-three-bytes", "A manifest record with a length of three bytes.",
        "PCB-FRAME-009 PCB-FRAME-011", large,
    )  # fmt: skip


def _refused(name: str, shows: str, rules: str, data: bytes, code: str, at: int, defect: str,
             base: str = BASE) -> Built:  # fmt: skip
    return refuses(f"FRAME/{name}", shows, rules, data, code, at, base=base, defect=defect)


def _headers() -> Cases:
    data = two().data
    yield _refused(
        "empty", "An empty input is no bundle.", "PCB-FRAME-003", b"", "NOT_A_BUNDLE", 0,
        "all bytes are gone",
    )  # fmt: skip
    for name, value in {"zeros": bytes(100), "zip": b"PK\x03\x04" * 25, "text": b"{}\n"}.items():
        yield _refused(
            f"no-bundle-{name}", f"An input of {name} is no bundle.", "PCB-FRAME-003", value,
            "NOT_A_BUNDLE", 0, "other bytes altogether",
        )  # fmt: skip
    for at in (0, 2, 3, 4, 20):
        yield _refused(
            f"magic-byte-{at:02}", f"Byte {at} of the header is another: no bundle.",
            "PCB-FRAME-003", put(data, at, bytes([data[at] ^ 0x20])), "NOT_A_BUNDLE", 0,
            f"byte {at} of the first header",
        )  # fmt: skip
    for major in (0, 2, 127):
        yield _refused(
            f"major-{major}", f"Major version {major} is refused by its own code.",
            "PCB-FRAME-004", put(data, 22, bytes([major])), "UNSUPPORTED_VERSION", 0,
            f"the major version is {major}",
        )  # fmt: skip
    headers = {
        "major-300": (b"\x0a\x16\x0a\x11precompile.bundle\x10" + varint(300),
                      "UNSUPPORTED_VERSION", "PCB-FRAME-004", "the major version is 300"),
        "major-1-padded": (b"\x0a\x16\x0a\x11precompile.bundle\x10\x81\x00", "MALFORMED_FRAME",
                           "PCB-FRAME-005", "the major version is written in two bytes"),
        "header-field-more": (b"\x0a\x17\x0a\x11precompile.bundle\x10\x01\x18\x00",
                              "MALFORMED_FRAME", "PCB-FRAME-005", "a field 3"),
        "no-major": (b"\x0a\x13\x0a\x11precompile.bundle", "MALFORMED_FRAME", "PCB-FRAME-005",
                     "the major version is left out"),
        "major-other-tag": (HEADER[:21] + b"\x18\x01", "MALFORMED_FRAME", "PCB-FRAME-005",
                            "the major version has field number 3"),
        "header-length-other": (b"\x0a\x14" + HEADER[2:], "MALFORMED_FRAME", "PCB-FRAME-005",
                                "the record's length is 20"),
        "header-length-padded": (b"\x0a\x95\x00" + HEADER[2:], "NOT_A_BUNDLE", "PCB-FRAME-003",
                                 "the record's length is written in two bytes"),
    }  # fmt: skip
    for name, (header, code, rule, defect) in headers.items():
        yield _refused(
            name, f"A first header that is not the constant: {defect}.", rule,
            bundle(replace(PLAIN, header=header), MORE).data, code, 0, defect,
        )  # fmt: skip


def _later_headers() -> Cases:
    wrong = {
        "later-major-2": (HEADER[:-1] + b"\x02", "UNSUPPORTED_VERSION", "PCB-FRAME-004"),
        "later-magic": (HEADER[:4] + b"Precompile.bundle\x10\x01", "MALFORMED_FRAME",
                        "PCB-FRAME-005 PCB-FRAME-012"),
        "later-major-padded": (b"\x0a\x16\x0a\x11precompile.bundle\x10\x81\x00",
                               "MALFORMED_FRAME", "PCB-FRAME-005"),
        "later-header-missing": (b"", "MALFORMED_FRAME", "PCB-FRAME-005 PCB-FRAME-012"),
    }  # fmt: skip
    long = Segment(artifacts=(Artifact("three", b"content longer than a header"),))
    for name, (header, code, rules) in wrong.items():
        built = bundle(PLAIN, replace(long, header=header))
        yield _refused(
            name, "The header of the second segment is not the constant.", rules, built.data,
            code, built.segments[1].offset, "the second segment's header",
        )  # fmt: skip


def _ends() -> Cases:
    data = two().data
    for length in (1, 4, 22):
        yield _refused(
            f"cut-in-header-{length:02}", "A part of the first header alone: cut, not foreign.",
            "PCB-FRAME-006", data[:length], "TRUNCATED", length, f"cut behind byte {length}",
        )  # fmt: skip
    first = two().segments[0]
    cuts = {
        "cut-behind-header": 23,
        "cut-in-first-block": first.block_offsets[0] + 5,
        "cut-in-first-manifest": first.manifest_offset + 50,
        "cut-before-first-footer": first.footer_offset,
        "cut-in-last-footer": len(data) - 7,
        "cut-by-a-byte": len(data) - 1,
    }
    for name, length in cuts.items():
        yield _refused(
            name, "An input that does not end with a footer is cut.", "PCB-FRAME-007",
            data[:length], "TRUNCATED", length, f"cut behind byte {length}",
        )  # fmt: skip
    for name, tail in {"a-byte": b"\0", "zeros": bytes(20), "footers-tag": b"\x22\x12\x09",
                       "unknown-field": UNKNOWN_FIELD}.items():  # fmt: skip
        yield _refused(
            f"behind-the-end-{name}", "Bytes behind the last footer: not the end of a bundle.",
            "PCB-FRAME-007", data + tail, "TRUNCATED", len(data) + len(tail),
            "bytes behind the last footer",
        )  # fmt: skip


def _footers() -> Cases:
    for manifest_offset in (0, 22, 2**31, 2**63, 2**64 - 1):
        built = bundle(PLAIN, replace(MORE, manifest_offset=manifest_offset))
        yield _refused(
            f"manifest-offset-{manifest_offset:x}h", "A manifest outside of its segment.",
            "PCB-FRAME-010", built.data, "MALFORMED_FRAME", built.segments[1].footer_offset,
            f"manifest_offset is {manifest_offset}",
        )  # fmt: skip
    for size in (0, 43, 2**31, 2**63, 2**64 - 1):
        built = bundle(PLAIN, replace(MORE, segment_size=size))
        yield _refused(
            f"segment-size-{size:x}h", "A segment that has no room, or is longer than the input.",
            "PCB-FRAME-010", built.data, "MALFORMED_FRAME", built.segments[1].footer_offset,
            f"segment_size is {size}",
        )  # fmt: skip
    at_footer = bundle(replace(PLAIN, manifest_offset=FIRST.footer_offset)).data
    yield _refused(
        "manifest-offset-at-footer", "manifest_offset is below segment_size - 20.",
        "PCB-FRAME-010", at_footer, "MALFORMED_FRAME", FIRST.footer_offset,
        "manifest_offset is segment_size - 20", base="FRAME/one-segment",
    )  # fmt: skip
    for by in (-1, 1):
        wrong = FIRST.manifest_offset + by
        name = "low" if by < 0 else "high"
        yield _refused(
            f"manifest-offset-one-{name}", "manifest_offset is where the record begins.",
            "PCB-FRAME-011", bundle(replace(PLAIN, manifest_offset=wrong)).data,
            "MALFORMED_FRAME", wrong, f"manifest_offset is {wrong}", base="FRAME/one-segment",
        )  # fmt: skip
    for by, name in ((-1, "low"), (1, "high")):
        right = two().segments[1]
        built = bundle(PLAIN, replace(MORE, segment_size=len(right.data) + by))
        at = right.manifest_offset - by
        yield _refused(
            f"segment-size-one-{name}", "segment_size leads to the segment's start.",
            "PCB-FRAME-011", built.data, "MALFORMED_FRAME", at, f"segment_size is off by {by}",
        )  # fmt: skip
    built = bundle(replace(PLAIN, footer=b""), MORE)
    yield _refused(
        "first-footer-missing", "A footer ends where the next segment begins.", "PCB-FRAME-012",
        built.data, "MALFORMED_FRAME", built.segments[1].offset - FOOTER_SIZE,
        "the first segment has no footer",
    )  # fmt: skip
    second = two().segments[1]
    data = two().data[:-FOOTER_SIZE] + footer(second.manifest_offset - 1, len(two().data) - 1)
    yield _refused(
        "walk-lands-on-one", "The walk from footer to footer arrives at 0, not near it.",
        "PCB-FRAME-012 PCB-FRAME-013", data, "MALFORMED_FRAME", 0,
        "the last footer claims all but the first byte",
    )  # fmt: skip
    start, size = FIRST.manifest_offset, len(FIRST.data)
    shapes = {
        "fields-swapped": b"\x22\x12\x11" + struct.pack("<Q", size) + b"\x09"
        + struct.pack("<Q", start),
        "a-field-more": footer(start, size)[:1] + b"\x14" + footer(start, size)[2:] + b"\x18\0",
        "length-padded": b"\x22\x92\x00" + footer(start, size)[2:],
        "tag-of-a-manifest": b"\x1a" + footer(start, size)[1:],
        "second-tag-other": footer(start, size)[:11] + b"\x19" + footer(start, size)[12:],
    }  # fmt: skip
    for name, wrong_footer in shapes.items():
        data = bundle(replace(PLAIN, footer=wrong_footer)).data
        yield _refused(
            f"footer-{name}", "What has not a footer's shape ends no bundle.", "PCB-FRAME-007",
            data, "TRUNCATED", len(data), "the footer has another shape",
            base="FRAME/one-segment",
        )  # fmt: skip


def _manifest_records() -> Cases:
    wrong = {
        "manifest-length-one-low": record(MANIFEST_TAG, ENVELOPE, length=len(ENVELOPE) - 1),
        "manifest-length-one-high": record(MANIFEST_TAG, ENVELOPE, length=len(ENVELOPE) + 1),
        "manifest-length-2-to-63": record(MANIFEST_TAG, ENVELOPE, length=2**63),
        "manifest-length-2-to-64-less-1": record(MANIFEST_TAG, ENVELOPE, length=2**64 - 1),
        "manifest-tag-of-a-block": record(0x12, ENVELOPE),
        "manifest-tag-unknown": record(0x2A, ENVELOPE),
        "manifest-tag-varint": record(0x18, ENVELOPE),
        "field-behind-manifest": record(MANIFEST_TAG, ENVELOPE) + UNKNOWN_FIELD,
        "two-manifests": record(MANIFEST_TAG, ENVELOPE) * 2,
        "no-manifest": b"\0" * 3,
    }
    for name, record_bytes in wrong.items():
        yield _refused(
            name, "Exactly one manifest record stands between manifest_offset and the footer.",
            "PCB-FRAME-011", bundle(replace(PLAIN, manifest_record=record_bytes)).data,
            "MALFORMED_FRAME", FIRST.manifest_offset, name.replace("-", " "),
            base="FRAME/one-segment",
        )  # fmt: skip
    for padding in (1, 7):
        padded = record(MANIFEST_TAG, ENVELOPE, padding=padding)
        yield _refused(
            f"manifest-length-padded-{padding}", "A length takes no byte more than it needs.",
            "PCB-FRAME-009", bundle(replace(PLAIN, manifest_record=padded)).data,
            "MALFORMED_FRAME", FIRST.manifest_offset, f"the length has {padding} bytes more",
            base="FRAME/one-segment",
        )  # fmt: skip
    tag = b"\x9a\x00" + varint(len(ENVELOPE)) + ENVELOPE
    yield _refused(
        "manifest-tag-padded", "A tag takes no byte more than it needs.", "PCB-FRAME-009",
        bundle(replace(PLAIN, manifest_record=tag)).data, "MALFORMED_FRAME",
        FIRST.manifest_offset, "the tag is written in two bytes", base="FRAME/one-segment",
    )  # fmt: skip


def _foreign_fields() -> Cases:
    yield _refused(
        "field-before-the-header", "A bundle begins with a header.", "PCB-FRAME-003",
        UNKNOWN_FIELD + two().data, "NOT_A_BUNDLE", 0, "a field 5 before the first header",
    )  # fmt: skip
    first, second = bundle(PLAIN), bundle(MORE)
    yield _refused(
        "field-between-segments", "Nothing stands between two segments.", "PCB-FRAME-012",
        first.data + UNKNOWN_FIELD + second.data, "MALFORMED_FRAME",
        len(first.data) + len(UNKNOWN_FIELD) - FOOTER_SIZE, "a field 5 between two segments",
    )  # fmt: skip
    built = bundle(replace(PLAIN, before_manifest=UNKNOWN_FIELD))
    yield _refused(
        "field-before-manifest", "Block entries lead from the header to the manifest.",
        "PCB-BLOCK-004", built.data, "BAD_REFERENCE", built.segments[0].manifest_offset,
        "a field 5 between blocks and manifest", base="FRAME/one-segment",
    )  # fmt: skip
