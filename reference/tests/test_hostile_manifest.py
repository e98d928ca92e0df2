"""DECODE: payloads that are no manifest, features, growth, kinds added later, limits."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from google.protobuf.message import Message

from precompile.v1 import bundle_pb2
from precompile_conformance.build import Artifact, Block, Segment, bundle, manifest
from precompile_conformance.wire import record, varint
from precompile_context.bundle import Bundle, Limits, codec
from precompile_context.environment import Environment
from precompile_context.errors import ErrorCode, PrecompileError
from precompile_context.trust import UNSIGNED
from tests.refusal import MORE, PLAIN, Edit, contents, detail, edits, kind, open_fault


def _refused(second: Segment, code: ErrorCode) -> None:
    """As the second segment of a bundle; told at that segment's manifest."""
    built = bundle(PLAIN, second)
    assert open_fault(built.data) == (code, built.segments[1].manifest_offset)


def _payload(segment: Segment = MORE) -> bytes:
    blocks = [Block(artifact.content) for artifact in segment.artifacts]
    return manifest(replace(segment, chained=False), blocks).SerializeToString(deterministic=True)


PARSE = codec.parse

UTF8_FAULTS = {
    "a byte that begins nothing": b"\xff",
    "a continuation alone": b"\x80",
    "a cut sequence": b"\xe2\x82",
    "a lone surrogate": b"\xed\xa0\x80",
    "a pair of surrogates": b"\xed\xa0\xbd\xed\xb8\x80",
    "an overlong slash": b"\xc0\xaf",
    "an overlong zero": b"\xc0\x80",
    "past U+10FFFF": b"\xf4\x90\x80\x80",
}
# Each is right but for the text: an empty name that is told would be INVALID_NAME.
UTF8_FIELDS: dict[str, Callable[[bytes], bytes]] = {
    "required feature": lambda text: record(0x0A, text),
    "producer": lambda text: record(0x1A, record(0x0A, text)),
    "requirement name": lambda text: record(0x22, record(0x0A, text) + b"\x10\x01"),
    "requirement value": lambda text: record(0x22, b"\x0a\x01a\x10\x01" + record(0x1A, text)),
    "type": lambda text: _table(record(0x0A, record(0x0A, text) + b"\x10\x01")),
    "type that the last one replaces": lambda text: _table(
        record(0x0A, record(0x0A, text) + b"\x0a\x01t\x10\x01")
    ),
    "key": lambda text: _table(record(0x1A, text)),
    "backend that is ignored": lambda text: _table(_detail(record(0x12, record(0x12, text)))),
    "attribute name": lambda text: _table(_detail(record(0x1A, record(0x0A, text)))),
    "attribute value": lambda text: _table(
        _detail(record(0x1A, b"\x0a\x01a" + record(0x1A, text)))
    ),
    "removed": lambda text: record(0x3A, record(0x12, text)),
}


def _table(fields: bytes) -> bytes:
    return record(0x32, fields)


def _detail(fields: bytes) -> bytes:
    return record(0x42, fields)


def _without(field: str) -> bytes:
    """A payload whose table is complete once what is behind it brings the key."""
    edit: Edit | None = (lambda m: m.artifacts.ClearField("key")) if field == "key" else None
    return _payload(replace(MORE, edit=edit))


@pytest.mark.parametrize("field", UTF8_FIELDS)
@pytest.mark.parametrize("fault", UTF8_FAULTS)
def test_open_rejects_text_that_is_not_utf8(field: str, fault: str) -> None:
    wrong = _without(field) + UTF8_FIELDS[field](UTF8_FAULTS[fault])
    _refused(replace(MORE, payload=wrong, chained=False), ErrorCode.MALFORMED_MANIFEST)


@pytest.mark.parametrize("field", UTF8_FIELDS)
def test_open_tells_nothing_of_utf8_where_text_is_ascii(field: str) -> None:
    """Shows that the payloads refused above are so for their text."""
    built = bundle(PLAIN, replace(MORE, payload=_without(field) + UTF8_FIELDS[field](b"text")))
    assert _code(built.data) is not ErrorCode.MALFORMED_MANIFEST


