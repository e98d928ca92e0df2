"""Any bytes as annotated hex: each tag, length and value of a bundle on a line, with its offset.

    0000  0A 15              Bundle.header, 21 bytes
    0002   0A 11             SegmentHeader.magic, 17 bytes
    0004    70 72 65 63 ...  "precompile.bundle"

What is no field of the schema is shown as bytes, and said, so that damage shows where it is.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from google.protobuf.descriptor import FieldDescriptor

from precompile.v1 import bundle_pb2
from precompile_context.bundle.source import ByteSource

_BYTES_A_LINE = 16
_WIDTH = 3 * _BYTES_A_LINE + 3  # a full line, indented by the four levels below a bundle
_PACKED = (FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_UINT64)
_FIXED = {1: 8, 5: 4}  # wire types of so many bytes
_VARINT_BYTES = 10
# A note stays a line that a person reads.
_MOST_NUMBERS = 64
_MOST_TEXT = 256


def annotate(source: ByteSource, *, start: int = 0, most: int | None = None) -> Iterator[str]:
    """The lines for all bytes from `start` on.

    Of a value longer than `most` bytes, so many are shown and the others counted; with
    None, all are.
    """
    return _Annotation(source, most).message(
        start, source.size, bundle_pb2.Bundle.DESCRIPTOR, "", start
    )


class _Tag(NamedTuple):
    number: int
    wire: int
    end: int


class _Annotation:
    """One pass over a source."""

    def __init__(self, source: ByteSource, most: int | None) -> None:
        self._source = source
        self._most = most

    def message(
        self, position: int, end: int, descriptor: Any, indent: str, base: int
    ) -> Iterator[str]:
        """The fields between `position` and `end`; offsets count from `base`."""
        while position < end:
            start = position
            tag = self._tag(start, end)
            field = tag and descriptor.fields_by_number.get(tag.number)
            name = f"{descriptor.name}.{field.name if field else tag.number if tag else '?'}"
            size = tag and self._size(tag, end)
            if tag is None or size is None:
                yield f"{start - base:04x}  {indent}-- no field of {descriptor.name} from here on"
                yield from self._bytes(start, end - start, "", indent, base)
                return
            head, position = tag.end, tag.end + size
            if tag.wire == 2:
                value = self._varint(tag.end, end)
                assert value is not None  # its size was read
                head = value[1]
                note = f"{name}, {_count(position - head)}"
                yield _line(start - base, self._read(start, head - start), indent, note)
                yield from self._delimited(head, position - head, field, indent + " ", base)
            else:
                note = f"{name} = {self._number(field, tag, size)}"
                yield _line(start - base, self._read(start, position - start), indent, note)

    def _tag(self, position: int, end: int) -> _Tag | None:
        found = self._varint(position, end)
        if found is None or found[0] >> 3 == 0:
            return None
        return _Tag(found[0] >> 3, found[0] & 7, found[1])

    def _size(self, tag: _Tag, end: int) -> int | None:
        """Bytes behind the tag, a length included; None where there are not so many."""
        if tag.wire in _FIXED:
            size = _FIXED[tag.wire]
        else:
            value = self._varint(tag.end, end) if tag.wire in (0, 2) else None
            if value is None:
                return None
            size = value[1] - tag.end + (value[0] if tag.wire == 2 else 0)
        return size if tag.end + size <= end else None

    def _varint(self, position: int, end: int) -> tuple[int, int] | None:
        """A number and where it ends."""
        return _varint(self._read(position, min(_VARINT_BYTES, end - position)), position)

    def _number(self, field: FieldDescriptor | None, tag: _Tag, size: int) -> str:
        if tag.wire in _FIXED:
            return str(int.from_bytes(self._read(tag.end, size), "little"))
        value, _ = self._varint(tag.end, tag.end + size) or (0, 0)
        if field is not None and field.enum_type is not None:
            known = field.enum_type.values_by_number.get(value)
            return f"{known.name} ({value})" if known else str(value)
        if field is not None and field.type == FieldDescriptor.TYPE_SINT64:
            return str((value >> 1) ^ -(value & 1))
        return str(value)

    def _delimited(
        self, position: int, size: int, field: FieldDescriptor | None, indent: str, base: int
    ) -> Iterator[str]:
        inner: Any = field.message_type if field is not None else None
        if field is not None and field.name == "payload":  # bytes to the envelope
            inner = bundle_pb2.Manifest.DESCRIPTOR
        if inner is not None:
            yield from self.message(position, position + size, inner, indent, base)
        else:
            value = self._read(position, min(size, _MOST_TEXT))
            yield from self._bytes(position, size, _note(field, value, size), indent, base)

    def _bytes(self, position: int, size: int, note: str, indent: str, base: int) -> Iterator[str]:
        shown = size if self._most is None else min(size, self._most)
        for at in range(0, shown, _BYTES_A_LINE):
            data = self._read(position + at, min(_BYTES_A_LINE, shown - at))
            yield _line(position + at - base, data, indent, "" if at else note)
        if shown < size:
            yield f"{position + shown - base:04x}  {indent}-- {_count(size - shown)} more"

    def _read(self, position: int, size: int) -> bytes:
        return bytes(self._source.read(position, size)) if size else b""


def _line(offset: int, data: bytes, indent: str, note: str) -> str:
    return f"{offset:04x}  {indent + data.hex(' ').upper():<{_WIDTH}}  {note}".rstrip()


def _varint(data: bytes, position: int) -> tuple[int, int] | None:
    value = 0
    for index, byte in enumerate(data):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value & 2**64 - 1, position + index + 1
    return None


def _count(size: int) -> str:
    return f"{size} byte" if size == 1 else f"{size} bytes"


def _note(field: FieldDescriptor | None, value: bytes, size: int) -> str:
    """What a value, or its beginning, says: numbers, or a text that steers no terminal."""
    if field is not None and field.type in _PACKED:
        numbers = _varints(value)
        shown = ", ".join(map(str, numbers[:_MOST_NUMBERS]))
        return f"{shown}, ..." if size > len(value) or len(numbers) > _MOST_NUMBERS else shown
    if field is not None and field.type == FieldDescriptor.TYPE_STRING:
        try:
            text = value.decode()
        except UnicodeDecodeError:
            return ""
    elif value.isascii():
        text = value.decode()
    else:
        return ""
    return f'"{text}"' + ("..." if size > len(value) else "") if text.isprintable() else ""


def _varints(data: bytes) -> list[int]:
    """The numbers of a packed column, as far as they are whole."""
    numbers = []
    position = 0
    while found := _varint(data[position : position + _VARINT_BYTES], position):
        number, position = found
        numbers.append(number)
    return numbers
