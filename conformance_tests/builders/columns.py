"""TABLE: columns that make a table, and columns that make none."""

from dataclasses import replace

from builders.bases import Edit, detail_of, edits, first_twice, set_in
from builders.case import Built, Cases, accepts
from builders.decode import refused
from builders.name import BASE, SECOND
from precompile_conformance.build import Artifact, Block, Segment, manifest
from precompile_conformance.tables import (
    CONTENT_DIGEST,
    NUMBERS,
    TYPES,
    column_of,
    detail,
    manifest_of,
    packed,
    table_of,
    unpacked,
)
from precompile_conformance.wire import record, varint

# A table of two artifacts whose columns differ: in each one the second element is not the first.
CONTENT = b"0123456789abcdef"
PAIR = Segment(
    artifacts=(Artifact("a", b"01234"), Artifact("b", b"x", type="test.other", kind=2)),
    blocks=(Block(CONTENT), Block(b"?x")),
    chained=False,
)
MESSAGE = manifest(PAIR, PAIR.blocks or ())
DIGESTS = MESSAGE.artifacts.content_digest
FIVE_BYTES = 1 << 32  # added to a number, it is lost with all but the low 32 bits


def _shorter(name: str) -> Edit:
    return lambda m: getattr(m.artifacts, name).pop()


def _longer(name: str) -> Edit:
    return lambda m: getattr(m.artifacts, name).append("c" if name == "key" else 0)


def _digests(digests: bytes) -> Edit:
    return lambda m: setattr(m.artifacts, "content_digest", digests)


def _without(*names: str) -> Edit:
    return edits(*(lambda m, name=name: m.artifacts.ClearField(name) for name in names))


COLUMNS = ("type", "key", "content_size", "block", "offset")
LENGTHS: dict[str, Edit] = {
    **{f"{name.replace('_', '-')}-one-less": _shorter(name) for name in COLUMNS},
    **{f"{name.replace('_', '-')}-one-more": _longer(name) for name in COLUMNS},
    **{f"no-{name.replace('_', '-')}": _without(name) for name in COLUMNS},
    "a-digest-less": lambda m: setattr(m.artifacts, "content_digest", DIGESTS[:32]),
    "a-digest-more": lambda m: setattr(m.artifacts, "content_digest", DIGESTS + bytes(32)),
    "a-byte-of-digests-less": lambda m: setattr(m.artifacts, "content_digest", DIGESTS[:63]),
    "a-byte-of-digests-more": lambda m: setattr(m.artifacts, "content_digest", DIGESTS + b"\0"),
    "no-digests": _without("content_digest"),
    "digests-alone": _without(*COLUMNS),
    "a-byte-of-digests-alone": edits(_without(*COLUMNS), _digests(b"\0")),
    "keys-alone": _without("type", "content_digest", "content_size", "block", "offset"),
    "types-and-digests-alone": _without("key", "content_size", "block", "offset"),
}


def _type(name: str, kind: int) -> Edit:
    return lambda m: m.artifacts.types.add(name=name, kind=kind)


def _details(*artifacts: int) -> Edit:
    return edits(*(lambda m, at=at: m.artifacts.details.add(artifact=at) for at in artifacts))


REFUSED: dict[str, tuple[str, Edit]] = {
    "type-past-the-end": ("PCB-TABLE-002", set_in("type", 1, 1)),
    "type-2-to-32-less-1": ("PCB-TABLE-002", set_in("type", 0, 2**32 - 1)),
    "no-types": ("PCB-TABLE-002", lambda m: m.artifacts.ClearField("types")),
    "type-twice": ("PCB-TABLE-003", _type("test.blob", 1)),
    "type-that-no-artifact-has-twice": ("PCB-TABLE-003", edits(_type("t", 1), _type("t", 1))),
    "type-of-an-unknown-kind-twice": ("PCB-TABLE-003", edits(_type("t", 9), _type("t", 9))),
    "type-without-kind-that-no-artifact-has": ("PCB-WIRE-005", _type("t", 0)),
    "detail-past-the-end": ("PCB-TABLE-004", _details(2)),
    "detail-2-to-32-less-1": ("PCB-TABLE-004", _details(2**32 - 1)),
    "detail-twice": ("PCB-TABLE-004", _details(1, 1)),
    "details-descending": ("PCB-TABLE-004", _details(1, 0)),
    "detail-of-no-artifact": (
        "PCB-TABLE-004",
        edits(_without(*COLUMNS, "content_digest"), _details(0)),
    ),
}
ACCEPTED: dict[str, tuple[str, str, Edit]] = {
    "type-the-last": (
        "PCB-TABLE-002",
        "A type is an index up to the last one.",
        edits(_type("test.other", 2), set_in("type", 1, 1)),
    ),
    "name-with-two-kinds": (
        "PCB-TABLE-003",
        "A name with two kinds is two types.",
        edits(_type("test.blob", 2), set_in("type", 1, 1)),
    ),
    "types-that-no-artifact-has": (
        "PCB-TABLE-003 PCB-TABLE-002",
        "A type may be listed for nothing.",
        edits(_type("unused", 1), _type("unused", 9), _type("unused", -1)),
    ),
    "types-alone": (
        "PCB-TABLE-001",
        "A table of types is one of no artifacts.",
        _without(*COLUMNS, "content_digest"),
    ),
    "detail-of-the-last": ("PCB-TABLE-004", "A detail of the last artifact.", _details(1)),
    "details-without-anything": (
        "PCB-TABLE-004",
        "Details may say nothing.",
        _details(0, 1),
    ),
    "details-of-both": (
        "PCB-TABLE-004",
        "Attributes of two artifacts.",
        edits(
            lambda m: detail_of(m, 0).attributes.add(name="a", int_value=1),
            lambda m: detail_of(m, 1).attributes.add(name="b", int_value=2),
        ),
    ),
}


