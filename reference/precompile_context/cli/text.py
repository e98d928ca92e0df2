"""Numbers and names as a person reads them on a terminal of 80 columns."""

import math
import os
import re
import sys
from typing import Any, TextIO

from precompile_context.plural import plural as plural

WIDTH = 80


def size(count: int) -> str:
    """Bytes in decimal units, three digits: 612, 4.61 kB, 1.07 GB."""
    if count < 1000:
        return f"{count} B"
    value = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 999.5 or unit == "TB":
            break
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f} {unit}"


def heading(line: str) -> None:
    """Print a line that others belong to."""
    print(line if sys.stdout is None else coloured(line, "cyan", sys.stdout))


def coloured(line: str, colour: str | None, stream: TextIO) -> str:
    """The line in bold and this colour where the stream is a terminal that takes colours.

    NO_COLOR, set to anything, switches that off.
    """
    plain_terminal = os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") == "dumb"
    if colour is None or plain_terminal or not stream.isatty():
        return line
    import typer

    return typer.style(line, bold=True, fg=colour)


def safe(text: str) -> str:
    """`text` with what is not printable spelled out: a key must not steer a terminal."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def shorten(text: str, width: int) -> str:
    """`text` in at most `width` characters, the middle left out."""
    width = max(width, 12)
    if len(text) <= width:
        return text
    tail = (width - 1) // 3
    return text[: width - 1 - tail] + "…" + (text[-tail:] if tail else "")


def plain(value: Any) -> Any:
    """An attribute's value for JSON: bytes as {"hex": ...}, what JSON has no number for as text."""
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    return repr(value) if isinstance(value, float) and not math.isfinite(value) else value


def bytes_of(size: str) -> int:
    """A number of bytes: 1000, 500MB, 1.5 GB, 2GiB.

    Raises:
        ValueError: it is none.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:([KMGT])(I?))?B?", size.strip().upper(), re.ASCII)
    if found is None:
        raise ValueError(f"{size} is no size: 500MB, 2GB or 1GiB are")
    number, prefix, binary = found.groups()
    power = " KMGT".index(prefix or " ")
    return int(float(number) * (1024 if binary else 1000) ** power)
