"""WIRE-008: no more elements than a payload of this length can validly hold."""

from collections.abc import Callable
from dataclasses import replace

from builders.bases import MORE
from builders.case import Cases, accepts
from builders.decode import payload_of, refused
from precompile_conformance.build import Artifact, Segment
from precompile_conformance.tables import (
    ARTIFACTS,
    ATTRIBUTES,
    BACKENDS,
    BLOCKS,
    DETAILS,
    KEY,
    REMOVED,
    REQUIREMENTS,
    TYPES,
    detail,
)
from precompile_conformance.wire import record, varint

FEATURE = record(0x0A, b"later")
COUNT = 40
KEYS, SMALL, TINY = 32, 4, 2
# Of MORE: a key, a block entry and a type.
OF_MORE = KEYS + KEYS + SMALL


def _in_table(tag: int) -> Callable[[int], bytes]:
    return lambda count: record(ARTIFACTS, record(tag, b"") * count)


def _in_detail(tag: int) -> Callable[[int], bytes]:
    return lambda count: record(ARTIFACTS, detail(0, record(tag, b"") * count))


def _in_two_tables(count: int) -> bytes:
    return record(ARTIFACTS, record(KEY, b"") * (count // 2)) * 2


# Of each list: so many empty elements, the bytes that each takes at least, and those of the
# element that they stand in.
ELEMENTS: dict[str, tuple[Callable[[int], bytes], int, int]] = {
    "keys": (_in_table(KEY), KEYS, 0),
    "keys-of-two-tables": (_in_two_tables, KEYS, 0),
    "types": (_in_table(TYPES), SMALL, 0),
    "details": (_in_table(DETAILS), SMALL, 0),
    "backends": (_in_detail(BACKENDS), SMALL, SMALL),
    "attributes": (_in_detail(ATTRIBUTES), SMALL, SMALL),
    "block-entries": (lambda count: record(BLOCKS, b"") * count, KEYS, 0),
    "requirements": (lambda count: record(REQUIREMENTS, b"") * count, SMALL, 0),
    "removed-ids": (lambda count: record(REMOVED, b"") * count, SMALL, 0),
    "values": (lambda count: record(REQUIREMENTS, record(0x1A, b"") * count), TINY, SMALL),
    "features": (lambda count: record(0x0A, b"") * count, TINY, 0),
}  # fmt: skip


def _of_length(payload: bytes, length: int) -> bytes:
    """The payload with unknown fields behind it, so that it has so many bytes."""
    for size in range(length - len(payload)):
        filled = payload + varint(16 << 3 | 2) + varint(size) + bytes(size)
        if len(filled) == length:
            return filled
    raise ValueError(f"no field fills {len(payload)} bytes to {length}")


def cases() -> Cases:
    """All cases of the requirement."""
    more = record(REMOVED, b"") * 100  # makes room where an element takes as much as it counts
    for name, (elements, each, around) in ELEMENTS.items():
        payload = FEATURE + payload_of() + elements(COUNT) + more
        least = OF_MORE + TINY + COUNT * each + around + 100 * SMALL
        for which, length in {"just-enough": least, "a-byte-short": least - 1}.items():
            is_short = length < least
            yield refused(
                f"WIRE/{which}-for-{name}", "A payload has bytes for all of its elements, before"
                " anything else is asked of it.", "PCB-WIRE-008 PCB-READ-008 PCB-LIM-004",
                replace(MORE, payload=_of_length(payload, length), chained=False),
                f"a required feature, and {COUNT} empty {name.replace('-', ' ')}",
                "MALFORMED_MANIFEST" if is_short else "UNSUPPORTED_FEATURE",
            )  # fmt: skip
    yield from _ignored()
    yield from _accepted()


def _ignored() -> Cases:
    """Backends of a CACHE are not looked at, but counted."""
    payload = payload_of() + _in_detail(BACKENDS)(400)
    least = OF_MORE + SMALL + 400 * SMALL
    base = "WIRE/just-enough-for-400-backends"
    yield accepts(
        base, "Empty backends of a CACHE, and bytes enough for them.", "PCB-WIRE-008",
        replace(MORE, payload=_of_length(payload, least)),
    )  # fmt: skip
    yield refused(
        "WIRE/a-byte-short-for-400-backends", "Elements without bytes are refused before they are"
        " held.", "PCB-WIRE-008 PCB-LIM-004",
        replace(MORE, payload=_of_length(payload, least - 1), chained=False),
        "one byte less than 400 backends take at least", base=base,
    )  # fmt: skip
    full = payload_of() + _in_detail(ATTRIBUTES)(400)
    yield refused(
        "WIRE/400-empty-attributes", "Elements without bytes are refused before they are held.",
        "PCB-WIRE-008 PCB-LIM-004", replace(MORE, payload=full), "400 empty attributes",
    )  # fmt: skip
    yield refused(
        "WIRE/400-empty-attributes-and-a-feature", "They are refused before features are asked.",
        "PCB-WIRE-008 PCB-READ-008", replace(MORE, payload=FEATURE + full),
        "400 empty attributes, and a required feature",
    )  # fmt: skip


def _accepted() -> Cases:
    entry = Artifact("three", b"third content", kind=3, backends=[("t", str(i), b"")
                                                                  for i in range(9)])  # fmt: skip
    yield accepts(
        "WIRE/small-elements", "Elements of few bytes.", "PCB-WIRE-008",
        Segment(artifacts=(entry,), requirements=[("a", 1, [""]), ("b", 2, [])]),
    )  # fmt: skip
    blocks = record(BLOCKS, b"") * COUNT
    group = varint(16 << 3 | 3) + blocks + varint(16 << 3 | 4)
    numbers = bytes([BLOCKS & ~7, 0]) * COUNT
    unknown = record(0x7A, blocks)
    for name, field in {"a-group": group, "another-wire-type": numbers,
                        "an-unknown-field": unknown}.items():  # fmt: skip
        yield accepts(
            f"WIRE/elements-within-{name}", "What stands in unknown fields is no element.",
            "PCB-WIRE-008 PCB-WIRE-003", replace(MORE, payload=payload_of() + field),
        )  # fmt: skip
