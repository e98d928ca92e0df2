"""A real program warm from a store; each run is a machine of its own, with empty caches."""

import contextlib
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.forking import Interpreters
from tests.programs import QUICK, finished
from tests.registry_server import docker_registry, log_in, registry_with_passwords
from tests.s3_server import make_bucket, moto, s3_server
from tests.test_pytorch_warm_start import PROGRAM

pytestmark = pytest.mark.torch
pytest.importorskip("torch")

FUNCTION = """
import torch
@torch.compile
def one(x):
    return torch.sin(x) * 2 + x.sum()
print(one(torch.arange(8.0)).sum().item().hex(), flush=True)
"""


class Done(NamedTuple):
    """What a program printed."""

    stdout: str
    stderr: str


@dataclass
class Machines:
    """Each with a cache directory of the compiler's, and of ours, of its own."""

    place: Path
    interpreters: Interpreters
    count: int = 0

    def environment(self, **variables: str) -> dict[str, str]:
        self.count += 1
        home = self.place / f"machine{self.count}"
        return {
            **os.environ,
            **QUICK,
            "XDG_CACHE_HOME": str(home / "ours"),
            "TORCHINDUCTOR_CACHE_DIR": str(home / "compiler"),
            **variables,
        }

    def run(self, store: str, *steps: str, **variables: str) -> dict[str, Any]:
        start = self.start_anew if "ATEN_CPU_CAPABILITY" in variables else self.start
        done = start("-c", PROGRAM, store, *steps, **variables)
        return {**json.loads(done.stdout), "stderr": done.stderr}

    def start(self, *command: str, **variables: str) -> Done:
        """Forked."""
        return self._start(self.interpreters, command, variables)

    def start_anew(self, *command: str, **variables: str) -> Done:
        return self._start(None, command, variables)

    def _start(
        self, interpreters: Interpreters | None, command: Sequence[str], variables: dict[str, str]
    ) -> Done:
        environ = self.environment(**variables)
        return Done(*finished(interpreters, list(command), self.place, environ))


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory, interpreters: Interpreters) -> Machines:
    return Machines(tmp_path_factory.mktemp("machines"), interpreters)


@pytest.fixture(scope="module")
def store(machines: Machines) -> str:
    return f"file:{machines.place}/store"


@pytest.fixture(scope="module")
def cold(machines: Machines, store: str) -> dict[str, Any]:
    return machines.run(store, "step")


def pieces(store: str) -> list[Path]:
    return sorted(Path(store.removeprefix("file:")).glob("pieces/*"))


def test_a_store_that_is_empty_is_filled(cold: dict[str, Any], store: str) -> None:
    assert cold["appended"] >= 3
    assert cold["stderr"] == ""
    assert pieces(store)  # several, where a compile took longer than a minute


def test_another_machine_is_warm_to_the_bit_and_adds_nothing(
    machines: Machines, cold: dict[str, Any], store: str
) -> None:
    before = pieces(store)
    warm = machines.run(store, "step")
    assert (warm["builds"], warm["probes"], warm["fx"][1], warm["aot"][1]) == (0, 0, 0, 0)
    assert warm["result"] == cold["result"]
    assert (warm["appended"], warm["stderr"]) == (0, "")
    assert pieces(store) == before


def test_what_is_new_is_a_piece_of_its_own_and_no_more(
    machines: Machines, cold: dict[str, Any], store: str
) -> None:
    before = {piece: piece.read_bytes() for piece in pieces(store)}
    more = machines.run(store, "step", "scale")
    assert more["fx"] == [2, 2]
    after = pieces(store)
    assert len(after) > len(before)
    assert all(piece.read_bytes() == data for piece, data in before.items())
    warm = machines.run(store, "step", "scale")
    assert (warm["builds"], warm["fx"], warm["appended"]) == (0, [4, 0], 0)
    assert warm["result"] == more["result"]


def test_another_host_is_told_what_differs_and_adds_its_own(
    machines: Machines, cold: dict[str, Any], store: str
) -> None:
    other = machines.run(store, "step", ATEN_CPU_CAPABILITY="default")
    assert "cpu.capability: needs {" in other["reason"]
    again = machines.run(store, "step", ATEN_CPU_CAPABILITY="default")
    assert (again["builds"], again["fx"][1], again["stderr"]) == (0, 0, "")


