"""FRAME: headers, footers, lengths and order, one defect a test."""

import struct
from dataclasses import replace

import pytest

from precompile_conformance.build import NONE, Artifact, Segment, bundle
from precompile_conformance.wire import (
    FOOTER_SIZE,
    HEADER,
    MANIFEST_TAG,
    footer,
    record,
    sha256,
    varint,
)
from precompile_context.bundle import Bundle, Limits, codec
from precompile_context.errors import ErrorCode
from precompile_context.trust import UNSIGNED
from tests.refusal import MORE, PLAIN, contents, open_fault, two_segments, verify_fault

MAGIC_AT = 4
MAJOR_AT = 22


def _with(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value) :]


def test_open_accepts_the_bundles_that_the_other_tests_damage() -> None:
    assert contents(two_segments().data) == {
        ("test.blob", "one"): b"first content",
        ("test.blob", "two"): b"second content",
        ("test.blob", "three"): b"third content",
    }


def test_open_accepts_a_segment_without_artifacts() -> None:
    assert contents(bundle(Segment()).data) == {}


def test_open_refuses_an_empty_input() -> None:
    assert open_fault(b"") == (ErrorCode.NOT_A_BUNDLE, 0)
    assert open_fault(b"", recover=True) == (ErrorCode.NOT_A_BUNDLE, 0)


@pytest.mark.parametrize(
    "data", [b"\0", b"PK\x03\x04" * 20, b"\x0a", HEADER[1:], b"\x0a\x15\x0a\x12"]
)
def test_open_refuses_what_does_not_begin_with_the_magic(data: bytes) -> None:
    if HEADER.startswith(data):  # as much of a header as there is: cut, not foreign
        assert open_fault(data) == (ErrorCode.TRUNCATED, len(data))
    else:
        assert open_fault(data) == (ErrorCode.NOT_A_BUNDLE, 0)


@pytest.mark.parametrize("at", range(MAGIC_AT, MAGIC_AT + 17))
def test_open_refuses_a_wrong_magic_at_each_of_its_bytes(at: int) -> None:
    data = two_segments().data
    assert open_fault(_with(data, at, bytes([data[at] ^ 0x20]))) == (ErrorCode.NOT_A_BUNDLE, 0)


@pytest.mark.parametrize("major", [0, 2, 3, 127])
def test_open_rejects_another_major(major: int) -> None:
    data = _with(two_segments().data, MAJOR_AT, bytes([major]))
    assert open_fault(data) == (ErrorCode.UNSUPPORTED_VERSION, 0)
    assert open_fault(data, recover=True) == (ErrorCode.UNSUPPORTED_VERSION, 0)


def test_open_rejects_a_major_of_several_bytes() -> None:
    header = b"\x0a\x16\x0a\x11precompile.bundle\x10" + varint(300)
    assert open_fault(bundle(replace(PLAIN, header=header)).data) == (
        ErrorCode.UNSUPPORTED_VERSION,
        0,
    )


def test_open_rejects_another_major_in_a_later_segment() -> None:
    built = bundle(PLAIN, replace(MORE, header=HEADER[:-1] + b"\x02"))
    assert open_fault(built.data) == (ErrorCode.UNSUPPORTED_VERSION, built.segments[1].offset)


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (b"\x0a\x16\x0a\x11precompile.bundle\x10\x81\x00", ErrorCode.MALFORMED_FRAME),
        (b"\x0a\x17\x0a\x11precompile.bundle\x10\x01\x18\x00", ErrorCode.MALFORMED_FRAME),
        (b"\x0a\x13\x0a\x11precompile.bundle", ErrorCode.MALFORMED_FRAME),
        (b"\x0a\x95\x00\x0a\x11precompile.bundle\x10\x01", ErrorCode.NOT_A_BUNDLE),
        (b"\x0a\x15\x10\x01\x0a\x11precompile.bundle", ErrorCode.NOT_A_BUNDLE),
    ],
    ids=["major 1 in two bytes", "a field more", "no major", "padded length", "major first"],
)
def test_open_rejects_a_header_that_is_not_the_constant(header: bytes, code: ErrorCode) -> None:
    assert open_fault(bundle(replace(PLAIN, header=header)).data) == (code, 0)
    later = bundle(PLAIN, replace(MORE, header=header))
    assert open_fault(later.data) == (ErrorCode.MALFORMED_FRAME, later.segments[1].offset)


