"""What goes between two processes of ours: a header in JSON, and bytes behind it."""

import asyncio
import json
import socket
import struct
from typing import Any

_SIZES = struct.Struct("!IQ")


def pack(header: dict[str, Any], payload: bytes | memoryview) -> bytes:
    """What stands before the payload."""
    data = json.dumps(header).encode()
    return _SIZES.pack(len(data), len(payload)) + data


def send(link: socket.socket, header: dict[str, Any], payload: bytes) -> None:
    """Send both.

    Raises:
        OSError: the other end is gone.
    """
    link.sendall(pack(header, payload))
    link.sendall(payload)


def receive(link: socket.socket) -> tuple[Any, bytes]:
    """What comes next.

    Raises:
        OSError: nothing does: the other end is gone.
    """
    size, rest = _SIZES.unpack(_exactly(link, _SIZES.size))
    header = json.loads(_exactly(link, size))
    return header, _exactly(link, rest)


def _exactly(link: socket.socket, size: int) -> bytes:
    taken = bytearray(size)
    view, done = memoryview(taken), 0
    while done < size:
        came = link.recv_into(view[done:])
        if not came:
            raise ConnectionResetError
        done += came
    return bytes(taken)


async def read(link: asyncio.StreamReader) -> tuple[Any, bytes]:
    """As `receive`.

    Raises:
        asyncio.IncompleteReadError, OSError: the other end is gone.
    """
    size, rest = _SIZES.unpack(await link.readexactly(_SIZES.size))
    header = json.loads(await link.readexactly(size))
    return header, await link.readexactly(rest)
