"""`precompile run` of a plain call: what the command line comes to, without importing it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import _precompile_command

# What would be executed, and which of our modules are there by then.
_SHOWN = """
import json, os, sys
def execve(path, arguments, environ):
    variables = {n: v for n, v in environ.items() if n.startswith("PRECOMPILE")}
    mine = sorted({m for m in sys.modules if m.split(".")[0] in ("precompile_context", "typer")})
    print(json.dumps([path, arguments, variables, mine]))
    sys.exit()
os.execve = execve
"""


def _became(main: str, folder: Path, arguments: list[str]) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", f"{_SHOWN}from {main} import main; main()", "run", *arguments],
        cwd=folder,
        env={n: v for n, v in os.environ.items() if "PRECOMPILE_" not in n},
        capture_output=True,
        text=True,
        check=True,
    )
    path, argv, variables, modules = json.loads(done.stdout)
    settings = json.loads(variables.pop("PRECOMPILE_RUN"))
    settings.pop("pid")
    return path, argv, variables, settings, modules


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plain")
    (folder / "train.py").touch()
    (folder / "two.parts.py").touch()
    (folder / "launch").touch()
    (folder / "link.py").symlink_to("train.py")
    (folder / "package").mkdir()
    return folder


@pytest.mark.parametrize(
    "arguments",
    [
        ["train.py"],
        ["./train.py", "--lr", "1", "--bundle", "theirs"],
        ["two.parts.py"],
        ["link.py"],
        ["package"],
        ["launch", "-n", "2", "train.py"],
        ["-m", "train", "-v"],
        ["--bundle", "b", "-c", "print(1)"],
        ["--bundle=b", "--read-only", "--precompile", "--why-miss", "--quarantine", "train.py"],
        ["--bundle", "folder/", "-q", "train.py"],
        ["--verbose", "--report", "r.json", "train.py"],
    ],
    ids=" ".join,
)
def test_a_plain_call_comes_to_what_the_command_line_does(
    folder: Path, arguments: list[str]
) -> None:
    *plain, modules = _became("_precompile_command", folder, arguments)
    *whole, _ = _became("precompile_context.cli", folder, arguments)
    defaults = {name: value for name, value in whole[3].items() if name not in plain[3]}
    assert defaults.items() <= _defaults().items()
    plain[3] |= defaults
    assert plain == whole
    if "--report" not in arguments:
        assert modules == []
    assert "typer" not in modules


def _defaults() -> dict[str, Any]:
    from precompile_context.session.settings import Settings

    told = vars(Settings(bundle="", read_only=False, report=None, pid=0))
    return {**told, "trust": []}


@pytest.mark.parametrize(
    "arguments",
    [
        ["inspect", "b"],
        [],
        ["run"],
        ["run", "--help"],
        ["run", "--bundle"],
        ["run", "--bundle", "b"],
        ["run", "--bundle", "a", "--bundle", "b", "train.py"],
        ["run", "--bundle", "s3://bucket/b", "train.py"],
        ["run", "--bundle", "", "train.py"],
        ["run", "--bundle", "b", "--report", "b", "train.py"],
        ["run", "--read-only=1", "train.py"],
        ["run", "-qv", "train.py"],
        ["run", "-q", "-v", "train.py"],
        ["run", "--trust", "k", "train.py"],
        ["run", "--unsigned", "train.py"],
        ["run", "--", "train.py"],
        ["run", "--reed-only", "train.py"],
        ["run", "-c", "print(1)"],
        ["run", "-m"],
        ["run", "-m", "--precompile"],
        ["run", "--bundle", "b", "-c", "--precompile", "train.py"],
        ["run", "--report", "train.py", "train.py"],
        ["run", "-"],
        ["run", "torchrun", "train.py"],
    ],
    ids=" ".join,
)
def test_what_is_not_plain_is_the_command_lines(
    folder: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert _precompile_command.understood(arguments, {}) is None


def test_variables_and_projects_may_hold_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "train.py").touch()
    monkeypatch.chdir(tmp_path / "below")
    plain = ["run", "train.py"]
    assert _precompile_command.understood(plain, {"HOME": "/"}) is not None
    assert _precompile_command.understood(plain, {"PRECOMPILE_RUN_BUNDLE": "b"}) is None
    project = tmp_path / "pyproject.toml"
    project.write_text("[tool.precompile.run]\nbundle = 'b'\n")
    assert _precompile_command.understood(plain, {}) is None
    project.write_text("[project]\ndependencies = ['precompile-context[cli]']\n")
    assert _precompile_command.understood(plain, {}) is not None


def _ran(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from _precompile_command import main; main()", "run"]
    return subprocess.run(
        [*command, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("replaced", ["bundle", "program"])
def test_a_report_replaces_neither_bundle_nor_program(folder: Path, replaced: str) -> None:
    report = {"bundle": "b", "program": "train.py"}[replaced]
    done = _ran(folder, "--bundle", "b", "--report", report, "train.py")
    assert (done.returncode, (folder / "train.py").read_text()) == (2, "")
    assert f"the report would replace the {replaced}" in done.stderr


def test_what_fails_at_a_plain_call_is_told_by_the_command_line(folder: Path) -> None:
    done = _ran(folder, "--report", "nowhere/r.json", "train.py")
    assert done.returncode == 1
    assert "nowhere/r.json" in done.stderr
    assert "Traceback" not in done.stderr