def test_open_rejects_input_behind_the_last_footer() -> None:
    data = two_segments().data
    for tail in (b"\0", b"\x22\x12\x09", bytes(FOOTER_SIZE), bytes(1000)):
        assert open_fault(data + tail) == (ErrorCode.TRUNCATED, len(data) + len(tail))


def test_open_rejects_the_input_truncated_at_every_byte() -> None:
    built = two_segments()
    whole = built.segments[1].offset
    for length in range(1, len(built.data)):
        if length != whole:
            assert open_fault(built.data[:length]) == (ErrorCode.TRUNCATED, length)
    assert len(Bundle.open(built.data[:whole], policy=UNSIGNED).segments) == 1


@pytest.mark.parametrize("manifest_offset", [0, 22, 2**31, 2**63, 2**64 - 1])
def test_open_rejects_a_manifest_offset_outside_the_segment(manifest_offset: int) -> None:
    built = bundle(PLAIN, replace(MORE, manifest_offset=manifest_offset))
    assert open_fault(built.data) == (
        ErrorCode.MALFORMED_FRAME,
        built.segments[1].footer_offset,
    )


@pytest.mark.parametrize("segment_size", [0, 20, 43, 2**31, 2**63, 2**64 - 1])
def test_open_rejects_a_segment_size_outside_the_input(segment_size: int) -> None:
    built = bundle(PLAIN, replace(MORE, segment_size=segment_size))
    assert open_fault(built.data) == (
        ErrorCode.MALFORMED_FRAME,
        built.segments[1].footer_offset,
    )


def test_open_rejects_a_manifest_offset_at_the_footer() -> None:
    right = bundle(PLAIN).segments[0]
    built = bundle(replace(PLAIN, manifest_offset=right.footer_offset))
    assert open_fault(built.data) == (ErrorCode.MALFORMED_FRAME, right.footer_offset)


@pytest.mark.parametrize("by", [-1, 1])
def test_open_rejects_a_manifest_offset_that_is_off_by_one(by: int) -> None:
    right = bundle(PLAIN).segments[0].manifest_offset
    built = bundle(replace(PLAIN, manifest_offset=right + by))
    assert open_fault(built.data) == (ErrorCode.MALFORMED_FRAME, right + by)


@pytest.mark.parametrize("by", [-1, 1])
def test_open_rejects_a_segment_size_that_is_off_by_one(by: int) -> None:
    right = bundle(PLAIN, MORE).segments[1]
    built = bundle(PLAIN, replace(MORE, segment_size=len(right.data) + by))
    code, offset = open_fault(built.data)
    assert code is ErrorCode.MALFORMED_FRAME
    assert offset in (right.offset - by, right.manifest_offset - by)


def test_open_rejects_a_first_segment_that_does_not_begin_at_zero() -> None:
    # The second footer claims all but the first byte: a walk that stops there lands on 1.
    built = bundle(PLAIN, MORE)
    second = built.segments[1]
    claimed = len(built.data) - 1
    data = built.data[:-FOOTER_SIZE] + footer(second.manifest_offset - 1, claimed)
    # What is left before it, one byte, ends with no footer: the lower of the two faults.
    assert open_fault(data) == (ErrorCode.MALFORMED_FRAME, 0)


@pytest.mark.parametrize("length", [2**31, 2**63, 2**64 - 1])
def test_open_rejects_a_manifest_length_past_the_footer(length: int) -> None:
    envelope = bundle(PLAIN).segments[0].data
    built = bundle(replace(PLAIN, manifest_record=record(MANIFEST_TAG, envelope, length=length)))
    assert open_fault(built.data) == (
        ErrorCode.MALFORMED_FRAME,
        built.segments[0].manifest_offset,
    )


@pytest.mark.parametrize("by", [-1, 1])
def test_open_rejects_a_manifest_that_does_not_end_at_the_footer(by: int) -> None:
    segment = bundle(PLAIN).segments[0]
    envelope = segment.data[segment.envelope_offset : segment.footer_offset]
    wrong = record(MANIFEST_TAG, envelope, length=len(envelope) + by)
    built = bundle(replace(PLAIN, manifest_record=wrong))
    assert open_fault(built.data) == (ErrorCode.MALFORMED_FRAME, segment.manifest_offset)


