"""Annotated hex back to its bytes: the lines of an example hold every one."""

import re

_LINE = re.compile(r"^([0-9a-f]{4,}) +((?:[0-9A-F]{2} )*[0-9A-F]{2})(?: {2,}(\S.*))?$")


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
