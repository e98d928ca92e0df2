"""A program run plainly and by `precompile run`, each time with empty caches."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tests.cuda_warning import without_cuda_warning
from tests.forking import Interpreters

RUN = ["-c", "from _precompile_command import main; main()", "run"]
# As torchrun has it for its ranks, so that these are forked from the same interpreters.
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
# Probing for instruction sets and compiling headers would take most of the time; kernels with
# vectors take twice as long as those without.
QUICK = {
    "TORCHINDUCTOR_VEC_ISA_OK": "0",
    "TORCHINDUCTOR_CPP_CACHE_PRECOMPILE_HEADERS": "0",
    "TORCHINDUCTOR_COMPILE_THREADS": "1",
    **ONE_THREAD,
}


@dataclass(frozen=True)
class Ran:
    """What was seen of a program, and the run's report; empty for a plain run."""

    stdout: str
    stderr: str
    report: dict[str, Any]

    @property
    def frames(self) -> tuple[int, int, int]:
        """Served, compiled and saved."""
        part = self.report["precompile"]
        return part["served"], part["compiled"], part["saved"]

    @property
    def reasons(self) -> dict[str, str]:
        """Why frames are cold, by name."""
        reasons: dict[str, str] = self.report["precompile"]["cold"]
        return reasons


class Programs:
    """Programs in one directory, with one bundle; each starts anew, or is forked."""

    def __init__(self, place: Path, interpreters: Interpreters | None = None) -> None:
        self.place = place
        self._interpreters = interpreters

    def write(self, **sources: str) -> None:
        """Modules, by name."""
        for name, source in sources.items():
            (self.place / f"{name}.py").write_text(source)

    def plain(self, **variables: str) -> Ran:
        """program.py without us."""
        return Ran(*self._finished(["program.py"], variables), {})

    def run(self, *options: str, **variables: str) -> Ran:
        """program.py by `precompile run`."""
        report = self.place / "report.json"
        command = [*RUN, *options, "--bundle", "b.precompile", "--report", str(report)]
        seen = self._finished([*command, "program.py"], variables)
        return Ran(*seen, json.loads(report.read_text()))

    def precompile(self, **variables: str) -> Ran:
        """program.py by `precompile run --precompile`."""
        return self.run("--precompile", **variables)

    def _finished(self, command: list[str], variables: dict[str, str]) -> tuple[str, str]:
        environ = empty_caches(self.place, **QUICK | variables)
        return finished(self._interpreters, command, self.place, environ)


class Run(Protocol):
    """Runs a program, forked, in a folder: exit status, stdout and stderr."""

    def __call__(self, folder: Path, *options: str) -> tuple[int, str, str]: ...


def ended(interpreters: Interpreters, command: list[str], place: Path) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of `python COMMAND`, forked, however it ends."""
    done = interpreters.run(command, cwd=place, env=os.environ)
    return done.returncode, done.stdout, done.stderr


def variant(program: str, *, edited: bool) -> str:
    """A program in which `«one¦other»` stands for what is edited."""
    pieces = program.replace("»", "«").split("«")
    return "".join(
        piece.split("¦")[edited] if number % 2 else piece for number, piece in enumerate(pieces)
    )


def empty_caches(place: Path, **variables: str) -> dict[str, str]:
    """An environment in which torch finds nothing that it has compiled before."""
    home = Path(tempfile.mkdtemp(dir=place))
    (home / "tmp").mkdir()
    caches = {"TORCHINDUCTOR_CACHE_DIR": str(home / "cache"), "TMPDIR": str(home / "tmp")}
    return {**os.environ, **caches, **variables}


def finished(
    interpreters: Interpreters | None, command: list[str], place: Path, environ: dict[str, str]
) -> tuple[str, str]:
    """What Python prints on stdout and stderr, started anew or forked; it must end well."""
    if interpreters is None:
        done = subprocess.run(
            [sys.executable, *command],
            cwd=place,
            env=environ,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    else:
        done = interpreters.run(command, cwd=place, env=environ)
    stderr = without_cuda_warning(done.stderr)
    assert done.returncode == 0, stderr
    return done.stdout, stderr
