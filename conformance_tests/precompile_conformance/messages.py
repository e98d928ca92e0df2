"""Messages on a pipe: 4 bytes of length, little-endian, then a serialized protobuf message."""

import struct

from google.protobuf.message import DecodeError, Message

LENGTH = struct.Struct("<I")
# Far above what any case asks for: a testee that claims more is not speaking this protocol.
MAX_MESSAGE = 256 << 20
_SHOWN = 40


class GarbledError(Exception):
    """Bytes that are no message of the protocol."""


def packed(message: Message) -> bytes:
    """The message with its length before it."""
    data = message.SerializeToString()
    return LENGTH.pack(len(data)) + data


def message_size(buffer: bytes | bytearray) -> int | None:
    """Bytes of the first message in the buffer, its length included; None where that is cut.

    Raises:
        GarbledError: the length is beyond what any message has.
    """
    if len(buffer) < LENGTH.size:
        return None
    (size,) = LENGTH.unpack_from(buffer)
    if size > MAX_MESSAGE:
        shown = bytes(buffer[:_SHOWN])
        raise GarbledError(f"its output begins with {shown!r}; that is no message")
    return LENGTH.size + int(size)


def parse(data: bytes, into: Message) -> None:
    """Fill `into`.

    Raises:
        GarbledError: the bytes are no such message.
    """
    try:
        into.ParseFromString(data)
    except DecodeError as error:
        name = into.DESCRIPTOR.name
        raise GarbledError(f"{len(data)} bytes that are no {name}: {error}") from None
