"""Whether a manifest's bytes are enough for what it lists, told before it is decoded.

An empty element takes two bytes on the wire and about 150 in memory. No valid one is
empty: so what lists more than its bytes can describe is refused before memory is
taken for it.
"""

from collections.abc import Iterator

# Bytes of the least element that can be valid, tag and length included: an extent
# with nothing but its size. A value of a requirement may be empty.
_ELEMENT, _VALUE = 4, 2
_REQUIREMENTS, _ARTIFACTS = 4, 6
_LISTS = (_REQUIREMENTS, 5, _ARTIFACTS, 7)  # of a manifest: blocks and removed are the others
_VALUES = (3,)  # of a requirement
_ARTIFACT_LISTS = (6, 7, 8)  # extents, backends, attributes
# First bytes of those fields' tags, padded or not.
_TAGS = bytes(
    number << 3 | 2 | padding
    for number in sorted({*_LISTS, *_VALUES, *_ARTIFACT_LISTS})
    for padding in (0, 0x80)
)


def is_too_dense(payload: bytes) -> bool:
    """Whether the payload lists more elements than its bytes can describe.

    What protobuf cannot parse counts up to its first fault.
    """
    # True of nearly every manifest, and cheap to see.
    if most_elements(payload) * _ELEMENT <= len(payload):
        return False
    left = len(payload)
    for number, start, end in _fields(payload, 0, len(payload)):
        if number in _LISTS:
            left -= _ELEMENT
        if number == _REQUIREMENTS:
            left -= _VALUE * _count(payload, start, end, _VALUES)
        elif number == _ARTIFACTS:
            left -= _ELEMENT * _count(payload, start, end, _ARTIFACT_LISTS)
        if left < 0:
            return True
    return False


def most_elements(payload: bytes) -> int:
    """No more elements are listed than there are bytes that look like their tags."""
    return len(payload) - len(payload.translate(None, _TAGS))


def _count(data: bytes, start: int, end: int, numbers: tuple[int, ...]) -> int:
    return sum(number in numbers for number, _, _ in _fields(data, start, end))


def _fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(number, first byte, end) of each length-delimited field outside of groups."""
    depth = 0
    while at < end:
        tag, at = _varint(data, at, end)
        kind = tag & 7
        if kind == 2:
            size, at = _varint(data, at, end)
            if size > end - at:
                return
            if not depth:
                yield tag >> 3, at, at + size
            at += size
        elif kind == 0:
            _, at = _varint(data, at, end)
        elif kind == 1:
            at += 8
        elif kind == 5:
            at += 4
        elif kind == 3:
            depth += 1
        elif kind == 4 and depth:
            depth -= 1
        else:
            return


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """The varint at `at` and where it ends; past `end` where it is cut or too long."""
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    return 0, end + 1
