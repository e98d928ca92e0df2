"""A bundle as annotated hex: each tag, length and value on a line of its own, with its offset.

    0000  0A 15              Bundle.header, 21 bytes
    0002   0A 11             SegmentHeader.magic, 17 bytes
    0004    70 72 65 63 ...  "precompile.bundle"

The lines hold every byte, so that hex examples can be checked by taking them together.
"""

import re
from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from precompile.v1 import bundle_pb2

_BYTES_A_LINE = 16
_WIDTH = 3 * _BYTES_A_LINE + 3  # a full line, indented by the four levels below a bundle
_PACKED = (FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_UINT64)
_LINE = re.compile(r"^([0-9a-f]{4,}) +((?:[0-9A-F]{2} )*[0-9A-F]{2})(?: {2,}(\S.*))?$")


def annotate(data: bytes) -> str:
    """`data`, a serialized Bundle of known fields alone, as annotated hex."""
    return "\n".join(_message(data, 0, len(data), bundle_pb2.Bundle.DESCRIPTOR, ""))


def parse(text: str) -> bytes:
    """The bytes of annotated hex.

    Raises:
        ValueError: a line is not annotated hex, or its offset is not where it stands.
    """
    data = b""
    for line in text.splitlines():
        match = _LINE.match(line)
        if match is None:
            raise ValueError(f"not a line of annotated hex: {line!r}")
        if int(match[1], 16) != len(data):
            raise ValueError(f"offset {match[1]} stands where {len(data):04x} belongs")
        data += bytes.fromhex(match[2])
    return data


def _line(offset: int, data: bytes, indent: str, note: str) -> str:
    return f"{offset:04x}  {indent + data.hex(' ').upper():<{_WIDTH}}  {note}".rstrip()


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[position] & 0x7F) << shift
        shift += 7
        position += 1
        if data[position - 1] < 0x80:
            return value, position


def _message(data: bytes, position: int, end: int, descriptor: Any, indent: str) -> Iterator[str]:
    while position < end:
        start = position
        tag, position = _varint(data, position)
        field = descriptor.fields_by_number[tag >> 3]
        name = f"{descriptor.name}.{field.name}"
        if tag & 7 == 2:
            size, position = _varint(data, position)
            yield _line(start, data[start:position], indent, f"{name}, {_bytes(size)}")
            yield from _delimited(data, position, size, field, indent + " ")
            position += size
        elif tag & 7 == 0:
            value, position = _varint(data, position)
            yield _line(start, data[start:position], indent, f"{name} = {_number(field, value)}")
        else:
            position += 8
            value = int.from_bytes(data[position - 8 : position], "little")
            yield _line(start, data[start:position], indent, f"{name} = {value}")


def _varints(data: bytes) -> Iterator[int]:
    position = 0
    while position < len(data):
        value, position = _varint(data, position)
        yield value


def _bytes(size: int) -> str:
    return f"{size} byte" if size == 1 else f"{size} bytes"


def _number(field: FieldDescriptor, value: int) -> str:
    if field.enum_type is not None:
        return f"{field.enum_type.values_by_number[value].name} ({value})"
    if field.type == FieldDescriptor.TYPE_SINT64:
        return str((value >> 1) ^ -(value & 1))
    return str(value)


def _delimited(
    data: bytes, position: int, size: int, field: FieldDescriptor, indent: str
) -> Iterator[str]:
    inner: Any = field.message_type
    if field.name == "payload":  # bytes to the envelope, a manifest to its reader
        inner = bundle_pb2.Manifest.DESCRIPTOR
    if inner is not None:
        yield from _message(data, position, position + size, inner, indent)
        return
    value = data[position : position + size]
    note = f'"{value.decode()}"' if field.type == FieldDescriptor.TYPE_STRING else ""
    if field.type in _PACKED:
        note = ", ".join(map(str, _varints(value)))
    if not note and value.isascii() and value.decode().isprintable():
        note = f'"{value.decode()}"'
    for at in range(0, size, _BYTES_A_LINE):
        yield _line(position + at, value[at : at + _BYTES_A_LINE], indent, note if at == 0 else "")