def _code(data: bytes) -> ErrorCode | None:
    try:
        Bundle.open(data, policy=UNSIGNED)
    except PrecompileError as error:
        return error.code
    return None


@pytest.mark.parametrize(
    "tail",
    [
        b"\xff",
        b"\x0a",
        b"\x0a\x05abc",
        b"\x0a" + varint(2**31),
        b"\x0a" + varint(2**63),
        b"\x0a" + b"\xff" * 9 + b"\x7f",
        b"\x08" + b"\xff" * 10 + b"\x01",
        b"\x00\x01",
        b"\x0c",
        b"\x0e\x00",
        b"\x23" * 20_000,
        (b"\x23" * 150) + (b"\x24" * 150),
        record(0x2A, b"\x0a\x7f"),
        record(0x32, record(0x12, b"\x80")),
        record(0x32, record(0x2A, b"\x00" + b"\xff" * 10)),
        record(0x32, record(0x3A, b"\x01\xff")),
    ],
    ids=[
        "tag cut",
        "length missing",
        "length past the end",
        "length of 2^31",
        "length of 2^63",
        "length of ten bytes",
        "varint of eleven bytes",
        "field number 0",
        "group end alone",
        "wire type 6",
        "20,000 groups open",
        "150 groups nested",
        "length past a message",
        "packed number cut",
        "packed number of eleven bytes",
        "packed number cut behind another",
    ],
)
def test_open_rejects_a_payload_that_does_not_parse(tail: bytes) -> None:
    wrong = _payload() + tail
    _refused(replace(MORE, payload=wrong, chained=False), ErrorCode.MALFORMED_MANIFEST)


DECODE_FAULTS: dict[str, Edit] = {
    "no kind": lambda m: m.artifacts.types[0].ClearField("kind"),
    "no kind of a type without artifacts": lambda m: m.artifacts.types.add(name="unused"),
    "no compression": lambda m: m.blocks[0].ClearField("compression"),
    "no match": lambda m: m.requirements.add(name="a", values=["b"]),
    "previous digest of 31 bytes": lambda m: setattr(m, "previous_manifest_digest", bytes(31)),
    "previous digest of 33 bytes": lambda m: setattr(m, "previous_manifest_digest", bytes(33)),
    "block digest empty": lambda m: m.blocks[0].ClearField("digest"),
    "block digest of 31 bytes": lambda m: setattr(m.blocks[0], "digest", bytes(31)),
    "block digest of 64 bytes": lambda m: setattr(m.blocks[0], "digest", bytes(64)),
    "content digest empty": lambda m: m.artifacts.ClearField("content_digest"),
    "content digest of 20 bytes": lambda m: setattr(m.artifacts, "content_digest", bytes(20)),
    "backend digest of 31 bytes": edits(
        kind(3), lambda m: detail(m).backends.add(type="t", key="k", content_digest=bytes(31))
    ),
    "backend digest of 33 bytes": edits(
        kind(3), lambda m: detail(m).backends.add(type="t", key="k", content_digest=bytes(33))
    ),
}


@pytest.mark.parametrize("fault", DECODE_FAULTS)
def test_open_rejects_a_manifest_that_can_never_be_right(fault: str) -> None:
    _refused(replace(MORE, edit=DECODE_FAULTS[fault]), ErrorCode.MALFORMED_MANIFEST)


def _features(names: list[str]) -> Edit:
    return lambda m: m.required_features.extend(names)


def test_open_rejects_an_unknown_required_feature() -> None:
    for names in (["later"], [""], ["x" * 1000], ["a", "b"]):
        edit = _features(names)
        _refused(replace(MORE, edit=edit), ErrorCode.UNSUPPORTED_FEATURE)


def test_open_tells_an_unknown_feature_before_all_else_in_the_manifest() -> None:
    """What else is wrong may be what the feature makes right."""

    def edit(message: bundle_pb2.Manifest) -> None:
        message.required_features.append("later")
        for fault in DECODE_FAULTS.values():
            fault(message)

    _refused(replace(MORE, edit=edit), ErrorCode.UNSUPPORTED_FEATURE)