def cases() -> Cases:
    """All cases of the area."""
    for name, edit in LENGTHS.items():
        yield refused(
            f"TABLE/{name}", "Every column has an element for each artifact.", "PCB-TABLE-001",
            replace(SECOND, edit=edit), name.replace("-", " "), base=BASE,
        )  # fmt: skip
    for name, (rule, edit) in REFUSED.items():
        yield refused(
            f"TABLE/{name}", "Types are each there once, details ascend, and indices are within.",
            rule, replace(SECOND, edit=edit), name.replace("-", " "), base=BASE,
        )  # fmt: skip
    for name, (rules, shows, edit) in ACCEPTED.items():
        yield accepts(f"TABLE/{name}", shows, rules, replace(SECOND, edit=edit))
    yield from _names()
    yield from _encodings()
    yield from _numbers()
    yield from _occurrences()


def _names() -> Cases:
    yield refused(
        "TABLE/key-of-a-name-with-two-kinds", "Of a name, kinds share one space of keys.",
        "PCB-NAME-003 PCB-TABLE-003",
        replace(SECOND, edit=edits(_type("test.blob", 2), first_twice, set_in("type", 2, 1))),
        "a key under both kinds of a type's name", "DUPLICATE_ARTIFACT",
        base="TABLE/name-with-two-kinds",
    )  # fmt: skip
    yield refused(
        "TABLE/odd-type-that-no-artifact-has", "Types that nothing has are named by the rules.",
        "PCB-NAME-001 PCB-NAME-006", replace(SECOND, edit=_type("Odd", 1)), "a type called Odd",
        "INVALID_NAME", base="TABLE/types-that-no-artifact-has",
    )  # fmt: skip


def _accepted(name: str, shows: str, rules: str, *tables: bytes) -> Built:
    """PAIR, its table encoded otherwise."""
    segment = replace(PAIR, payload=manifest_of(MESSAGE, *tables))
    return accepts(f"TABLE/{name}", shows, rules, segment)


def _refused(name: str, shows: str, rules: str, defect: str, *tables: bytes) -> Built:
    segment = replace(PAIR, payload=manifest_of(MESSAGE, *tables))
    return refused(f"TABLE/{name}", shows, rules, segment, defect, base="TABLE/pair")


def _encodings() -> Cases:
    shows = "Numbers of a column may stand packed, each by itself, or both."
    yield accepts("TABLE/pair", "Two artifacts, each column of which differs.", "PCB-TABLE-001",
                  PAIR)  # fmt: skip
    alone = {name: unpacked(tag, *column_of(MESSAGE, name)) for name, tag in NUMBERS.items()}
    yield _accepted("unpacked", shows, "PCB-WIRE-001 PCB-TABLE-001", table_of(MESSAGE, **alone))
    for order, ways in {"packed-and-unpacked": (packed, unpacked),
                        "unpacked-and-packed": (unpacked, packed)}.items():  # fmt: skip
        mixed = {}
        for name, tag in NUMBERS.items():
            first, second = column_of(MESSAGE, name)
            mixed[name] = ways[0](tag, first) + ways[1](tag, second)
        yield _accepted(order, shows, "PCB-WIRE-001 PCB-TABLE-001", table_of(MESSAGE, **mixed))
    pieces = {}
    for name, tag in NUMBERS.items():
        first, second = column_of(MESSAGE, name)
        pieces[name] = packed(tag, first) + packed(tag) + packed(tag, second)
    yield _accepted("packed-in-pieces", shows, "PCB-WIRE-001 PCB-TABLE-001",
                    table_of(MESSAGE, **pieces))  # fmt: skip
    cut = packed(NUMBERS["offset"], *column_of(MESSAGE, "offset"), b"\x80")
    yield _refused("packed-varint-cut", "A packed column ends where a number ends.", "PCB-WIRE-001",
                   "the last number of a column is cut", table_of(MESSAGE, offset=cut))  # fmt: skip
    padded = {
        name: packed(tag, *(varint(number, 1) for number in getattr(MESSAGE.artifacts, name)))
        for name, tag in NUMBERS.items()
    }
    yield _accepted("numbers-padded", "Numbers of a column need not be minimal.", "PCB-WIRE-001",
                    table_of(MESSAGE, **padded))  # fmt: skip


