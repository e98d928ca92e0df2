"""The runs of one program: cold and warm, each a process with empty cache directories."""

import dataclasses
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.children import ROOT, bounded
from benchmarks.pytorch_table import QUICK
from precompile_context.cli.demo_runs import PRECOMPILE

PROGRAMS = Path(__file__).with_name("programs")
_CLOCKED = Path(__file__).with_name("clocked.py")
# Before each line that torch logs: level and date, time, process.
_STAMP = re.compile(r"\b[DIWEC]\d{4} \d\d:\d\d:\d\d\.\d+ \d+ ")
_PROCESS = re.compile(r"\b(?:0x[0-9a-f]{6,}|tmp[\w-]{8}\b)")


@dataclass(frozen=True)
class Run:
    """What one process printed and did.

    Attributes:
        wall, cpu: seconds of compiling, and of applying what was saved; cpu is processor time,
            compilers' included.
        process: processor seconds from the process's start to its end, imports included.
        size: bytes that it was warm from, or that it saved.
        appended: artifacts that were new in the bundle.
        frames: served and compiled ones of the automatic mode, with reasons; else empty.
        compilers: what each adapter says, by its name; empty without a bundle.
    """

    status: int
    stdout: str
    stderr: str
    wall: float = 0.0
    cpu: float = 0.0
    process: float = 0.0
    hits: int = 0
    misses: int = 0
    kernels: int = 0
    size: int = 0
    appended: int = 0
    frames: dict[str, Any] = field(default_factory=dict)
    compilers: dict[str, Any] = field(default_factory=dict)

    def differences(self, other: "Run") -> list[str]:
        """In what this run's outcome is not another's; the bits of results apart."""
        (ours, our_bits), (theirs, their_bits) = _apart(self.stdout), _apart(other.stdout)
        pairs = {
            "status": (self.status, other.status),
            "bits": (our_bits, their_bits),
            "stdout": (ours, theirs),
            "stderr": (_messages(self.stderr), _messages(other.stderr)),
        }
        return [name for name, (one, two) in pairs.items() if one != two]


def _apart(stdout: str) -> tuple[list[str], list[str]]:
    lines = stdout.splitlines()
    digests = [line for line in lines if line.startswith("bits ")]
    return [line for line in lines if line not in digests], digests


def _messages(stderr: str) -> list[str]:
    """Lines without our own, and without what is another in each process."""
    lines = (line for line in stderr.splitlines() if not line.startswith("precompile: "))
    return [_PROCESS.sub("", _STAMP.sub("", line)) for line in lines]


def _limit() -> float:
    """No run takes longer, however busy the machine is."""
    return 900


class Program:
    """One program with its arguments, below a scratch directory of its own.

    `seconds` is asked how long the next run may take.
    """

    def __init__(
        self, path: Path, scratch: Path, *arguments: str, seconds: Callable[[], float] = _limit
    ) -> None:
        self._command = [str(path), *arguments]
        self._scratch = scratch
        self._seconds = seconds
        self._mega, self.bundle = scratch / "mega-cache", scratch / "b.precompile"

    def measure(self) -> dict[str, Run]:
        """All runs: `cold`, `mega-cache`, `recording`, `run` and `precompile`."""
        return {
            "cold": self._alone("--save", str(self._mega)),
            "mega-cache": self._alone("--load", str(self._mega)),
            "recording": self._ours(self.bundle, "--precompile"),
            "run": self._ours(self._copy()),
            "precompile": self._ours(self._copy(), "--precompile"),
        }

    def _copy(self) -> Path:
        """Of the bundle as it was recorded, if any, so that no warm run extends another's."""
        copy = Path(tempfile.mkdtemp(dir=self._scratch), self.bundle.name)
        if self.bundle.exists():
            shutil.copy(self.bundle, copy)
        return copy

    def _alone(self, *options: str) -> Run:
        run, figures = self._clocked([], *options)
        if not figures:
            return run
        return dataclasses.replace(
            run,
            hits=figures["fx_hits"] + figures["aot_hits"],
            misses=figures["fx_misses"] + figures["aot_misses"],
            kernels=figures["kernels_built"],
            size=self._mega.stat().st_size if self._mega.exists() else 0,
        )

    def _ours(self, bundle: Path, *options: str) -> Run:
        path = self._scratch / "report.json"
        path.unlink(missing_ok=True)
        command = [*PRECOMPILE[1:], "run", "--bundle", str(bundle), *options]
        run, _ = self._clocked([*command, "--report", str(path)])
        if not path.exists():
            return run
        report = json.loads(path.read_text())
        caches = report["graphs"]["fx"], report["graphs"]["aot"]
        return dataclasses.replace(
            run,
            hits=sum(cache["hits"] for cache in caches),
            misses=sum(cache["misses"] for cache in caches),
            kernels=report["kernels"]["built"],
            size=bundle.stat().st_size if bundle.exists() else 0,
            appended=report["artifacts"]["recorded"],
            frames=report["precompile"] or {},
            compilers=report["compilers"],
        )

    def _clocked(self, before: list[str], *options: str) -> tuple[Run, dict[str, Any]]:
        """What the process did, and the figures of its clock; none where it failed."""
        path = self._scratch / "figures.json"
        path.unlink(missing_ok=True)
        clocked = [str(_CLOCKED), "--figures", str(path)]
        spent = _spent()
        done = self._process([*before, *clocked, *options, *self._command])
        figures = json.loads(path.read_text()) if path.exists() else {}
        run = Run(
            done.returncode,
            done.stdout,
            done.stderr,
            wall=figures.get("wall", 0.0),
            cpu=figures.get("cpu", 0.0),
            process=_spent() - spent,
        )
        return run, figures

    def _process(self, arguments: list[str]) -> subprocess.CompletedProcess[str]:
        home = Path(tempfile.mkdtemp(dir=self._scratch))
        temporary = home / "tmp"
        temporary.mkdir()
        places = {"TORCHINDUCTOR_CACHE_DIR": str(home / "cache"), "TMPDIR": str(temporary)}
        environ = {
            **os.environ,
            **QUICK,
            **places,
            "TRITON_HOME": str(home),
            "HOME": str(self._scratch),
            "PYTHONPATH": str(ROOT),
            "HF_HUB_OFFLINE": "1",
        }
        return bounded([sys.executable, *arguments], environ, self._seconds())


def _spent() -> float:
    """Processor seconds of the children that have ended, and of theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