UNKNOWN_FIELDS = {
    "varint": b"\x80\x01\x01",
    "fixed64": b"\x81\x01" + bytes(8),
    "bytes": b"\x82\x01\x03abc",
    "not utf-8": b"\x82\x01\x01\xff",
    "group": b"\x83\x01\x08\x01\x84\x01",
    "fixed32": b"\x85\x01" + bytes(4),
    "highest number": b"\xfa\xff\xff\xff\x0f\x00",
}


@pytest.mark.parametrize("field", UNKNOWN_FIELDS)
def test_open_ignores_unknown_fields_of_a_manifest(field: str) -> None:
    unknown = UNKNOWN_FIELDS[field]
    grown = bundle(replace(MORE, payload=_payload() + unknown))
    assert contents(grown.data) == contents(bundle(MORE).data)


@pytest.mark.parametrize("number", [1, 1 << 32 | 1, 1 << 31, 2**64 - 1])
def test_open_takes_a_kind_by_its_low_32_bits(number: int) -> None:
    type_ = record(0x0A, b"\x0a\x05other\x10" + varint(number))
    built = bundle(replace(MORE, payload=_payload() + _table(type_)))
    assert contents(built.data) == contents(bundle(MORE).data)


@pytest.mark.parametrize("number", [0, 1 << 32, 1 << 63])
def test_open_rejects_a_kind_of_which_the_low_32_bits_are_0(number: int) -> None:
    type_ = record(0x0A, b"\x0a\x05other\x10" + varint(number))
    wrong = replace(MORE, payload=_payload() + _table(type_), chained=False)
    _refused(wrong, ErrorCode.MALFORMED_MANIFEST)


def test_open_ignores_unknown_fields_within_tables_types_details_and_blocks() -> None:
    message = bundle_pb2.Manifest.FromString(_payload())
    table = message.artifacts
    unknown = b"".join(UNKNOWN_FIELDS.values())
    type_ = table.types[0].SerializeToString() + unknown
    table.ClearField("types")
    payload = record(0x2A, message.blocks[0].SerializeToString() + unknown)
    payload += _table(table.SerializeToString() + record(0x0A, type_) + unknown)
    payload += _table(_detail(unknown))
    assert contents(bundle(replace(MORE, payload=payload)).data) == contents(bundle(MORE).data)


def test_open_takes_the_last_value_of_a_repeated_scalar() -> None:
    message = bundle_pb2.Manifest.FromString(_payload())
    table = message.artifacts
    type_ = record(0x0A, b"a name that the last one replaces") + table.types[0].SerializeToString()
    table.ClearField("types")
    twice = record(0x22, bytes(32)) + table.SerializeToString() + record(0x0A, type_)
    payload = record(0x2A, message.blocks[0].SerializeToString()) + _table(twice)
    assert contents(bundle(replace(MORE, payload=payload)).data) == contents(bundle(MORE).data)


def test_open_carries_an_artifact_of_an_unknown_kind() -> None:
    later = Artifact("later", b"of a kind added later", kind=9)
    data = bundle(Segment(artifacts=(Artifact("one", b"1"), later))).data
    opened = Bundle.open(data, policy=UNSIGNED)
    opened.verify()
    stored = opened.current()["test.blob", "later"]
    assert stored.kind == 9
    assert opened.read(stored) == b"of a kind added later"


def test_open_carries_an_attribute_of_an_unknown_type() -> None:
    attribute = record(0x0A, b"later") + record(0x3A, b"value of field 7")
    payload = _payload() + _table(_detail(record(0x1A, attribute)))
    opened = Bundle.open(bundle(replace(MORE, payload=payload)).data, policy=UNSIGNED)
    stored = opened.current()["test.blob", "three"]
    assert stored.attributes.get("later") is None
    assert opened.read(stored) == b"third content"


