"""numba under `precompile run`: unmodified programs, fresh processes."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.forking import Interpreters
from tests.programs import RUN

pytestmark = pytest.mark.compilers

HELPER = """
from numba import njit
SCALE = 3
@njit
def inner(x):
    return x * 2
"""
PROGRAM = """
import sys
import numpy as np
from numba import cfunc, guvectorize, njit, prange, vectorize
import helper
from helper import inner

@njit(cache=True)
def calls(x):
    return inner(x) + helper.SCALE

@njit(cache=True, parallel=True)
def in_parallel(x):
    total = 0.0
    for i in prange(len(x)):
        total += x[i]
    return total

@vectorize(["float64(float64)"], cache=True)
def elementwise(x):
    return x + helper.SCALE

@guvectorize(["void(float64[:],float64[:])"], "(n)->(n)", cache=True)
def generalized(x, out):
    for i in range(len(x)):
        out[i] = x[i] * 2

@cfunc("float64(float64)", cache=True)
def callback(x):
    return x + 5

def closing_over(function, k):
    @njit(cache=True)
    def closure(x):
        return function(x) + k
    return closure

x = np.arange(4.0)
print(calls(2), calls(2.5), in_parallel(x), elementwise(x), generalized(x), callback.ctypes(1.0))
print(closing_over(inner, 1)(2), closing_over(inner, 2)(2))
"""
ANSWER = "7 8.0 6.0 [3. 4. 5. 6.] [0. 2. 4. 6.] 6.0\n5 6\n"
FUNCTIONS = 9  # by signature; of a generalized one, what calls it too
ONE_SIGNATURE = """
import sys
import numpy as np
from numba import njit

@njit(cache=True)
def function(x):
    return x + 1

print(function(getattr(np, sys.argv[1])(1)))
"""
TAKES_A_FUNCTION = """
from numba import njit

@njit
def inner(x):
    return x

@njit(cache=True)
def function(given, x):
    return given(x)

print(function(inner, 1))
"""


class Ran(NamedTuple):
    out: str
    said: str
    report: Mapping[str, Any]


class Programs:
    """Each in a process of its own."""

    def __init__(self, python: Sequence[str]) -> None:
        """`python` is the beginning of a command that does what Python does."""
        self.python = python

    def plain(self, folder: Path, **variables: str) -> tuple[str, str]:
        """What program.py prints on stdout and stderr, without us."""
        return self._finished(folder, ["program.py"], variables)

    def run(self, folder: Path, bundle: Path, *arguments: str, **variables: str) -> Ran:
        """program.py by `precompile run`, or another with its arguments."""
        report = folder / "report.json"
        options = ["-v", "--why-miss", "--report", str(report), "--bundle", str(bundle)]
        command = [*RUN, *options, *(arguments or ("program.py",))]
        told = self._finished(folder, command, variables)
        return Ran(*told, json.loads(report.read_text())["compilers"]["numba"])

    def _finished(
        self, folder: Path, command: Sequence[str], variables: Mapping[str, str]
    ) -> tuple[str, str]:
        done = subprocess.run(
            [*self.python, *command],
            cwd=folder,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        )
        return done.stdout, done.stderr


@pytest.fixture(scope="module")
def programs(with_numba: Interpreters) -> Programs:
    """Forked, but for those that are told something by numba's variables."""
    return Programs(with_numba.stand_in())


def project(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "helper.py").write_text(HELPER)
    (folder / "program.py").write_text(PROGRAM)
    return folder


