"""Manual pages: each command has one, with all that its help says."""

import re
import shutil
import subprocess
import warnings
from pathlib import Path

import pytest

from precompile_context.cli.app import COMMANDS, app
from precompile_context.cli.man import page


def test_there_is_a_page_for_each_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "man" / "man1"
    app(["man", str(folder)], prog_name="precompile", standalone_mode=False)
    names = {f"precompile-{name}.1" for name in COMMANDS} | {"precompile.1"}
    assert {path.name for path in folder.iterdir()} == names
    for name in COMMANDS:
        written = (folder / f"precompile-{name}.1").read_text()
        assert all(f".SH {part}" in written for part in ("NAME", "SYNOPSIS", "EXAMPLES"))
    whole = (folder / "precompile.1").read_text()
    assert all(f".B {name}\n" in whole for name in COMMANDS)


def test_a_page_has_every_option_and_the_exit_statuses() -> None:
    written = page("run").replace("\\-", "-")
    for option in ("--bundle", "--read-only", "--max-size", "--require", "-q, --quiet", "--trust"):
        assert f"\n.B {option}" in written
    assert "3 what --require asks for is not so" in written


def test_roff_has_nothing_to_say_against_a_page() -> None:
    if shutil.which("groff") is None:
        warnings.warn("NOT RUN: groff is not installed", stacklevel=1)
        lines = page("merge").splitlines()
        requests = {line.split()[0] for line in lines if line.startswith((".", "'"))}
        assert requests <= {".TH", ".SH", ".PP", ".TP", ".B", ".nf", ".fi"}
        assert not [line for line in lines if re.search(r"\\[^e&-]", line)]
        return
    command = ["groff", "-man", "-Tutf8", "-ww", "-z"]
    for name in (None, *COMMANDS):
        done = subprocess.run(command, input=page(name), capture_output=True, text=True, check=True)
        assert done.stderr == ""
