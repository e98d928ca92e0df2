"""The top-level fields of a message, told apart without decoding what they hold."""

from collections.abc import Iterator

VARINT, FIXED64, LENGTH_DELIMITED, GROUP, END_GROUP, FIXED32 = range(6)
_MOST_NUMBER = (1 << 29) - 1


def top_level_fields(data: bytes) -> Iterator[tuple[int, int]]:
    """(number, wire type) of each field outside of groups; a group is one field.

    Raises:
        ValueError: the bytes are no sequence of fields.
    """
    at, groups = 0, list[int]()
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire_type = tag >> 3, tag & 7
        if not 1 <= number <= _MOST_NUMBER:
            raise ValueError(f"field number {number}")
        if wire_type == END_GROUP:
            if not groups or groups.pop() != number:
                raise ValueError("the end of a group that was not begun")
            continue
        if not groups:
            yield number, wire_type
        if wire_type == GROUP:
            groups.append(number)
        else:
            at = _end(data, at, wire_type)
    if groups:
        raise ValueError("a group without an end")


def _end(data: bytes, at: int, wire_type: int) -> int:
    """Where a value ends."""
    if wire_type == VARINT:
        return _varint(data, at)[1]
    if wire_type == LENGTH_DELIMITED:
        length, at = _varint(data, at)
    elif wire_type in (FIXED64, FIXED32):
        length = 8 if wire_type == FIXED64 else 4
    else:
        raise ValueError(f"wire type {wire_type}")
    if at + length > len(data):
        raise ValueError("a value past the end")
    return at + length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """(value, end) of a varint of at most ten bytes."""
    value = 0
    for place, byte in enumerate(data[at : at + 10]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError("a varint that does not end")
