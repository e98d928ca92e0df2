"""The compiler that remembers gives what the real one gives, and asks it once."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import remembering

# Its output is all that it was given; it warns of each, and refuses what says so.
COMPILER = """#!/bin/sh
echo "$@" >> {calls}
for argument; do shift; case "$argument" in -o) output=$1 ;; *.cpp) source=$argument ;; esac
set -- "$@" "$argument"; done
echo "warning: of $source" >&2
grep -q refused "$source" && exit 1
cat "$source" > "$output"
"""


@dataclass
class Place:
    """A folder with the two compilers, and how often the real one was called."""

    folder: Path

    @property
    def calls(self) -> int:
        log = self.folder / "calls"
        return len(log.read_text().splitlines()) if log.exists() else 0

    def compile(self, source: str, name: str, *flags: str) -> tuple[int, str, str | None]:
        """Exit status, what it told, and what it made of the source in a file of this name."""
        path, output = self.folder / f"{name}.cpp", self.folder / f"{name}.so"
        path.write_text(source)
        command = [str(self.folder / "bin" / "g++"), *flags, str(path), "-o", str(output)]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.returncode, done.stderr, output.read_text() if output.exists() else None


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    for name in ("real", "bin", "store"):
        (tmp_path / name).mkdir()
    real = tmp_path / "real" / "g++"
    real.write_text(COMPILER.format(calls=tmp_path / "calls"))
    real.chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", f"{real.parent}:/usr/bin:/bin")
        assert remembering.install(tmp_path / "bin", tmp_path / "store", headers="of today")
    return Place(tmp_path)


def test_the_same_source_elsewhere_is_compiled_once(place: Place) -> None:
    first, second = place.compile("one", "a"), place.compile("one", "b")
    assert first[2] == second[2] == "one"
    assert first[:2] == second[:2]
    assert "warning" in first[1]
    assert place.calls == 1


@pytest.mark.parametrize(("source", "flags"), [("other", []), ("one", ["-O1"])])
def test_another_source_or_flag_is_compiled(place: Place, source: str, flags: list[str]) -> None:
    place.compile("one", "a")
    assert place.compile(source, "b", *flags)[2] == source
    assert place.calls == 2


def test_what_was_refused_is_refused_again(place: Place) -> None:
    assert [place.compile("refused", name)[0] for name in "ab"] == [1, 1]
    assert place.calls == 2


REAL = shutil.which("g++", path=os.defpath)


@pytest.mark.skipif(REAL is None, reason="NOT RUN: no g++")
def test_a_first_header_that_many_have_is_precompiled_and_changes_no_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.defpath)
    for name in ("bin", "store", "include/torch"):
        (tmp_path / name).mkdir(parents=True)
    assert remembering.install(tmp_path / "bin", tmp_path / "store", headers="of today")
    (tmp_path / "include/torch/prefix.h").write_text("inline int one() { return 1; }\n")
    flags = [f"-I{tmp_path}/include", "-O1", "-g1", "-shared", "-fPIC", "-H"]
    ours, real = str(tmp_path / "bin/g++"), str(REAL)

    def compiled(compiler: str, number: int) -> tuple[bytes, list[str]]:
        source = f"\n#include <torch/prefix.h>\nint f() {{ return one() + {number}; }}\n"
        (tmp_path / "kernel.cpp").write_text(source)
        command = [compiler, "kernel.cpp", *flags, "-o", "kernel.so"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        taken = [line.split()[-1] for line in done.stderr.splitlines() if line.startswith("! ")]
        return (tmp_path / "kernel.so").read_bytes(), taken

    for number in range(remembering.PLAIN + 2):
        output, taken = compiled(ours, number)
        made = [str(path) for path in (tmp_path / "store").rglob("*.gch")]
        assert taken == made
        assert len(made) == (
            number >= remembering.PLAIN
        )  # what is not compiled often is compiled as it is
        assert compiled(real, number) == (output, [])


def test_where_no_compiler_is_none_is_put_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("g++") is None
    assert not remembering.install(tmp_path, tmp_path, headers="")
    assert not list(tmp_path.iterdir())
