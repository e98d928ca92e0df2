"""`precompile run` with real torch, from an empty bundle to a shared one."""

import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from precompile_context.files import BundleFile
from precompile_context.trust import UNSIGNED
from tests.forking import Interpreters
from tests.programs import ONE_THREAD, QUICK, RUN, empty_caches, finished

pytestmark = pytest.mark.torch
pytest.importorskip("torch")

ONE = """
import torch
@torch.compile
def one(x):
    return torch.sin(x) * 2 + x.sum()
print("one", one(torch.arange(8.0)).sum().item().hex(), flush=True)
"""
TWO = """
@torch.compile
def two(x):
    return (torch.cos(x) - x).relu().mean(0)
print("two", two(torch.arange(8.0).view(2, 4)).sum().item().hex(), flush=True)
"""


@dataclass
class Machine:
    """A place with programs and bundles, where every run meets empty caches.

    The first test keeps probes for instruction sets and headers that are compiled; the others do
    without, in interpreters that have imported more.
    """

    place: Path

    def command(self, source: str, *options: str) -> list[str]:
        (self.place / "program.py").write_text(source)
        files = "--bundle", "b.precompile", "--report", "report.json"
        return [*RUN, *files, *options, "program.py"]

    def environment(self, **variables: str) -> dict[str, str]:
        return empty_caches(self.place, **ONE_THREAD | variables)

    def run(
        self, interpreters: Interpreters | None, source: str, *options: str, **variables: str
    ) -> "Ended":
        """Run a program in an empty cache, started anew or forked."""
        command, environ = self.command(source, *options), self.environment(**variables)
        return Ended(*finished(interpreters, command, self.place, environ), self.report())

    def report(self) -> dict[str, Any]:
        report: dict[str, Any] = json.loads((self.place / "report.json").read_text())
        return report

    def bundle_bytes(self) -> bytes:
        return (self.place / "b.precompile").read_bytes()


@dataclass
class Ended:
    """What a run left."""

    out: str
    err: str
    report: dict[str, Any]

    @property
    def built(self) -> int:
        built: int = self.report["kernels"]["built"]
        return built

    def cache(self, event: str) -> int:
        graphs = self.report["graphs"]
        return int(graphs["fx"][event]) + int(graphs["aot"][event])

    def assert_warm(self) -> None:
        assert self.err == ""
        assert self.report["bundle"]["matched"] is True
        assert self.report["artifacts"]["refused"] == []
        assert (self.built, self.cache("misses"), self.report["graphs"]["compiled"]) == (0, 0, 0)
        assert self.cache("hits") > 0


@pytest.fixture
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return Machine(tmp_path_factory.mktemp("m"))


def test_second_run_is_warm_without_a_compiler_too_and_a_changed_one_appends_what_is_new(
    machine: Machine, with_torch: Interpreters
) -> None:
    cold = machine.run(with_torch, ONE)
    assert (cold.err, cold.built, cold.cache("hits")) == ("", 1, 0)
    assert cold.report["status"] == "finished"
    assert cold.report["artifacts"]["recorded"] > 0
    before = machine.bundle_bytes()

    warm = machine.run(with_torch, ONE)
    warm.assert_warm()
    assert warm.out == cold.out
    assert warm.report["compiler"] == {"isa_probes": 0, "header_runs": 0}
    assert warm.report["artifacts"]["applied"] == cold.report["artifacts"]["recorded"]
    assert warm.report["artifacts"]["inert"] == 0
    assert machine.bundle_bytes() == before

    compilerless = machine.run(with_torch, ONE, PATH=str(machine.place / "empty"))
    compilerless.assert_warm()
    assert compilerless.out == cold.out
    assert machine.bundle_bytes() == before

    changed = machine.run(with_torch, ONE + TWO, "--why-miss")
    assert (changed.built, changed.cache("hits") > 0) == (1, True)
    assert changed.out.startswith(cold.out)
    (missed,) = changed.report["graphs"]["missed"]
    assert missed["nearest"] not in (None, missed["key"])
    assert {"source", "inputs"} <= {d["kind"] for d in missed["differences"]}
    assert f"missed graph {missed['key']}; nearest is {missed['nearest']}" in changed.err
    after = machine.bundle_bytes()
    assert after.startswith(before)
    assert len(after) > len(before)

    warm = machine.run(with_torch, ONE + TWO)
    warm.assert_warm()
    assert warm.out == changed.out
    assert machine.bundle_bytes() == after