def test_open_ignores_backends_of_artifacts_that_are_no_entries() -> None:
    for number in (1, 2):
        odd = Artifact("k", b"c", kind=number, backends=[("No Name", "\n", b"short")])
        opened = Bundle.open(bundle(Segment(artifacts=(odd,))).data, policy=UNSIGNED)
        assert opened.current()["test.blob", "k"].backends == ()


def test_open_ignores_the_digest_of_a_removed_artifact() -> None:
    gone = replace(
        MORE, edit=lambda m: m.removed.add(type="test.blob", key="one", content_digest=b"x")
    )
    data = bundle(PLAIN, gone).data
    assert {key for _, key in contents(data)} == {"two", "three"}


def test_an_unknown_match_keeps_its_segment_opaque_and_no_other() -> None:
    later = replace(MORE, requirements=[("fact", 9, ["value"])])
    opened = Bundle.open(bundle(PLAIN, later).data, policy=UNSIGNED)
    host = Environment.of(fact="value")
    assert [segment.index for segment in opened.matching(host)] == [0]
    alone = Bundle.open(bundle(later).data, policy=UNSIGNED)
    with pytest.raises(PrecompileError) as caught:
        alone.matching(host)
    assert caught.value.code is ErrorCode.INCOMPATIBLE_ENVIRONMENT
    assert caught.value.offset == alone.segments[0].manifest_offset


@pytest.mark.parametrize(
    "edit",
    [
        lambda m: [m.removed.add(type="t", key=str(i)) for i in range(1000)],
        lambda m: [detail(m).attributes.add(name=f"a{i:04}") for i in range(1000)],
        lambda m: m.requirements.add(name="a", match=1, values=[f"{i:04}" for i in range(1000)]),
        lambda m: [m.requirements.add(name=f"a{i:04}", match=1) for i in range(1000)],
        lambda m: [detail(m).backends.add(type="t", key=str(i)) for i in range(1000)],
        lambda m: [m.artifacts.types.add(name=f"t{i}", kind=1) for i in range(1000)],
    ],
    ids=["removed", "attributes", "requirement values", "requirements", "backends", "types"],
)
def test_open_counts_everything_that_a_manifest_lists(edit: Edit) -> None:
    built = bundle(replace(PLAIN, edit=edit))
    assert Bundle.open(built.data, policy=UNSIGNED)
    assert open_fault(built.data, limits=Limits(items=500)) == (
        ErrorCode.LIMIT_EXCEEDED,
        built.segments[0].manifest_offset,
    )


ONE_OF_EACH = replace(
    MORE,
    requirements=[("fact", 1, ["a", "b"])],
    removed=[("t", "k")],
    edit=edits(
        lambda m: detail(m).backends.add(type="t", key="k"),
        lambda m: detail(m).attributes.add(name="a", int_value=1),
    ),
)
# A block, a requirement and its values, a removed id; a type, a key and a detail with two elements.
ITEMS = 1 + 3 + 1 + 5


def test_open_takes_as_many_items_as_the_limit_over_all_segments() -> None:
    built = bundle(ONE_OF_EACH, replace(ONE_OF_EACH, artifacts=(Artifact("other", b"x"),)))
    assert Bundle.open(built.data, limits=Limits(items=2 * ITEMS), policy=UNSIGNED)
    assert open_fault(built.data, limits=Limits(items=2 * ITEMS - 1)) == (
        ErrorCode.LIMIT_EXCEEDED,
        built.segments[1].manifest_offset,
    )


