"""A real program, cold and warm; each run is a process with a cache directory of its own.

What sees another CPU is started anew; the others are forked.
"""

import json
import os
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from precompile_context import UNSIGNED, BundleFile
from precompile_context.session.part import seconds_of
from tests.forking import Interpreters
from tests.programs import QUICK, finished

pytestmark = pytest.mark.torch

# Two small graphs, one with a backward; the second only where it is asked for.
PROGRAM = """
import hashlib, json, os, signal, sys
import torch
from precompile_context.adapters import pytorch
from torch._dynamo.utils import counters
from torch._inductor import config
from torch._inductor.cpp_builder import CppBuilder
from torch._inductor.cpu_vec_isa import VecISA

# Kernels are built in this process, and instruction sets are probed, where both are counted.
config.compile_threads, config.cpp.vec_isa_ok = 1, None
bundle, steps = sys.argv[1], sys.argv[2:]
builds, probes = [], []

def count(owner, name, seen):
    original = getattr(owner, name)
    def wrapper(self, *args):
        seen.append(name)
        return original(self, *args)
    setattr(owner, name, wrapper)

count(CppBuilder, "build", builds)
count(VecISA, "_probe_load", probes)

@torch.compile
def step(x, y):
    return (torch.sin(x) @ y).relu().sum()

@torch.compile
def scale(x):
    return torch.tanh(x * 2) + x.mean(0)

torch.manual_seed(0)
x, y = torch.randn(32, 64, requires_grad=True), torch.randn(64, 16)
results = []
with pytorch.warm_start(bundle, quarantine="without" in steps) as report:
    if "step" in steps:
        loss = step(x, y)
        loss.backward()
        results += [loss.detach(), x.grad]
    if "scale" in steps:
        results += [scale(torch.randn(8, 8)), scale(torch.randn(12, 8))]
    if "die" in steps:
        os.kill(os.getpid(), signal.SIGKILL)
    if "fault" in steps:
        os.kill(os.getpid(), signal.SIGSEGV)
print(json.dumps({
    "result": hashlib.sha256(b"".join(r.numpy().tobytes() for r in results)).hexdigest(),
    "builds": len(builds),
    "probes": len(probes),
    "fx": [counters["inductor"][f"fxgraph_cache_{n}"] for n in ("hit", "miss")],
    "aot": [counters["aot_autograd"][f"autograd_cache_{n}"] for n in ("hit", "miss")],
    "applied": len(report.applied),
    "appended": len(report.appended),
    "reason": report.reason,
    "not_spent": report.not_spent and report.seconds_not_spent,
    **report.as_json()["artifacts"],
}))
"""


@dataclass
class Runs:
    """Runs the program, each time with an empty cache directory."""

    directory: Path
    interpreters: Interpreters
    count: int = 0

    def command(self, bundle: str, *steps: str) -> tuple[list[str], dict[str, str]]:
        self.count += 1
        environ = {
            **os.environ,
            **QUICK,
            "TORCHINDUCTOR_CACHE_DIR": str(self.directory / f"cache{self.count}"),
        }
        return ["-c", PROGRAM, str(self.directory / bundle), *steps], environ

    def ended(self, bundle: str, *steps: str, **environ: str) -> int:
        """The status of a run that a signal ends."""
        command, inherited = self.command(bundle, *steps)
        return self.interpreters.run(command, env={**inherited, **environ}).returncode

    def run(self, bundle: str, *steps: str, **environ: str) -> dict[str, Any]:
        command, inherited = self.command(bundle, *steps)
        output, errors = finished(
            None if "ATEN_CPU_CAPABILITY" in environ else self.interpreters,
            command,
            self.directory,
            {**inherited, **environ},
        )
        report: dict[str, Any] = json.loads(output)
        return {**report, "stderr": errors}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, interpreters: Interpreters) -> Runs:
    """With b.precompile, made by two runs: one killed after `step`, one that added `scale`."""
    runs = Runs(tmp_path_factory.mktemp("runs"), interpreters)
    assert runs.ended("b.precompile", "step", "die") == -signal.SIGKILL
    return runs


@pytest.fixture(scope="module")
def second(runs: Runs) -> dict[str, Any]:
    return runs.run("b.precompile", "step", "scale")


def test_a_killed_run_loses_nothing_that_was_compiled(second: dict[str, Any]) -> None:
    assert second["fx"] == [2, 2]
    assert second["aot"] == [1, 2]
    assert (second["applied"], second["refused"]) == (second["loaded"], [])


def test_a_changed_program_appends_what_is_new(second: dict[str, Any]) -> None:
    # Two versions of one function: a graph, its entry and its library each, at least.
    assert second["appended"] == second["recorded"] >= 6


def test_a_warm_run_builds_nothing_and_is_equal_to_the_bit(
    runs: Runs, second: dict[str, Any]
) -> None:
    warm = runs.run("b.precompile", "step", "scale")
    assert (warm["builds"], warm["probes"]) == (0, 0)
    assert (warm["fx"], warm["aot"]) == ([4, 0], [3, 0])
    assert warm["result"] == second["result"]
    assert (warm["appended"], warm["recorded"], warm["stderr"]) == (0, 0, "")
    # What torch itself measured when each graph was compiled, whoever did that.
    bundle = BundleFile(runs.directory / "b.precompile").open(policy=UNSIGNED)
    graphs = [one for one in bundle.current(bundle.segments).values() if one.type == "inductor"]
    seconds = [seconds_of(one) for one in graphs]
    assert len(seconds) == 4
    assert all(0.01 < one < 300 for one in seconds)
    assert warm["not_spent"] == pytest.approx(sum(seconds))


def test_what_a_program_died_of_is_left_out_of_torchs_own_cache_too(
    runs: Runs, second: dict[str, Any], tmp_path: Path
) -> None:
    shutil.copy(runs.directory / "b.precompile", tmp_path / "b.precompile")
    state, cache = str(tmp_path / "state"), str(tmp_path / "cache")
    environ = {"XDG_STATE_HOME": state, "TORCHINDUCTOR_CACHE_DIR": cache}
    died = runs.ended(str(tmp_path / "b.precompile"), "step", "fault", **environ)
    assert died == -signal.SIGSEGV
    libraries = list(Path(cache).rglob("*.so"))
    assert libraries
    cold = runs.run(str(tmp_path / "b.precompile"), "step", "without", **environ)
    assert cold["stderr"].count("left out, to be compiled anew: ") == 1
    assert {one["code"] for one in cold["refused"]} == {"APPLY_FAILED"}
    assert (cold["fx"], cold["aot"]) == ([0, 2], [0, 1])
    assert cold["builds"] >= 2
    warm = runs.run(str(tmp_path / "b.precompile"), "step", XDG_STATE_HOME=state)
    assert (warm["fx"], warm["builds"], warm["result"]) == ([2, 0], 0, cold["result"])


def test_another_cpu_capability_is_refused_by_name(runs: Runs, second: dict[str, Any]) -> None:
    before = (runs.directory / "b.precompile").read_bytes()
    other = runs.run("b.precompile", ATEN_CPU_CAPABILITY="default")
    assert other["applied"] == 0
    assert "cpu.capability: needs {" in other["reason"]
    assert other["stderr"].count("\n") == 1
    assert other["reason"] in other["stderr"]
    assert (runs.directory / "b.precompile").read_bytes() == before