@pytest.mark.parametrize("padding", [1, 2, 7])
def test_open_rejects_a_manifest_length_in_more_bytes_than_needed(padding: int) -> None:
    segment = bundle(PLAIN).segments[0]
    envelope = segment.data[segment.envelope_offset : segment.footer_offset]
    padded = record(MANIFEST_TAG, envelope, padding=padding)
    assert len(padded) == 1 + len(varint(len(envelope))) + padding + len(envelope)
    built = bundle(replace(PLAIN, manifest_record=padded))
    assert open_fault(built.data) == (ErrorCode.MALFORMED_FRAME, segment.manifest_offset)


@pytest.mark.parametrize("tag", [0x0A, 0x12, 0x22, 0x2A, 0x18, 0x19, 0x1B, 0x1C, 0x9A])
def test_open_rejects_another_tag_where_the_manifest_must_stand(tag: int) -> None:
    segment = bundle(PLAIN).segments[0]
    envelope = segment.data[segment.envelope_offset : segment.footer_offset]
    built = bundle(replace(PLAIN, manifest_record=record(tag, envelope)))
    assert open_fault(built.data) == (ErrorCode.MALFORMED_FRAME, segment.manifest_offset)


UNKNOWN_FIELD = record(0x2A, b"field 5")  # any protobuf parser would skip it


def test_open_rejects_an_unknown_field_before_the_first_header() -> None:
    assert open_fault(UNKNOWN_FIELD + two_segments().data) == (ErrorCode.NOT_A_BUNDLE, 0)


def test_open_rejects_an_unknown_field_between_blocks_and_manifest() -> None:
    built = bundle(replace(PLAIN, before_manifest=UNKNOWN_FIELD))
    assert open_fault(built.data) == (ErrorCode.BAD_REFERENCE, built.segments[0].manifest_offset)


def test_open_rejects_an_unknown_field_between_manifest_and_footer() -> None:
    segment = bundle(PLAIN).segments[0]
    envelope = segment.data[segment.envelope_offset : segment.footer_offset]
    built = bundle(replace(PLAIN, manifest_record=record(MANIFEST_TAG, envelope) + UNKNOWN_FIELD))
    assert open_fault(built.data) == (ErrorCode.MALFORMED_FRAME, segment.manifest_offset)


def test_open_rejects_an_unknown_field_between_segments() -> None:
    first, second = bundle(PLAIN), bundle(MORE)
    data = first.data + UNKNOWN_FIELD + second.data
    code, offset = open_fault(data)
    assert code is ErrorCode.MALFORMED_FRAME
    assert offset == len(first.data) + len(UNKNOWN_FIELD) - FOOTER_SIZE


def test_open_rejects_an_unknown_field_behind_the_last_footer() -> None:
    data = two_segments().data + UNKNOWN_FIELD
    assert open_fault(data) == (ErrorCode.TRUNCATED, len(data))


def test_open_rejects_a_bundle_hidden_between_blocks_and_manifest() -> None:
    hidden = bundle(Segment(artifacts=(Artifact("one", b"what the attacker wants"),))).data
    built = bundle(replace(PLAIN, before_manifest=hidden))
    assert open_fault(built.data) == (ErrorCode.BAD_REFERENCE, built.segments[0].manifest_offset)


def test_verify_rejects_a_hidden_bundle_that_a_block_entry_covers() -> None:
    hidden = bundle(Segment(artifacts=(Artifact("one", b"what the attacker wants"),))).data

    built = bundle(
        replace(
            PLAIN,
            before_manifest=hidden,
            edit=lambda m: m.blocks.add(
                digest=bytes(32), size=len(hidden), compression=NONE, content_size=1
            ),
        )
    )
    at = built.segments[0].manifest_offset - len(hidden)
    assert verify_fault(built.data) == (ErrorCode.MALFORMED_BLOCK, at)