def _numbers() -> Cases:
    """Of `type`, `block` and a detail's `artifact` the low 32 bits count, of sizes all 64."""
    shows = "Of a uint32 the low 32 bits count."
    for name in ("type", "block"):
        high = [varint(number + FIVE_BYTES) for number in getattr(MESSAGE.artifacts, name)]
        for how, way in {"": packed, "-unpacked": unpacked}.items():
            table = table_of(MESSAGE, **{name: way(NUMBERS[name], *high)})
            yield _accepted(f"{name}-of-33-bits{how}", shows, "PCB-WIRE-001", table)
    detail_of_33_bits = detail(1 + FIVE_BYTES, record(0x1A, b"\x0a\x01a\x20\x02"))
    yield _accepted("detail-of-33-bits", shows, "PCB-WIRE-001 PCB-TABLE-004",
                    table_of(MESSAGE) + detail_of_33_bits)  # fmt: skip
    equal = record(TYPES, record(0x0A, b"test.blob") + b"\x10" + varint(1 + FIVE_BYTES))
    yield _refused("type-twice-by-the-low-bits", "Kinds are equal where their low 32 bits are.",
                   "PCB-TABLE-003", "a type with kind 1, and one with kind 2^32 + 1",
                   table_of(MESSAGE) + equal)  # fmt: skip
    minus_one = record(TYPES, b"\x0a\x01t\x10" + varint(2**64 - 1))
    low = record(TYPES, b"\x0a\x01t\x10" + varint(2**32 - 1))
    yield _refused("type-twice-negative", "A kind with bit 31 set is negative, however it stands.",
                   "PCB-TABLE-003", "a type with kind -1 in ten bytes, and one in five",
                   table_of(MESSAGE) + minus_one + low)  # fmt: skip
    for name in ("content_size", "offset"):
        high = [varint(number + FIVE_BYTES) for number in getattr(MESSAGE.artifacts, name)]
        segment = replace(PAIR, payload=manifest_of(
            MESSAGE, table_of(MESSAGE, **{name: packed(NUMBERS[name], *high)})
        ))  # fmt: skip
        yield refused(
            f"TABLE/{name.replace('_', '-')}-of-33-bits", "Of a uint64 all bits count.",
            "PCB-WIRE-001 PCB-PLACE-002 PCB-PLACE-003", segment, f"{name} is 2^32 more",
            "LIMIT_EXCEEDED" if name == "content_size" else "BAD_REFERENCE", base="TABLE/pair",
        )  # fmt: skip


def _alone(index: int) -> dict[str, bytes]:
    """Columns of one of the two artifacts, without its digest."""
    columns = {name: packed(tag, column_of(MESSAGE, name)[index]) for name, tag in NUMBERS.items()}
    return columns | {
        "key": record(0x1A, MESSAGE.artifacts.key[index].encode()),
        "types": record(TYPES, MESSAGE.artifacts.types[index].SerializeToString()),
        "content_digest": b"",
    }


def _occurrences() -> Cases:
    """The table stands several times: lists go on, and of the digests the last value counts."""
    first, second = table_of(MESSAGE, **_alone(0)), table_of(MESSAGE, **_alone(1))
    digests = record(CONTENT_DIGEST, DIGESTS)
    shows = "Of a table that occurs several times the lists are put one behind another."
    rules = "PCB-WIRE-004 PCB-TABLE-001"
    yield _accepted("in-two", shows, rules, first, second + digests)
    yield _accepted("in-two-digests-first", shows, rules, digests + first, second)
    lists = {name: table_of(MESSAGE, **{other: b"" for other in _alone(0) if other != name})
             for name in _alone(0)}  # fmt: skip
    yield _accepted("a-column-each", shows, rules, *lists.values())
    twice = record(CONTENT_DIGEST, bytes(7)) + digests
    yield _accepted("digests-twice", "Of the digests the last value counts.", rules,
                    table_of(MESSAGE, content_digest=twice))  # fmt: skip
    halves = [record(CONTENT_DIGEST, half) for half in (DIGESTS[:32], DIGESTS[32:])]
    yield _refused("digests-in-two", "Digests are one value: of two, the last counts.", rules,
                   "the digests stand in two fields",
                   table_of(MESSAGE, content_digest=b"".join(halves)))  # fmt: skip
    yield _refused("in-two-each-with-its-digest", "Digests are one value: of two, the last counts.",
                   rules, "the table is in two, each with the digest of its artifact",
                   first + halves[0], second + halves[1])  # fmt: skip
    empty = record(CONTENT_DIGEST, b"")
    yield _refused("digests-and-then-none", "Of the digests the last value counts, an empty one"
                   " too.", rules, "an empty value stands behind the digests",
                   table_of(MESSAGE) , empty)  # fmt: skip
