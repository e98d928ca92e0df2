"""Ranks of one job, all at once: one bundle that all append to, or one each, merged afterwards.

The program starts its own eight ranks, by fork, and is forked itself from one that has imported
torch. `PRECOMPILE_TORCHRUN=1` has torchrun start them, each an interpreter of its own, and
has their graphs hold a kernel, which each of them builds.
"""

import collections
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from precompile_context import UNSIGNED, Bundle, BundleFile
from tests.cuda_warning import without_cuda_warning
from tests.forking import Interpreters
from tests.programs import QUICK

pytestmark = pytest.mark.torch

RANKS = 8
TORCHRUN = os.environ.get("PRECOMPILE_TORCHRUN") == "1"

COMMAND = ["-c", "from _precompile_command import main; main()"]
MODES = {"plain": (), "precompile": ("--precompile",)}

PROGRAM = """
import contextlib, os, sys, tempfile, time, torch
import torch._inductor.compile_fx  # before the ranks are forked

from precompile_context.adapters import pytorch

KERNEL = "KERNEL" in os.environ

@torch.compile
def shared(x):
    return torch.sin(x @ x) if KERNEL else x @ x

@torch.compile
def stage(x):  # the same graph, guarded by what is this rank's
    return torch.sin(x @ x) if KERNEL and rank >= 0 else x @ x if rank >= 0 else x

@torch.compile
def own(x):  # another graph in each rank
    return torch.linalg.multi_dot([x] * (3 + rank))

def run():
    global rank
    rank = int(os.environ["RANK"])
    assert os.environ["WORLD_SIZE"] == "8" and os.environ["LOCAL_RANK"] == str(rank)
    # As on a host of its own.
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = tempfile.mkdtemp()
    kind = {"plain": pytorch.warm_start, "precompile": pytorch.caching_precompile}
    session = contextlib.nullcontext()
    if bundles := os.environ.get("BUNDLES"):
        session = kind[os.environ["MODE"]](f"{bundles}/rank{rank}.precompile")
    x = torch.arange(16.0).view(4, 4) / 16
    results = []
    with session:
        for function in (own, shared, stage):
            if function is shared:
                meet()  # each has opened its bundle, and none has compiled what all have
            results.append(function(x))
            assert torch.allclose(results[-1], function.__wrapped__(x), atol=1e-5)
    line = " ".join(result.sum().item().hex() for result in results)
    os.write(1, f"{rank} {line}\\n".encode())  # whole, whoever else writes

def meet():
    place = os.environ["MEETING"]
    open(f"{place}/{rank}", "w").close()
    deadline = time.monotonic() + 200  # one that failed never comes
    while len(os.listdir(place)) < 8:
        assert time.monotonic() < deadline
        time.sleep(0.01)

def fork(number):
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.environ.update(RANK=str(number), LOCAL_RANK=str(number), WORLD_SIZE="8")
            run()
            status = 0
        finally:
            import atexit
            sys.stderr.flush()
            atexit._run_exitfuncs()
            os._exit(status)
    return child

if __name__ == "__main__":
    if "RANK" in os.environ:
        run()
    else:
        children = [fork(number) for number in range(8)]
        sys.exit(any(os.waitpid(child, 0)[1] for child in children))
"""