def test_open_rejects_a_segment_without_its_header() -> None:
    long = Segment(artifacts=(Artifact("three", b"content longer than a header"),))
    built = bundle(PLAIN, replace(long, header=b""))
    assert open_fault(built.data) == (ErrorCode.MALFORMED_FRAME, built.segments[1].offset)


def test_open_rejects_a_segment_without_its_manifest() -> None:
    built = bundle(PLAIN, replace(MORE, manifest_record=b""))
    assert open_fault(built.data) == (ErrorCode.MALFORMED_FRAME, built.segments[1].footer_offset)


def test_open_rejects_a_last_segment_without_its_footer() -> None:
    data = bundle(PLAIN, replace(MORE, footer=b"")).data
    assert open_fault(data) == (ErrorCode.TRUNCATED, len(data))


def test_open_rejects_an_earlier_segment_without_its_footer() -> None:
    built = bundle(replace(PLAIN, footer=b""), MORE)
    assert open_fault(built.data) == (
        ErrorCode.MALFORMED_FRAME,
        built.segments[1].offset - FOOTER_SIZE,
    )


def test_open_rejects_a_footer_of_another_shape() -> None:
    segment = bundle(PLAIN).segments[0]
    start, size = segment.manifest_offset, len(segment.data)
    for wrong in (
        b"\x22\x12\x11" + struct.pack("<Q", size) + b"\x09" + struct.pack("<Q", start),
        b"\x22\x14\x09" + struct.pack("<Q", start) + b"\x11" + struct.pack("<Q", size) + b"\x18\0",
        b"\x22\x92\x00\x09" + struct.pack("<Q", start) + b"\x11" + struct.pack("<Q", size),
        b"\x1a" + footer(start, size)[1:],
    ):
        data = bundle(replace(PLAIN, footer=wrong)).data
        assert open_fault(data) == (ErrorCode.TRUNCATED, len(data))


def test_open_rejects_an_envelope_of_another_payload_type() -> None:
    for payload_type in ("", "application/vnd.in-toto+json", "text/\x00"):
        built = bundle(PLAIN, replace(MORE, payload_type=payload_type))
        for data in (built.data, built.data + b"torn"):
            code = ErrorCode.UNSUPPORTED_FEATURE if data is built.data else ErrorCode.TRUNCATED
            at = built.segments[1].manifest_offset if data is built.data else len(data)
            assert open_fault(data) == (code, at)
            # It is no torn tail either: a later version wrote it, and it is committed.
            assert open_fault(data, recover=True) == (
                ErrorCode.UNSUPPORTED_FEATURE,
                built.segments[1].manifest_offset,
            )


def test_open_rejects_an_envelope_of_another_payload_type_last() -> None:
    """What is told first would be damage whatever the type."""
    other = replace(MORE, payload_type="other")
    for wrong, code in (
        (replace(other, payload_digest=bytes(32)), ErrorCode.MALFORMED_FRAME),
        (replace(other, envelope_tail=b"\x12\x01\xff"), ErrorCode.MALFORMED_FRAME),
        (replace(other, envelope_tail=b"\x1a\x00" * 65), ErrorCode.LIMIT_EXCEEDED),
    ):
        built = bundle(PLAIN, wrong)
        assert open_fault(built.data) == (code, built.segments[1].manifest_offset)


def test_open_refuses_more_signatures_than_the_limit() -> None:
    built = bundle(PLAIN, replace(MORE, envelope_tail=b"\x1a\x00" * 64))
    assert len(Bundle.open(built.data, policy=UNSIGNED).segments) == 2
    assert open_fault(built.data, limits=Limits(signatures=63)) == (
        ErrorCode.LIMIT_EXCEEDED,
        built.segments[1].manifest_offset,
    )