@pytest.fixture(scope="module")
def recorded(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with its bundle, and with what numba itself keeps below __pycache__."""
    folder = project(tmp_path_factory.mktemp("numba") / "here")
    ran = programs.run(folder, folder / "bundle")
    assert ran.out == ANSWER
    assert (ran.report["served"], ran.report["compiled"]) == (0, FUNCTIONS)
    return folder


def moved(recorded: Path, tmp_path: Path) -> Path:
    """The project elsewhere, its files a day older, without what numba keeps."""
    folder = project(tmp_path / "elsewhere" / "app")
    for path in folder.iterdir():
        os.utime(path, (1e9, 1e9))
    shutil.copy(recorded / "bundle", folder)
    return folder


def test_in_a_project_that_was_moved_ours_hits_and_numbas_own_cache_misses(
    programs: Programs, recorded: Path, tmp_path: Path
) -> None:
    folder = moved(recorded, tmp_path)
    ran = programs.run(folder, folder / "bundle", HOME=str(tmp_path))
    assert ran.out == ANSWER
    assert (ran.report["served"], ran.report["compiled"]) == (FUNCTIONS, 0)
    # numba's, with a directory that was kept: a folder in it has the name of the program's path.
    own = {"NUMBA_CACHE_DIR": str(tmp_path / "own"), "NUMBA_DEBUG_CACHE": "1"}
    told = [programs.plain(place, **own)[0] for place in (recorded, recorded, folder)]
    hits = [text.count("data loaded") for text in told]
    assert hits[0] == hits[2] == 0
    assert hits[1] > 0


def test_what_a_function_reads_in_another_file_is_never_served_stale(
    programs: Programs, recorded: Path, tmp_path: Path
) -> None:
    folder = moved(recorded, tmp_path)
    # numba's own cache is there, too, and believes itself fresh.
    shutil.copytree(recorded / "__pycache__", folder / "__pycache__")
    (folder / "helper.py").write_text(HELPER.replace("SCALE = 3", "SCALE = 4"))
    ran = programs.run(folder, folder / "bundle")
    assert ran.out == ANSWER.replace("7 8.0", "8 9.0").replace("[3. 4. 5. 6.]", "[4. 5. 6. 7.]")
    assert (ran.report["served"], ran.report["compiled"]) == (FUNCTIONS - 3, 3)
    assert "source: helper.SCALE: " in ran.said


@pytest.mark.parametrize(
    ("variables", "fact"),
    [
        ({"NUMBA_CPU_NAME": "generic"}, "numba.cpu: needs {"),
        ({"NUMBA_BOUNDSCHECK": "1"}, "numba.boundscheck: needs {None}, here {1}"),
    ],
    ids=["fewer-features", "setting"],
)
def test_code_for_another_processor_or_setting_is_refused_by_name(
    programs: Programs, recorded: Path, tmp_path: Path, variables: dict[str, str], fact: str
) -> None:
    folder = moved(recorded, tmp_path)
    ran = programs.run(folder, folder / "bundle", **variables)
    assert ran.out == ANSWER
    assert ran.report["served"] == 0
    assert fact in ran.said
    assert programs.run(folder, folder / "bundle", **variables).report["served"] == FUNCTIONS


def test_signatures_that_several_processes_compile_at_once_are_all_kept(
    programs: Programs, tmp_path: Path
) -> None:
    names = ["int32", "int64", "float32", "float64"]
    (tmp_path / "one.py").write_text(ONE_SIGNATURE)
    command = [*programs.python, *RUN, "--bundle", "bundle", "one.py"]
    started = [subprocess.Popen([*command, name], cwd=tmp_path) for name in names]
    assert [process.wait(300) for process in started] == [0] * len(names)
    for name in names:
        shutil.rmtree(tmp_path / "__pycache__", ignore_errors=True)
        ran = programs.run(tmp_path, tmp_path / "bundle", "one.py", name)
        assert (ran.report["served"], ran.report["compiled"]) == (1, 0)


def test_numbas_own_cache_is_kept_beside_ours(programs: Programs, recorded: Path) -> None:
    out, _ = programs.plain(recorded, NUMBA_DEBUG_CACHE="1")
    assert "data loaded" in out


def test_a_function_that_numba_could_not_find_again_is_left_to_it_and_said(
    programs: Programs, tmp_path: Path
) -> None:
    (tmp_path / "one.py").write_text(TAKES_A_FUNCTION)
    for _ in range(2):
        ran = programs.run(tmp_path, tmp_path / "bundle", "one.py")
        assert "another name in each process" in ran.report["skipped"]["__main__.function"]
        assert (ran.report["recorded"], ran.report["served"]) == (0, 0)


def test_what_cannot_be_loaded_is_compiled_and_replaced() -> None:
    from numba import njit

    from precompile_context.adapters.numba import NumbaAdapter
    from precompile_context.testing import MemoryPart

    def function(x: int) -> int:
        return x + 1

    adapter, part = NumbaAdapter(), MemoryPart()
    adapter.start(part)
    try:
        assert njit(cache=True)(function)(1) == 2
        ((name, (content, fields)),) = part.contents.items()
        part.contents[name] = (b"\x80\x04no pickle", fields)
        assert njit(cache=True)(function)(1) == 2
        assert part.told
        assert part.contents[name][0][:2] == content[:2]
        assert njit(cache=True)(function)(1) == 2
    finally:
        adapter.stop()
    assert adapter.report() == {"served": 1, "compiled": 2, "skipped": {}}