class Job:
    """The eight ranks, started as often as is asked for, below one directory."""

    def __init__(self, place: Path, mode: str, interpreters: Interpreters) -> None:
        self._interpreters = interpreters
        self.place = place
        self.mode = mode
        self.bundle = place / "job.precompile"
        (place / "program.py").write_text(PROGRAM)

    def run(self, *options: str) -> tuple[list[str], list[dict[str, Any]]]:
        """With one bundle: what the ranks printed, and their reports."""
        report = self.place / "report.json"
        run = [*COMMAND, "run", "--bundle", str(self.bundle), "--report", str(report)]
        printed = self._start([*run, *MODES[self.mode], *options, *self._program()])
        return printed, json.loads(report.read_text())["children"]

    def run_apart(self) -> tuple[list[str], list[Path]]:
        """With a bundle for each rank: what the ranks printed, and the bundles."""
        printed = self._start(self._program(), BUNDLES=str(self.place), MODE=self.mode)
        return printed, sorted(self.place.glob("rank*.precompile"))

    def merge(self, bundles: list[Path]) -> dict[str, Any]:
        """All bundles into one, and the command's report."""
        command = [*COMMAND, "merge", "--json", "-o", str(self.bundle)]
        output = self._call([*command, *map(str, bundles)], {**os.environ, **QUICK})
        report: dict[str, Any] = json.loads(output)
        return report

    def _program(self) -> list[str]:
        program = str(self.place / "program.py")
        if not TORCHRUN:
            return [program]
        return ["-m", "torch.distributed.run", f"--nproc-per-node={RANKS}", program]

    def _start(self, command: list[str], **variables: str) -> list[str]:
        with tempfile.TemporaryDirectory(dir=self.place) as home:
            places = {"TORCHINDUCTOR_CACHE_DIR": f"{home}/cache", "TMPDIR": home}
            places["MEETING"] = tempfile.mkdtemp(dir=home)
            kernel = {"KERNEL": "1"} if TORCHRUN else {}
            environ = {**os.environ, **QUICK, **places, **kernel, **variables}
            lines = self._call(command, environ).splitlines()
        assert sorted(line.split()[0] for line in lines) == [str(rank) for rank in range(RANKS)]
        return sorted(lines)

    def _call(self, command: list[str], environ: Mapping[str, str]) -> str:
        if TORCHRUN:
            done = subprocess.run(
                [sys.executable, *command],
                env=environ,
                capture_output=True,
                text=True,
                timeout=600,
                check=False,
            )
        else:
            done = self._interpreters.run(command, env=environ)
        assert (done.returncode, without_cuda_warning(done.stderr)) == (0, "")
        return done.stdout


@pytest.fixture(params=MODES)
def job(request: pytest.FixtureRequest, tmp_path: Path, interpreters: Interpreters) -> Job:
    return Job(tmp_path, request.param, interpreters)


def test_ranks_that_append_to_one_bundle_are_all_warm_from_it(job: Job) -> None:
    printed, cold = job.run()
    assert len(cold) == RANKS
    for report in cold:
        assert report["graphs"]["compiled"] >= 2
        assert report["bundle"]["not_saved"] is None
    check_content(job)
    check_warm(job, printed)


def test_bundles_of_ranks_become_one_from_which_all_are_warm(job: Job) -> None:
    printed, bundles = job.run_apart()
    assert len(bundles) == RANKS
    report = job.merge(bundles)
    assert report["conflicts"] == []
    # Of the graph that all have, both modes hold torch's two artifacts; a library has paths of
    # its cache directory in it, and what was asked of the compiler is equal.
    equivalent = {"plain": 2, "precompile": 4}[job.mode] + TORCHRUN
    assert report["equivalent"] == (RANKS - 1) * equivalent
    assert report["equal"] % (RANKS - 1) == 0
    assert (report["equal"] > 0) == TORCHRUN
    check_content(job)
    check_warm(job, printed)


def check_content(job: Job) -> None:
    """What all ranks have is there once, and what each has of its own."""
    bundle = open_unsigned(job.bundle)
    current = bundle.current()
    assert sum(len(segment.manifest.artifacts) for segment in bundle.segments) == len(current)
    counts = collections.Counter(type_name for type_name, _ in current)
    graphs = 1 + RANKS
    expected = {"inductor": graphs, "aot_autograd": graphs}
    if job.mode == "precompile":
        # `shared` is one function everywhere; `stage` and `own` are guarded by the rank.
        expected |= {"precompile_dynamo": 1 + 2 * RANKS, "precompile_aot_autograd": graphs}
    if TORCHRUN:
        expected |= {"inductor_file": 1, "compiler_answer": counts["compiler_answer"]}
    assert counts == expected


def check_warm(job: Job, printed: list[str]) -> None:
    """Nothing is compiled from what was saved, and the results are the same to the bit."""
    before = job.bundle.read_bytes()
    again, warm = job.run("--read-only")
    assert again == printed
    assert len(warm) == RANKS
    for report in warm:
        assert (report["graphs"]["compiled"], report["kernels"]["built"]) == (0, 0)
        if job.mode == "precompile":
            done = report["precompile"]
            assert (done["served"], done["compiled"], done["cold"]) == (3, 0, {})
    assert job.bundle.read_bytes() == before


def open_unsigned(path: Path) -> Bundle:
    return BundleFile(path).open(policy=UNSIGNED)