@pytest.mark.parametrize(
    "tail",
    [
        b"\x1a\x00" * 65,
        b"\x1a\x01\xff" * 65,  # not one of them is a Signature
        b"\x1a\x03\x12\x01\xff" * 65,  # nor is their text UTF-8
        b"\x9a\x00\x00" * 65,
        b"\x12\x01\xff" + b"\x1a\x00" * 65,
        b"\x7b\x08\x01\x7c" + b"\x1a\x00" * 65,
        b"\x1a\x00" * 400_000,
    ],
    ids=["empty", "no messages", "no text", "long tags", "no type", "behind a group", "many"],
)
def test_open_counts_signatures_before_it_decodes_any(
    tail: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = bundle(replace(MORE, envelope_tail=tail))
    monkeypatch.setattr(codec, "parse", _refuse_to_parse)
    assert open_fault(built.data) == (
        ErrorCode.LIMIT_EXCEEDED,
        built.segments[0].manifest_offset,
    )


def _refuse_to_parse(*arguments: object) -> None:
    raise AssertionError("an envelope was decoded")


@pytest.mark.parametrize(
    "tail",
    [
        b"\x7b" + b"\x1a\x00" * 65 + b"\x7c",
        b"\x18\x00" * 65,
        b"\x1d\x00\x00\x00\x00" * 65,
        b"\x1b\x1c" * 65,
        record(0x7A, b"\x1a\x00" * 65),
    ],
    ids=["in a group", "varints", "fixed32", "groups", "in an unknown field"],
)
def test_what_is_no_signature_s_field_is_not_counted(tail: bytes) -> None:
    assert contents(bundle(replace(MORE, envelope_tail=tail)).data)


@pytest.mark.parametrize("tail", [b"\xff", b"\x0c", b"\x7b", b"\x0e\x00", b"\x00\x00"])
def test_open_tells_an_envelope_that_cannot_be_told_apart_before_its_signatures(
    tail: bytes,
) -> None:
    built = bundle(replace(MORE, envelope_tail=b"\x1a\x00" * 65 + tail))
    assert open_fault(built.data)[0] is ErrorCode.MALFORMED_FRAME


@pytest.mark.parametrize(
    "envelope", [b"\xff" * 40, b"\x0a\x7f", b"\x12\x02\xc3\x28", b"\x0b" * 300]
)
def test_open_rejects_an_envelope_that_does_not_parse(envelope: bytes) -> None:
    built = bundle(PLAIN, replace(MORE, envelope=envelope))
    assert open_fault(built.data) == (
        ErrorCode.MALFORMED_FRAME,
        built.segments[1].manifest_offset,
    )


def test_open_ignores_unknown_fields_of_an_envelope() -> None:
    plain = bundle(PLAIN)
    more = bundle(replace(PLAIN, envelope_tail=record(0x7A, b"field 15")))
    assert more.data != plain.data
    assert contents(more.data) == contents(plain.data)
    assert (
        Bundle.open(more.data, policy=UNSIGNED).digest
        == Bundle.open(plain.data, policy=UNSIGNED).digest
    )


def test_open_takes_the_last_payload_of_an_envelope() -> None:
    other = bundle(replace(PLAIN, edit=lambda m: m.artifacts.key.__setitem__(0, "renamed")))
    payload = other.segments[0].payload
    tail = record(0x0A, payload)
    twice = bundle(replace(PLAIN, envelope_tail=tail, payload_digest=sha256(payload)))
    assert contents(twice.data) == contents(other.data)


@pytest.mark.parametrize("digest", [b"", bytes(32), bytes(31), sha256(b"another payload")])
def test_open_rejects_an_envelope_without_its_payloads_digest(digest: bytes) -> None:
    built = bundle(PLAIN, replace(MORE, payload_digest=digest))
    assert open_fault(built.data) == (
        ErrorCode.MALFORMED_FRAME,
        built.segments[1].manifest_offset,
    )


def test_open_refuses_more_segments_than_the_limit() -> None:
    built = bundle(*[Segment()] * 5)
    assert len(Bundle.open(built.data, limits=Limits(segments=5), policy=UNSIGNED).segments) == 5
    code, offset = open_fault(built.data, limits=Limits(segments=4))
    assert code is ErrorCode.LIMIT_EXCEEDED
    assert offset in {segment.offset for segment in built.segments}


def test_open_refuses_a_manifest_over_the_limit() -> None:
    built = two_segments()
    first = built.segments[0]
    size = first.footer_offset - first.manifest_offset
    assert Bundle.open(built.data, limits=Limits(manifest_bytes=size), policy=UNSIGNED)
    assert open_fault(built.data, limits=Limits(manifest_bytes=size - 1)) == (
        ErrorCode.LIMIT_EXCEEDED,
        first.manifest_offset,
    )
