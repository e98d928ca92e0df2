"""docs/stores.md: its norm is what the code names, and its numbers are the code's."""

import re
from pathlib import Path

from precompile_context import stores
from precompile_context.stores import attaching, level, names, reading

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "stores.md").read_text(encoding="utf-8")
CODE = "\n".join(path.read_text() for path in Path(stores.__file__).parent.rglob("*.py"))
# How a piece is replaced, and that none is changed: nothing here deletes or changes one.
UNTRACED = {"STORE-006"}


def test_each_requirement_has_a_place_in_the_code() -> None:
    said = re.findall(r"^- \*\*(STORE-\d{3})\*\* ", TEXT, flags=re.MULTILINE)
    assert said == sorted(set(said))
    assert set(re.findall(r"\[(STORE-\d{3})\]", CODE)) == set(said) - UNTRACED


def test_numbers_are_those_of_the_code() -> None:
    assert reading.WHOLE_BYTES == 1 << 20
    assert "up to 1 MiB is fetched whole" in TEXT
    assert f"first {reading.HEAD_BYTES} bytes and the last {reading.TAIL_BYTES >> 10} KiB" in TEXT
    assert f"no more than {reading.GAP_BYTES >> 10} KiB between them" in TEXT
    assert f"up to {reading.REQUESTS} requests" in TEXT
    assert f"no longer than {attaching.READ_SECONDS:g} seconds" in TEXT
    assert f"waits {attaching.PUSH_SECONDS:g} seconds more" in TEXT
    assert f"at most {level.MOST_BYTES >> 30} GiB" in TEXT


def test_each_kind_of_name_and_each_option_is_told() -> None:
    for scheme in set(names.SCHEMES) - {"http"}:
        assert f"| `{scheme}:" in TEXT
    for options in names.OPTIONS.values():
        for option in options:
            assert re.search(rf"[`?]{option}=", TEXT), option
