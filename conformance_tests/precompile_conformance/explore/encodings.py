"""Manifests in other encodings than a writer's, most of which say the same."""

from hypothesis import strategies as st

from precompile.v1 import bundle_pb2
from precompile_conformance.build import Encode, plainly
from precompile_conformance.tables import (
    ARTIFACTS,
    FIELDS,
    NUMBERS,
    column_of,
    packed,
    table_of,
    unpacked,
)
from precompile_conformance.wire import record, varint

UNKNOWN = st.sampled_from(
    [
        b"",
        b"\x82\x01\x00",
        b"\x83\x01\x0a\x00\x84\x01",
        b"\x08\x05",
        b"\x18\x05",
        b"\x85\x01" + bytes(4),
    ]
)


def _in_columns(ways: list[int], padding: int, high: bool) -> Encode:
    """Each column of numbers unpacked, in two pieces, or packed, its numbers padded or higher."""

    def encode(manifest: bundle_pb2.Manifest) -> bytes:
        columns = {}
        for way, (name, tag) in zip(ways, NUMBERS.items(), strict=True):
            numbers = column_of(manifest, name)
            if padding or (high and name in ("type", "block")):
                values = getattr(manifest.artifacts, name)
                numbers = [varint(value + (high << 32), padding) for value in values]
            half = len(numbers) // 2
            columns[name] = {
                0: packed(tag, *numbers),
                1: unpacked(tag, *numbers),
                2: packed(tag, *numbers[:half]) + unpacked(tag, *numbers[half:]),
                3: unpacked(tag, *numbers[:half]) + packed(tag, *numbers[half:]),
            }[way]
        return _with_table(manifest, table_of(manifest, **columns))

    return encode


def _in_pieces(cuts: list[bool], unknown: bytes) -> Encode:
    """The table's fields spread over several tables, unknown fields in each."""

    def encode(manifest: bundle_pb2.Manifest) -> bytes:
        tables = [b""]
        for cut, name in zip(cuts, FIELDS, strict=True):
            if cut:
                tables.append(b"")
            tables[-1] += table_of(manifest, **{other: b"" for other in FIELDS if other != name})
        return _with_table(manifest, *(table + unknown for table in tables))

    return encode


def _tailed(tail: bytes) -> Encode:
    return lambda manifest: plainly(manifest) + tail


def _with_table(manifest: bundle_pb2.Manifest, *tables: bytes) -> bytes:
    """The manifest with these tables in place of its own, behind all else."""
    others = bundle_pb2.Manifest()
    others.CopyFrom(manifest)
    others.ClearField("artifacts")
    return plainly(others) + b"".join(record(ARTIFACTS, table) for table in tables)


ENCODINGS: st.SearchStrategy[Encode] = st.one_of(
    st.builds(_in_columns, st.lists(st.integers(0, 3), min_size=4, max_size=4), st.integers(0, 3),
              st.booleans()),
    st.builds(_in_pieces, st.lists(st.booleans(), min_size=8, max_size=8), UNKNOWN),
    st.builds(_tailed, UNKNOWN),
)  # fmt: skip
