"""Programs that know of nothing, in the automatic mode: `run --precompile` and PRECOMPILE_CACHE."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.cuda_warning import without_cuda_warning
from tests.forking import Interpreters
from tests.programs import QUICK, RUN

pytestmark = pytest.mark.torch
pytest.importorskip("torch")

PROGRAM = """
import multiprocessing, os, sys, torch

@torch.compile
def one(x):
    return helper(x) @ x

def helper(x):  # defined behind the decorator, as programs do
    return x.T

def child():
    print("child", one(torch.ones(4, 4)).sum().item(), flush=True)

if __name__ == "__main__":
    if "fork" in sys.argv:
        process = multiprocessing.get_context("fork").Process(target=child)
        process.start()
        process.join()
    print("main", one(torch.ones(4, 4)).sum().item(), flush=True)
    if "die" in sys.argv:
        os._exit(0)
"""


def start(interpreters: Interpreters, place: Path, command: list[str], **variables: str) -> str:
    """The program's output, run with empty caches; stderr must be silent."""
    (place / "program.py").write_text(PROGRAM)
    home = Path(tempfile.mkdtemp(dir=place))
    (home / "tmp").mkdir()
    caches = {"TORCHINDUCTOR_CACHE_DIR": str(home / "cache"), "TMPDIR": str(home / "tmp")}
    environ = {**os.environ, **QUICK, **caches, **variables}
    done = interpreters.run(command, cwd=place, env=environ)
    assert (done.returncode, without_cuda_warning(done.stderr)) == (0, "")
    return done.stdout


def run(interpreters: Interpreters, place: Path, *arguments: str) -> dict[str, Any]:
    """The report of a run with --precompile."""
    options = ["--precompile", "--bundle", "b.precompile", "--report", "report.json"]
    start(interpreters, place, [*RUN, *options, "program.py", *arguments])
    report: dict[str, Any] = json.loads((place / "report.json").read_text())
    return report


def test_program_that_dies_has_saved_and_the_next_is_served(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    died = run(interpreters, tmp_path, "die")
    assert died["status"] == "running"
    warm = run(interpreters, tmp_path, "fork")
    assert warm["seconds"]["compile"] > 0  # what is served in its place took time, too
    assert warm["precompile"] == {
        "off": None,
        "served": 1,
        "compiled": 0,
        "saved": 0,
        "cold": {},
        "differs": {},
    }
    (child,) = json.loads((tmp_path / "report.json").read_text())["children"]
    assert (child["precompile"]["served"], child["precompile"]["compiled"]) == (1, 0)
    assert child["graphs"]["compiled"] == 0


def test_variable_alone_switches_the_mode_on(tmp_path: Path, interpreters: Interpreters) -> None:
    command = ["program.py"]
    first = start(interpreters, tmp_path, command, PRECOMPILE_CACHE="cache/")
    bundle = tmp_path / "cache" / "torch.precompile"
    saved = bundle.read_bytes()
    assert start(interpreters, tmp_path, command, PRECOMPILE_CACHE="cache/") == first
    assert bundle.read_bytes() == saved  # all was served


def test_variables_stand_for_options_of_the_mode(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    command = ["program.py", "fork"]
    variables = {"PRECOMPILE_CACHE": "b.precompile", "PRECOMPILE_REPORT": "report.json"}
    start(interpreters, tmp_path, command, **variables)
    (tmp_path / "b.precompile").rename(tmp_path / "made")
    with pytest.raises(AssertionError, match="no bundle is there, and none is to be made"):
        start(interpreters, tmp_path, command, **variables, PRECOMPILE_READ_ONLY="1")
    assert not (tmp_path / "b.precompile").exists()
    (tmp_path / "made").rename(tmp_path / "b.precompile")
    start(interpreters, tmp_path, command, **variables, PRECOMPILE_READ_ONLY="yes")
    report = json.loads((tmp_path / "report.json").read_text())
    (child,) = report["children"]
    assert (report["bundle"]["read_only"], report["precompile"]["served"]) == (True, 1)
    assert child["precompile"]["served"] == 1


def test_report_tells_of_the_mode_only_where_it_is_on(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    start(
        interpreters,
        tmp_path,
        [*RUN, "--bundle", "b.precompile", "--report", "report.json", "program.py"],
    )
    assert json.loads((tmp_path / "report.json").read_text())["precompile"] is None
