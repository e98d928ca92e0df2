"""`precompile run --require`: what is known before, what is said at the end, and the status."""

import json
import os
import pty
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from precompile_context import ArtifactId, BundleFile, PrecompileContext
from precompile_context.adapters.pytorch.summary import summary as summary_of_torch
from precompile_context.adapters.pytorch.warm_start_report import WarmStartReport
from precompile_context.cli.require import Require
from precompile_context.cli.requiring import faults_after
from precompile_context.session.part_report import at_the_end
from precompile_context.session.report import NO_SESSION, entry
from precompile_context.session.settings import Settings
from tests.cuda_warning import without_cuda_warning
from tests.forking import Interpreters
from tests.programs import QUICK, RUN
from tests.signing import ALICE
from tests.test_cli import Done, run
from tests.toys import HERE, blobs

TRAIN = """
import torch

print(torch.compile(lambda x: torch.sin(x) + x)(torch.ones(8)).sum().item())
"""


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def _require(what: str, bundle: Path, *program: str, **variables: str) -> Done:
    os.environ |= variables
    return run("run", "--require", what, "--bundle", bundle, *program)


def _report(*parts: dict[str, Any]) -> dict[str, Any]:
    main, *children = parts
    return {**main, "children": [{**child, "pid": -1} for child in children]}


def _part(status: str = "finished", *, compiled: int = 0, **bundle: Any) -> dict[str, Any]:
    settings = Settings("b", read_only=False, report=None, pid=1)
    session = {**NO_SESSION, "bundle": {**NO_SESSION["bundle"], "matched": True, **bundle}}
    part = entry(settings, status, session=session)
    return {**part, "graphs": {**part["graphs"], "compiled": compiled}}


def _with_toy(**told: Any) -> dict[str, Any]:
    return {**_part(), "compilers": {"toy": {"missed": 0, "matched": True, "reason": None, **told}}}


# before the program starts


def test_a_run_that_cannot_be_warm_does_not_start(tmp_path: Path) -> None:
    bundle = tmp_path / "b.precompile"
    done = _require("warm", bundle, "-c", "print('ran')")
    assert (done.status, done.out) == (3, "")
    assert done.err.splitlines() == [
        f"precompile: {bundle}: not warm: there is no such file",
        "help: a run without --require and --read-only makes it",
    ]
    blobs(HERE, a=b"1").save_to(bundle)
    assert "UNSIGNED" in _require("warm", bundle, "-c", "print('ran')").err
    bundle.write_bytes(b"no bundle")
    assert "NOT_A_BUNDLE" in _require("warm", bundle, "-c", "print('ran')").err
    assert not (tmp_path / "config").exists()


@pytest.mark.torch
def test_a_run_on_another_host_does_not_start(tmp_path: Path, interpreters: Interpreters) -> None:
    bundle = tmp_path / "b.precompile"
    context = PrecompileContext(environment=HERE)
    context.record_artifact("inductor", "a", b"1", torch_key="k")
    context.save_to(bundle)
    options = ("--require", "warm", "--unsigned", "--bundle", str(bundle))
    command = [*RUN, *options, "-c", "print('ran')"]
    done = interpreters.run(command, env={**os.environ, **QUICK})
    assert (done.returncode, done.stdout) == (3, "")
    assert "it was saved in another environment: cpu: needs {avx2}" in done.stderr


def test_a_run_that_cannot_save_does_not_start(tmp_path: Path) -> None:
    bundle = tmp_path / "b.precompile"
    blobs(a=b"1").save_to(bundle)
    BundleFile(bundle).sign(ALICE)
    done = _require("saved", bundle, "-c", "print('ran')")
    assert (done.status, done.out) == (3, "")
    assert "not saved: UNTRUSTED_SIGNER" in done.err
    missing = tmp_path / "no" / "b.precompile"
    done = _require("saved", missing, "-c", "print('ran')")
    assert f"not saved: there is no folder {missing.parent}\nhelp: " in done.err
    both = run("run", "--require", "saved", "--read-only", "--bundle", bundle, "-c", "print('ran')")
    assert (both.status, both.out) == (2, "")
    assert run("run", "--require", "cold", "--bundle", bundle, "-c", "print('ran')").status == 2


# at its end


def test_a_program_that_never_compiles_is_neither(tmp_path: Path) -> None:
    done = _require("saved", tmp_path / "b.precompile", "-c", "print('ran')")
    assert (done.status, done.out) == (3, "ran\n")
    assert "not saved: no compiler was asked for anything\nhelp: " in done.err


