"""The fields of a serialized message, told apart before anything of it is decoded."""

from collections.abc import Iterator

LENGTH_DELIMITED = 2
_VARINT, _FIXED64, _GROUP, _END_GROUP, _FIXED32 = 0, 1, 3, 4, 5
_LONGEST_VARINT = 10
_LARGEST_TAG = (1 << 32) - 1
# Groups within each other; protobuf's runtimes refuse so many, too.
_DEEPEST = 100


class MalformedError(Exception):
    """The bytes are no sequence of fields."""


def fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(number, first byte, end) of each length-delimited field of the message `data[at:end]`.

    Those within groups are passed.

    Raises:
        MalformedError: a tag, a value or a group is not whole, or a tag is none of protobuf's.
    """
    groups: list[int] = []  # the numbers of those that are open
    while at < end:
        tag = data[at]
        at += 1
        if tag > 0x7F:
            tag, at = varint(data, at - 1, end)
        number, kind = tag >> 3, tag & 7
        if not number or tag > _LARGEST_TAG:
            raise MalformedError
        if kind == LENGTH_DELIMITED:
            size, at = varint(data, at, end)
            if size > end - at:
                raise MalformedError
            if not groups:
                yield number, at, at + size
            at += size
        elif kind == _VARINT:
            _, at = varint(data, at, end)
        elif kind == _FIXED64:
            at += 8
        elif kind == _FIXED32:
            at += 4
        elif kind == _GROUP and len(groups) < _DEEPEST:
            # [PCB-WIRE-007]
            groups.append(number)
        elif kind != _END_GROUP or not groups or groups.pop() != number:
            raise MalformedError
        if at > end:
            raise MalformedError
    if groups:
        raise MalformedError


def varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """The varint at `at` and where it ends; bits above the 64th are dropped."""
    value = shift = 0
    for index in range(at, min(end, at + _LONGEST_VARINT)):
        byte = data[index]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (1 << 64) - 1, index + 1
        shift += 7
    raise MalformedError