def test_foreign_file_costs_one_line_and_stays_as_it_is(
    machine: Machine, interpreters: Interpreters
) -> None:
    foreign = b"PK\x03\x04, an archive, and no bundle"
    (machine.place / "b.precompile").write_bytes(foreign)
    ended = machine.run(interpreters, ONE, **QUICK)
    assert ended.out.startswith("one ")
    assert ended.built == 1
    assert ended.err.startswith("precompile: ")
    assert ended.err.count("\n") == 1
    assert "NOT_A_BUNDLE" in ended.err
    assert ended.report["bundle"]["reason"] in ended.err
    assert machine.bundle_bytes() == foreign


def test_killed_program_leaves_what_it_had_compiled(
    machine: Machine, interpreters: Interpreters
) -> None:
    kill = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"
    command, environ = machine.command(ONE + kill), machine.environment(**QUICK)
    killed = interpreters.run(command, cwd=machine.place, env=environ)
    assert killed.returncode == -signal.SIGKILL
    assert machine.report()["status"] == "running"
    assert BundleFile(machine.place / "b.precompile").open(recover=False, policy=UNSIGNED).segments

    warm = machine.run(interpreters, ONE, **QUICK)
    warm.assert_warm()
    assert warm.out == killed.stdout


def test_interrupted_program_saves_and_ends_as_in_plain_python(machine: Machine) -> None:
    interrupt = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\ninput()\n"
    done = subprocess.run(
        [sys.executable, *machine.command(ONE + interrupt)],
        cwd=machine.place,
        env=machine.environment(**QUICK),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == -signal.SIGINT
    assert done.stdout.startswith("one ")
    frames = [line for line in done.stderr.splitlines() if line.startswith("  File ")]
    assert [Path(frame.split('"')[1]).name for frame in frames] == ["program.py"]
    assert done.stderr.endswith("KeyboardInterrupt\n")
    assert machine.report()["status"] == "finished"
    assert machine.report()["artifacts"]["recorded"] > 0
    assert BundleFile(machine.place / "b.precompile").open(recover=False, policy=UNSIGNED).segments


CHILDREN = """
import multiprocessing, sys, torch

def one(x):
    return (torch.sin(x) * 2 + x).sum()

def two(x):
    return (torch.cos(x) - x).relu().mean()

def child(function):
    result = torch.compile(function)(torch.arange(8.0))
    sys.stdout.write(function.__name__ + " " + result.item().hex() + "\\n")

if __name__ == "__main__":
    children = [
        multiprocessing.get_context(method).Process(target=child, args=(function,))
        for method, function in (("spawn", one), ("fork", two), ("forkserver", one))
    ]
    for process in children:
        process.start()
    for process in children:
        process.join()
    sys.exit(any(process.exitcode for process in children))
"""


def test_children_that_share_a_bundle_lose_nothing(
    machine: Machine, with_torch: Interpreters
) -> None:
    cold = machine.run(with_torch, CHILDREN, **QUICK)
    assert cold.report["status"] == "idle"  # the parent itself compiles nothing
    children = cold.report["children"]
    assert [child["status"] for child in children] == ["finished"] * 3
    assert sum(child["kernels"]["built"] for child in children) >= 2  # two may wait for one build

    warm = machine.run(with_torch, CHILDREN, **QUICK)
    assert sorted(warm.out.splitlines()) == sorted(cold.out.splitlines())
    assert warm.err == cold.err == ""
    for child in warm.report["children"]:
        assert child["kernels"] == {"hits": 1, "built": 0}
        assert child["graphs"]["compiled"] == 0
        assert child["artifacts"]["recorded"] == 0
