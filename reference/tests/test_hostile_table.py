"""DECODE: columns that make no table, and all the ways in which the wire may hold one that do."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from precompile.v1 import artifact_pb2, bundle_pb2
from precompile_conformance.build import Artifact, Segment, build_segment, bundle
from precompile_conformance.wire import record, varint
from precompile_context.bundle import Bundle
from precompile_context.errors import ErrorCode
from precompile_context.trust import UNSIGNED
from tests.refusal import PLAIN, Edit, contents, edits, kind, open_fault

THREE = Segment(
    artifacts=(
        Artifact("a", b"content of a"),
        Artifact("b", b"content of b", kind=3, attributes={"note": "of b"}),
        Artifact("c", b"content of c", kind=2, attributes={"note": "of c"}),
    )
)
COLUMNS = ("type", "key", "content_size", "block", "offset")


def _refused(edit: Edit) -> None:
    built = bundle(PLAIN, replace(THREE, edit=edit))
    assert open_fault(built.data) == (
        ErrorCode.MALFORMED_MANIFEST,
        built.segments[1].manifest_offset,
    )


def test_open_accepts_the_table_that_the_other_tests_damage() -> None:
    assert [*contents(bundle(THREE).data).values()] == [a.content for a in THREE.artifacts]


# What of a column is written in its place.
LENGTHS: dict[str, Callable[[list[object]], list[object]]] = {
    "one more": lambda values: [*values, values[0]],
    "one less": lambda values: values[:-1],
    "none": lambda values: [],
    "twice as many": lambda values: values * 2,
}


def _column(name: str, change: Callable[[list[object]], list[object]]) -> Edit:
    def edit(message: bundle_pb2.Manifest) -> None:
        column = getattr(message.artifacts, name)
        values = change(list(column))
        del column[:]
        column.extend(values)

    return edit


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("length", LENGTHS)
def test_open_rejects_a_column_of_another_length(name: str, length: str) -> None:
    _refused(_column(name, LENGTHS[length]))


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("missing", COLUMNS)
def test_open_rejects_all_columns_but_one_of_another_length(missing: str, length: str) -> None:
    others = [_column(name, LENGTHS[length]) for name in COLUMNS if name != missing]
    _refused(edits(*others))


@pytest.mark.parametrize("size", [0, 1, 31, 32, 64, 95, 97, 128, 3 * 64])
def test_open_rejects_digests_that_are_not_32_bytes_an_artifact(size: int) -> None:
    _refused(lambda m: setattr(m.artifacts, "content_digest", bytes(size)))


def test_open_rejects_digests_without_artifacts() -> None:
    def edit(message: bundle_pb2.Manifest) -> None:
        for name in (*COLUMNS, "details"):
            message.artifacts.ClearField(name)

    _refused(edit)


def test_open_accepts_a_table_without_artifacts() -> None:
    for edit in (
        lambda m: m.artifacts.SetInParent(),
        lambda m: m.artifacts.types.add(name="unused", kind=1),
    ):
        assert contents(bundle(Segment(edit=edit)).data) == {}


@pytest.mark.parametrize("index", [3, 4, 127, 128, 2**31, 2**32 - 1])
def test_open_rejects_an_index_past_the_types(index: int) -> None:
    _refused(lambda m: m.artifacts.type.__setitem__(1, index))


def test_open_rejects_an_index_into_no_types() -> None:
    _refused(lambda m: m.artifacts.ClearField("types"))


@pytest.mark.parametrize(
    "edit",
    [
        lambda m: m.artifacts.types.append(m.artifacts.types[0]),
        lambda m: m.artifacts.types.insert(0, m.artifacts.types[2]),
        lambda m: [m.artifacts.types.add(name="unused", kind=1) for _ in range(2)],
        lambda m: [m.artifacts.types.add(name="unused", kind=9) for _ in range(2)],
        lambda m: [m.artifacts.types.add(name="unused", kind=-9) for _ in range(2)],
    ],
    ids=["behind", "before", "of no artifact", "of a later kind", "of a negative kind"],
)
def test_open_rejects_two_equal_types(edit: Edit) -> None:
    _refused(edit)


def test_open_rejects_two_types_whose_kinds_are_equal_in_their_low_32_bits() -> None:
    name = record(0x0A, b"unused")
    types = [record(0x0A, name + b"\x10" + varint(number)) for number in (5, 1 << 32 | 5)]
    payload = build_segment(THREE).payload + record(0x32, b"".join(types))
    assert open_fault(bundle(replace(THREE, payload=payload)).data)[0] is (
        ErrorCode.MALFORMED_MANIFEST
    )


def test_open_accepts_a_name_with_several_kinds_and_types_that_no_artifact_has() -> None:
    def edit(message: bundle_pb2.Manifest) -> None:
        for number in (4, 9, -9):
            message.artifacts.types.add(name="test.blob", kind=number)

    data = bundle(replace(THREE, edit=edit)).data
    assert contents(data) == contents(bundle(THREE).data)
    kinds = [stored.kind for stored in Bundle.open(data, policy=UNSIGNED).current().values()]
    assert kinds == [1, 3, 2]


def test_artifacts_of_one_name_and_two_kinds_are_the_same_artifact_twice() -> None:
    both = replace(THREE, artifacts=(*THREE.artifacts, Artifact("a", b"content of b", kind=2)))
    assert open_fault(bundle(both).data)[0] is ErrorCode.DUPLICATE_ARTIFACT


def _details(*rows: int) -> Edit:
    def edit(message: bundle_pb2.Manifest) -> None:
        del message.artifacts.details[:]
        for row in rows:
            message.artifacts.details.add(artifact=row)

    return edit


@pytest.mark.parametrize(
    "rows",
    [(3,), (0, 1, 2, 3), (2**32 - 1,), (0, 0), (1, 1), (2, 1), (0, 2, 1), (1, 2, 0), (0, 1, 1)],
    ids=str,
)
def test_open_rejects_details_past_the_end_twice_or_out_of_order(rows: tuple[int, ...]) -> None:
    _refused(_details(*rows))


def test_open_rejects_a_detail_where_there_is_no_artifact() -> None:
    data = bundle(Segment(edit=_details(0))).data
    assert open_fault(data)[0] is ErrorCode.MALFORMED_MANIFEST


@pytest.mark.parametrize("rows", [(), (0,), (2,), (0, 2), (0, 1, 2)], ids=str)
def test_open_accepts_details_without_anything_in_them(rows: tuple[int, ...]) -> None:
    assert contents(bundle(replace(THREE, edit=_details(*rows))).data) == contents(
        bundle(THREE).data
    )


def test_a_detail_is_that_of_its_artifact() -> None:
    current = Bundle.open(bundle(THREE).data, policy=UNSIGNED).current()
    notes = {key: dict(stored.attributes) for (_, key), stored in current.items()}
    assert notes == {"a": {}, "b": {"note": "of b"}, "c": {"note": "of c"}}


# --- how the wire may hold it ---------------------------------------------------------------

NUMBERS = {"type": 2, "content_size": 5, "block": 6, "offset": 7}
MESSAGE = bundle_pb2.Manifest.FromString(build_segment(THREE).payload)
TABLE = MESSAGE.artifacts


def _packed(number: int, values: Iterable[int]) -> bytes:
    return record(number << 3 | 2, b"".join(map(varint, values)))


def _unpacked(number: int, values: Iterable[int]) -> bytes:
    return b"".join(varint(number << 3) + varint(value) for value in values)


def _rest(table: artifact_pb2.ArtifactTable, *, without: Iterable[str] = NUMBERS) -> bytes:
    """The table without some of its columns."""
    rest = artifact_pb2.ArtifactTable()
    rest.CopyFrom(table)
    for name in without:
        rest.ClearField(name)
    return rest.SerializeToString(deterministic=True)


def _with(*tables: bytes) -> bytes:
    """The bundle with these in place of its table."""
    rest = bundle_pb2.Manifest()
    rest.CopyFrom(MESSAGE)
    rest.ClearField("artifacts")
    payload = rest.SerializeToString(deterministic=True)
    return bundle(replace(THREE, payload=payload + b"".join(record(0x32, t) for t in tables))).data


def _columns(write: Callable[[int, Iterable[int]], bytes]) -> bytes:
    return b"".join(write(number, getattr(TABLE, name)) for name, number in NUMBERS.items())


def _mixed(number: int, values: Iterable[int]) -> bytes:
    first, *others = values
    return _unpacked(number, [first]) + _packed(number, []) + _packed(number, others)


def _padded(number: int, values: Iterable[int]) -> bytes:
    """Varints of one byte more than they need."""
    longer = b"".join(varint(value)[:-1] + bytes([varint(value)[-1] | 0x80, 0]) for value in values)
    return record(number << 3 | 2, longer)


@pytest.mark.parametrize("write", [_packed, _unpacked, _mixed, _padded])
def test_open_accepts_columns_packed_and_unpacked(
    write: Callable[[int, Iterable[int]], bytes],
) -> None:
    assert contents(_with(_rest(TABLE) + _columns(write))) == contents(bundle(THREE).data)


def test_open_accepts_columns_in_any_order_among_each_other() -> None:
    rows = zip(*(getattr(TABLE, name) for name in NUMBERS), strict=True)
    scattered = b"".join(
        _unpacked(number, [value])
        for row in rows
        for number, value in zip(NUMBERS.values(), row, strict=True)
    )
    data = _with(scattered + _rest(TABLE))
    assert contents(data) == contents(bundle(THREE).data)


def test_open_concatenates_the_columns_of_several_tables() -> None:
    """Each of the three has one row and one detail; the digests are those of the last."""
    tables = []
    for row in range(3):
        part = artifact_pb2.ArtifactTable(
            types=TABLE.types if row == 0 else [],
            type=TABLE.type[row : row + 1],
            key=TABLE.key[row : row + 1],
            content_size=TABLE.content_size[row : row + 1],
            block=TABLE.block[row : row + 1],
            offset=TABLE.offset[row : row + 1],
            details=[d for d in TABLE.details if d.artifact == row],
        )
        tables.append(part.SerializeToString())
    tables[-1] += record(0x22, TABLE.content_digest)
    assert contents(_with(*tables)) == contents(bundle(THREE).data)


def test_the_digests_of_several_tables_do_not_concatenate() -> None:
    rest, digests = _rest(TABLE, without=["content_digest"]), TABLE.content_digest
    assert contents(_with(record(0x22, b"replaced"), rest, record(0x22, digests))) == contents(
        bundle(THREE).data
    )
    for pieces in ([digests[:32], digests[32:]], [digests, b""], [digests, digests[:32]]):
        data = _with(rest, *(record(0x22, piece) for piece in pieces))
        assert open_fault(data)[0] is ErrorCode.MALFORMED_MANIFEST


@pytest.mark.parametrize("name", ["type", "block"])
def test_of_an_index_the_low_32_bits_count(name: str) -> None:
    high = [value | 1 << 32 for value in getattr(TABLE, name)]
    data = _with(_rest(TABLE, without=[name]) + _packed(NUMBERS[name], high))
    assert contents(data) == contents(bundle(THREE).data)


@pytest.mark.parametrize("name", ["content_size", "offset"])
def test_of_a_size_all_64_bits_count(name: str) -> None:
    high = [value | 1 << 32 for value in getattr(TABLE, name)]
    data = _with(_rest(TABLE, without=[name]) + _packed(NUMBERS[name], high))
    assert open_fault(data)[0] in (ErrorCode.LIMIT_EXCEEDED, ErrorCode.BAD_REFERENCE)


def test_of_a_detail_s_index_the_low_32_bits_count() -> None:
    note = record(0x1A, b"\x0a\x04note" + record(0x1A, b"of a"))
    details = record(0x42, b"\x08" + varint(1 << 32) + note)
    data = _with(_rest(TABLE, without=["details"]) + details)
    current = Bundle.open(data, policy=UNSIGNED).current()
    assert dict(current["test.blob", "a"].attributes) == {"note": "of a"}


def test_a_column_of_another_wire_type_is_an_unknown_field() -> None:
    odd = b"\x15" + bytes(4) + b"\x19" + bytes(8) + b"\x18\x01" + b"\x20\x01" + b"\x40\x01"
    assert contents(_with(TABLE.SerializeToString() + odd)) == contents(bundle(THREE).data)


def test_a_kind_is_that_of_the_type_that_a_row_names() -> None:
    """The artifacts of one type's index change with it, others of the same name do not."""
    data = bundle(replace(THREE, edit=kind(7))).data
    current = Bundle.open(data, policy=UNSIGNED).current()
    assert [stored.kind for stored in current.values()] == [7, 3, 2]
