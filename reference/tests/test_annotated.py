"""Annotated hex shows every byte of any input, and says what the schema has no name for.

That SPEC.md's examples are what it prints is checked with the norm.
"""

import re
from pathlib import Path

import pytest

from precompile_context.bundle.annotated import annotate
from precompile_context.bundle.source import BufferSource

CORPUS = sorted((Path(__file__).parents[2] / "fuzz" / "corpus" / "bundle").iterdir())
HELLO = (
    bytes.fromhex("0A150A11") + b"precompile.bundle" + bytes.fromhex("10011207") + b"\x0a\x05hello"
)


def _lines(data: bytes, most: int | None = None) -> list[str]:
    return list(annotate(BufferSource(data), most=most))


def _bytes(lines: list[str]) -> bytes:
    pairs = (re.match(r"[0-9a-f]+ +((?:[0-9A-F]{2} )*[0-9A-F]{2})(?:  |$)", line) for line in lines)
    return bytes.fromhex(" ".join(pair[1] for pair in pairs if pair))


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_every_byte_of_any_input_is_shown_once_and_in_order(path: Path) -> None:
    data = path.read_bytes()
    assert _bytes(_lines(data)) == data


@pytest.mark.parametrize("size", range(len(HELLO)))
def test_where_an_input_breaks_off_is_said(size: int) -> None:
    lines = _lines(HELLO[:size])
    assert _bytes(lines) == HELLO[:size]
    whole = size in (0, 23)
    assert any("-- no field of" in line for line in lines) is not whole


def test_a_field_that_the_schema_lacks_is_shown_by_its_number() -> None:
    assert _lines(b"\x7a\x02\xff\xfe")[0].endswith("Bundle.15, 2 bytes")


def test_of_a_long_value_the_beginning_is_shown_and_the_rest_counted() -> None:
    lines = _lines(b"\x12\x85\x02\x0a\x82\x02" + bytes(258), most=32)
    assert lines[-1] == "0026   -- 226 bytes more".replace("   --", "    --", 1)
    assert len(lines) == 5


def test_a_text_that_would_steer_a_terminal_is_no_note() -> None:
    assert '"' not in "\n".join(_lines(b"\x12\x08\x0a\x06\x1b[31mx"))
