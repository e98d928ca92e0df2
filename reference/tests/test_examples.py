"""The programs in examples/ that need no compiler but themselves run, cold and warm."""

import os
import re
import runpy
from pathlib import Path

import pytest

from tests.programs import finished
from tests.test_cli import run

pytestmark = pytest.mark.slow  # programs

TOY = Path(__file__).parents[2] / "examples/toy_compiler.py"
KEYLESS = TOY.with_name("keyless_signing.py")


def _run(folder: Path, *command: str) -> str:
    stdout, stderr = finished(None, [*command], folder, dict(os.environ))
    assert stderr == ""
    return stdout


def _toy(folder: Path) -> str:
    return _run(folder, str(TOY), "toy.precompile", "build.pem")


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


def test_the_keyless_signer_is_believed_for_its_identity_alone(tmp_path: Path) -> None:
    for _ in range(2):
        said = _run(tmp_path, str(KEYLESS), "release.precompile")
        assert said == "applied matmul-64\nrefused UNTRUSTED_SIGNER\n"


def test_the_keyless_verifier_refuses_whatever_is_not_as_it_should_be() -> None:
    names = runpy.run_path(str(KEYLESS))
    now = [1000.0]
    authority, log = names["Authority"](lambda: now[0]), names["Log"](lambda: now[0])
    other = names["Authority"](lambda: now[0])
    signer = names["KeylessSigner"]("me", authority, log)
    verifier = names["KeylessVerifier"]("me", authority.public, log.public)
    good = signer.sign(b"m")
    now[0] += 365 * 86400.0
    assert verifier.verify(good, b"m")
    assert not verifier.verify(good, b"n")
    for bad in (b"", b"{}", b"[]", b"null", good[:-1], good.replace(b"me", b"us")):
        assert not verifier.verify(bad, b"m")
    forged = names["KeylessSigner"]("me", other, log).sign(b"m")
    assert not verifier.verify(forged, b"m")
    times = iter([0.0, names["LIFETIME"] + 1])
    late = names["KeylessSigner"]("me", authority, log)
    authority._clock = log._clock = lambda: next(times)
    assert not verifier.verify(late.sign(b"m"), b"m")