EMPTY_ELEMENTS = {
    "requirements": b"\x22\x00" * 1000,
    "requirement values": record(0x22, b"\x1a\x00" * 1000),
    "blocks": b"\x2a\x00" * 1000,
    "blocks of 31 bytes": record(0x2A, b"\x0a\x1b" + bytes(27)) * 1000,
    "keys": record(0x32, b"\x1a\x00" * 1000),
    "keys of 29 bytes": record(0x32, record(0x1A, b"k" * 29) * 1000),
    "keys in tables of their own": record(0x32, b"\x1a\x00") * 1000,
    "types": record(0x32, b"\x0a\x00" * 1000),
    "details": record(0x32, b"\x42\x00" * 1000),
    "backends": record(0x32, record(0x42, b"\x12\x00" * 1000)),
    "attributes": record(0x32, record(0x42, b"\x1a\x00" * 1000)),
    "backends and attributes": record(0x32, record(0x42, b"\x12\x00\x1a\x00" * 1000)),
    "removed": b"\x3a\x00" * 1000,
    "tags with padding": b"\xba\x00\x00" * 1000,
    "tags with padding in a table": record(0x32, b"\x9a\x80\x00\x00" * 1000),
    "lengths with padding": b"\x3a\x80\x00" * 1000,
    "behind a group": b"\x7b\x08\x01\x7c" + b"\x3a\x00" * 1000,
    "behind fixed fields": b"\x79" + bytes(8) + b"\x7d" + bytes(4) + b"\x3a\x00" * 1000,
    "a feature too many": b"\x0a\x00" * 1000 + b"\x22\x00",
}


@pytest.mark.parametrize("elements", EMPTY_ELEMENTS)
def test_open_refuses_more_elements_than_the_bytes_can_describe_before_decoding(
    elements: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty element takes two bytes of the input and about 150 of memory once it is decoded."""
    built = bundle(Segment(payload=EMPTY_ELEMENTS[elements]))
    monkeypatch.setattr(codec, "parse", _parse_of_envelopes)  # whoever decodes now fails
    assert open_fault(built.data) == (
        ErrorCode.MALFORMED_MANIFEST,
        built.segments[0].manifest_offset,
    )


def _parse_of_envelopes(message: Message, data: memoryview, code: ErrorCode, offset: int) -> None:
    assert isinstance(message, bundle_pb2.Envelope)
    PARSE(message, data, code, offset)


def test_open_takes_the_least_artifacts_that_are_valid() -> None:
    """The content of all of them is one byte of one block; a row takes 40 bytes."""
    keys = [f"{number:x}" for number in range(5000)]
    many = [Artifact(key, b"x", place=(0, 0)) for key in keys]
    data = bundle(Segment(artifacts=many, blocks=(Block(b"x"),))).data
    assert len(data) < 45 * len(many)
    assert contents(data) == {("test.blob", key): b"x" for key in keys}


def test_open_takes_features_of_two_bytes_each_for_what_they_are() -> None:
    built = bundle(Segment(payload=b"\x0a\x00" * 1000))
    assert open_fault(built.data)[0] is ErrorCode.UNSUPPORTED_FEATURE


def test_open_takes_a_requirement_of_every_value_of_one_byte() -> None:
    values = ["", *map(chr, range(128))]
    data = bundle(replace(PLAIN, requirements=[("a", 1, values)])).data
    manifest = Bundle.open(data, policy=UNSIGNED).segments[0].manifest
    assert len(manifest.requirements[0].values) == 129


def test_elements_in_an_unknown_group_do_not_count() -> None:
    group = b"\x7b" + b"\x3a\x00" * 1000 + b"\x7c"
    assert contents(bundle(replace(MORE, payload=_payload() + group)).data)
    inside = b"\x7b" + b"\x1a\x00" * 1000 + b"\x7c"
    assert contents(bundle(replace(MORE, payload=_payload() + _table(inside))).data)


def test_open_refuses_more_content_than_the_limit_over_all_segments() -> None:
    built = bundle(PLAIN, MORE)
    total = sum(map(len, contents(built.data).values()))
    assert Bundle.open(built.data, limits=Limits(total_content=total), policy=UNSIGNED)
    assert open_fault(built.data, limits=Limits(total_content=total - 1)) == (
        ErrorCode.LIMIT_EXCEEDED,
        built.segments[1].manifest_offset,
    )


def test_open_refuses_content_of_2_to_the_63() -> None:
    """Consistent with itself, block and all: only a limit stands before it."""

    def edit(message: bundle_pb2.Manifest) -> None:
        message.blocks[0].content_size = 2**63
        message.artifacts.content_size[0] = 2**63

    _refused(replace(MORE, edit=edit), ErrorCode.LIMIT_EXCEEDED)
