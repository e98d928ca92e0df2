"""The programs in examples/ that need no compiler but themselves run, cold and warm."""

import re
import subprocess
import sys
from pathlib import Path

from tests.test_cli import run

TOY = Path(__file__).parents[2] / "examples/toy_compiler.py"


def _toy(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, str(TOY), "toy.precompile", "build.pem"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_toy_compiler_compiles_in_its_first_run_alone(tmp_path: Path) -> None:
    assert run("keygen", str(tmp_path / "build.pem")).status == 0
    served = r"a fourth 0 and was served 3: \[3.5, 5.0, 7.0\]\n"
    # Each of three functions is asked for by two processes, which may or may not overlap.
    assert re.fullmatch(f"three processes compiled [3-6], {served}", _toy(tmp_path))
    assert re.fullmatch(f"three processes compiled 0, {served}", _toy(tmp_path))


def test_the_toy_compiler_s_bundle_is_signed_and_whole(tmp_path: Path) -> None:
    assert run("keygen", str(tmp_path / "build.pem")).status == 0
    _toy(tmp_path)
    public = str(tmp_path / "build.pem.pub")
    assert run("verify", str(tmp_path / "toy.precompile"), "--trust", public).status == 0