@pytest.mark.parametrize("status", [0, 1, 7])
def test_a_program_s_own_failure_is_the_status(status: int, tmp_path: Path) -> None:
    done = _require("saved", tmp_path / "b", "-c", f"raise SystemExit({status})")
    assert done.status == (status or 3)


def test_a_program_that_a_signal_ends_ends_this_too(tmp_path: Path) -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"
    assert _require("saved", tmp_path / "b", "-c", code).status == -signal.SIGTERM


def test_what_a_report_says_decides() -> None:
    warm, saved = Require.WARM, Require.SAVED
    good = _report(_part(), _part())
    assert list(faults_after(warm, good)) == list(faults_after(saved, good)) == []
    idle_parent = _report(_part("idle"), _part())
    assert list(faults_after(warm, idle_parent)) == []
    cases = [
        (warm, _report(_part(compiled=2)), "2 graphs had to be compiled"),
        (warm, _report(_part(), _part(compiled=1)), "process -1: 1 graph had to be compiled"),
        (warm, _report(_part(matched=None)), "there was no bundle"),
        (warm, _report(_part(matched=False, reason="another")), "another"),
        (warm, _report(_with_toy(missed=2)), "toy: 2 look-ups found nothing"),
        (warm, _report(_with_toy(matched=False, reason="another")), "toy: another"),
        (warm, _report(_part("running")), "it ended without telling what it did"),
        (saved, _report(_part(not_saved="not saved: disk full")), "not saved: disk full"),
        (saved, _report(_part("idle")), "no compiler was asked for anything"),
    ]
    for require, told, says in cases:
        assert list(faults_after(require, told)) == [says]


# the line at the end


def test_the_line_at_the_end_counts_what_came_from_the_bundle() -> None:
    report = WarmStartReport(Path("b"))

    def summary(report: WarmStartReport) -> str:
        return at_the_end([summary_of_torch(report, None)], [report])

    assert summary(report) == "nothing was asked of it; 0 artifacts saved"
    report.appended = [ArtifactId("autotune", "z")]
    assert summary(report) == "nothing from the bundle; 1 artifact saved"
    report.applied = [("inductor", "a"), ("inductor_file", "x"), ("inductor_file", "y")]
    report.recorded = (ArtifactId("inductor", "b"),)
    report.loaded = {("inductor", "c"): 1}
    report.recorded += (ArtifactId("inductor", "c"),)  # which torch had in its own cache
    report.appended = [ArtifactId("inductor", "b")]
    said = "1 graph of 2, 2 libraries of 2 from the bundle; 1 artifact saved"
    assert summary(report) == said
    report.not_saved = "not saved: disk full"
    assert summary(report).endswith(" from the bundle; not saved: disk full")


@pytest.mark.torch
def test_a_first_run_saves_and_a_second_is_warm_which_a_terminal_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interpreters: Interpreters
) -> None:
    def forked(
        *options: str, bundle: str = "b.precompile", stderr: str | None = None
    ) -> "subprocess.CompletedProcess[str]":
        command = [*RUN, *options, "--bundle", bundle, "train.py"]
        return interpreters.run(command, env=os.environ, stderr=stderr)

    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(TRAIN)
    for name, value in QUICK.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "first"))
    first = forked("--require", "saved")
    assert (first.returncode, without_cuda_warning(first.stderr)) == (0, "")
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "second"))
    warm = forked("-v", "--require", "warm")
    assert (warm.returncode, warm.stdout) == (0, first.stdout)
    told = re.search(
        r"1 graph of 1, 1 library of 1 from the bundle(, (\d+\.\d) s of compiling not spent)?; "
        r"0 artifacts saved\n$",
        warm.stderr,
    )
    assert told is not None, warm.stderr
    assert told[2] is None or 0 < float(told[2]) < 300  # some machines are quick
    quiet = forked("-q", "--read-only", bundle="none.precompile")
    assert (quiet.returncode, quiet.stderr) == (0, "")
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "third"))
    ours, theirs = pty.openpty()
    assert forked(stderr=os.ttyname(theirs)).returncode == 0
    os.close(theirs)
    assert b"1 graph of 1" in os.read(ours, 4096)
    os.close(ours)
    Path("train.py").write_text(TRAIN.replace("sin", "cos"))
    cold = forked("--require", "warm", "--report", "r")
    assert cold.returncode == 3
    assert "not warm: 1 graph had to be compiled" in cold.stderr
    assert json.loads(Path("r").read_text())["status"] == "finished"