def test_run_and_the_variable_take_a_store(machines: Machines) -> None:
    store = f"file:{machines.place}/other"
    cold = machines.start("-c", FUNCTION, PRECOMPILE_CACHE=store)
    before = pieces(store)
    assert before
    command = "from _precompile_command import main; main()"
    arguments = ["run", "--precompile", "--bundle", "file:other", "--report", "r.json"]
    warm = machines.start("-c", command, *arguments, "-c", FUNCTION)
    assert warm.stdout == cold.stdout
    report = json.loads((machines.place / "r.json").read_text())
    assert report["artifacts"]["applied"] > 0
    assert pieces(store) == before


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("s3", marks=pytest.mark.skipif(moto() is None, reason="NOT RUN: no moto")),
        pytest.param(
            "oci",
            marks=pytest.mark.skipif(docker_registry() is None, reason="NOT RUN: no registry"),
        ),
    ],
)
def test_a_fresh_process_is_warm_from_a_server_and_no_report_holds_a_secret(
    kind: str, machines: Machines, tmp_path: Path
) -> None:
    secret = "hunter2hunter2"
    variables = {
        "AWS_ACCESS_KEY_ID": "someone",
        "AWS_SECRET_ACCESS_KEY": secret,
        "DOCKER_CONFIG": str(tmp_path),
    }
    with contextlib.ExitStack() as stack:
        if kind == "s3":
            command = moto()
            assert command
            address = stack.enter_context(s3_server(command, tmp_path))
            make_bucket(address, "bucket")
            name = f"s3://bucket/x?endpoint={address}&region=us-east-1"
        else:
            log_in(tmp_path, host := stack.enter_context(registry_with_passwords(tmp_path)))
            name = f"oci://{host}/team/train:v3"
        reports = []
        for number in range(2):
            report = tmp_path / f"report{number}.json"
            arguments = ["run", "--bundle", name, "--report", str(report), "-c", FUNCTION]
            main = "from _precompile_command import main; main()"
            done = machines.start("-c", main, *arguments, **variables)
            assert secret not in done.stdout + done.stderr + report.read_text()
            reports.append((done.stdout, json.loads(report.read_text())))
    (cold, first), (warm, second) = reports
    assert warm == cold
    assert first["kernels"]["built"] > 0 == second["kernels"]["built"]
    assert second["artifacts"]["applied"] > 0
    kept = [path for path in machines.place.rglob("*.precompile") if path.is_file()]
    assert kept
    assert not any(secret.encode() in path.read_bytes() for path in kept)


def test_a_store_that_is_gone_leaves_what_was_recorded_for_the_next_run(
    machines: Machines, tmp_path: Path
) -> None:
    folder = tmp_path / "store"
    folder.write_text("no folder")
    command = "from _precompile_command import main; main()"
    arguments = ["run", "--bundle", f"file:{folder}", "-c", FUNCTION]
    done = machines.start("-c", command, *arguments, XDG_CACHE_HOME=str(tmp_path / "ours"))
    assert done.stderr.count("\n") <= 2
    assert "precompile:" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_store_that_does_not_answer_costs_its_deadline_and_loses_nothing(
    machines: Machines, tmp_path: Path
) -> None:
    """Nobody listens at the address; what was recorded waits, and is pushed by the next run."""
    aws = {"AWS_ACCESS_KEY_ID": "someone", "AWS_SECRET_ACCESS_KEY": "hunter2hunter2"}
    ours = str(tmp_path / "ours")
    name = "s3://bucket/x?endpoint=http://127.0.0.1:9&region=us-east-1"
    command = "from _precompile_command import main; main()"
    began = time.monotonic()
    done = machines.start(
        "-c", command, "run", "--bundle", name, "-c", FUNCTION, XDG_CACHE_HOME=ours, **aws
    )
    assert time.monotonic() - began < 120
    lines = done.stderr.splitlines()
    assert 1 <= len(lines) <= 2
    assert "s3://bucket/x" in lines[0]
    assert "hunter2" not in done.stderr
    assert len(list((tmp_path / "ours").rglob("left-*.precompile"))) == 1
