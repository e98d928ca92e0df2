"""docs/fleet.md: its blocks do what they say, with a folder in the place of the bucket."""

import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.s3_server import free_port
from tests.test_pytorch_job import QUICK

pytestmark = pytest.mark.torch
pytest.importorskip("torch")

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "fleet.md").read_text(encoding="utf-8")
BUCKET = "s3://bucket/team/train/"
PROGRAM = """
import torch
@torch.compile
def step(x):
    return torch.sin(x) * 2 + x.sum()
print(step(torch.arange(8.0)).sum().item().hex(), flush=True)
"""


def block(kind: str, containing: str) -> str:
    """The page's block of this kind with this text in it."""
    found: list[str] = re.findall(rf"```{kind}\n(.*?)```", TEXT, flags=re.DOTALL)
    (one,) = [text for text in found if containing in text]
    return one


@dataclass
class Fleet:
    """A folder with the program and the key, and machines with nothing of their own."""

    place: Path
    machines: int = 0

    def environment(self, **more: str) -> dict[str, str]:
        self.machines += 1
        home = self.place / f"machine{self.machines}"
        (home / "tmp").mkdir(parents=True)
        return {
            **os.environ,
            **QUICK,
            "PATH": f"{self.place}/bin{os.pathsep}{os.environ['PATH']}",
            "XDG_CACHE_HOME": str(home / "cache"),
            "XDG_CONFIG_HOME": str(home / "config"),
            "TMPDIR": str(home / "tmp"),
            "TORCHINDUCTOR_CACHE_DIR": str(home / "inductor"),
            **{name: self.here(value) for name, value in more.items()},
        }

    def here(self, text: str) -> str:
        """A text of the page, for this machine."""
        text = text.replace(BUCKET, f"file:{self.place}/store").replace("/job", str(self.place))
        return text.replace("--grace 600", "--grace 0").replace("/nowhere", "/proc/nowhere")

    def run(self, command: str, **more: str) -> str:
        done = subprocess.run(
            ["bash", "-c", self.here(command)],
            env=self.environment(**more),
            cwd=self.place,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """After the CI job has run."""
    place = tmp_path_factory.mktemp("fleet")
    (place / "bin").mkdir()
    precompile = place / "bin" / "precompile"
    main = "from precompile_context.cli import main; main()"
    precompile.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{main}" "$@"\n')
    precompile.chmod(0o755)
    torchrun = place / "bin" / "torchrun"
    torchrun.write_text(f"#!{sys.executable}\nfrom torch.distributed.run import main\nmain()\n")
    torchrun.chmod(0o755)
    (place / "train.py").write_text(PROGRAM)
    fleet = Fleet(place)
    fleet.run("precompile keygen ci.pem")
    steps = re.findall(r"- run: (.*)", block("yaml", "SIGNING_KEY"))
    assert len(steps) == 2
    for step in steps:
        fleet.run(step, SIGNING_KEY=(place / "ci.pem").read_text())
    assert list((place / "store" / "pieces").iterdir())
    return fleet


def test_the_image_s_command_is_warm_and_pushes_nothing(fleet: Fleet) -> None:
    dockerfile = block("dockerfile", "CMD")
    variables = dict(
        pair.split("=", 1)
        for pair in re.findall(r"^ENV (.*)$", dockerfile, re.MULTILINE)[0].split()
    )
    (command,) = re.findall(r"^CMD (.*)$", dockerfile, re.MULTILINE)
    before = sorted((fleet.place / "store").rglob("*"))
    fleet.run(shlex.join(json.loads(command)), PRECOMPILE_REQUIRE="warm", **variables)
    assert sorted((fleet.place / "store").rglob("*")) == before


def test_a_pod_with_a_read_only_root_is_warm(fleet: Fleet) -> None:
    pod = block("yaml", "Deployment")
    (command,) = re.findall(r"command: \[(.*)\]", pod)
    variables = dict(re.findall(r"\{name: ([A-Z_]+), value: ([^}]*)\}", pod))
    assert variables["XDG_CACHE_HOME"] == "/nowhere"
    variables["TORCHINDUCTOR_CACHE_DIR"] = str(fleet.place / "pod")
    words = [word.strip().strip('"') for word in command.split(",")]
    image = {"PRECOMPILE_TRUST": "/job/ci.pem.pub", "PRECOMPILE_READ_ONLY": "1"}
    fleet.run(shlex.join(words), **variables, **image)


def test_torchrun_on_two_machines_is_warm(fleet: Fleet) -> None:
    (line,) = block("bash", "torchrun").splitlines()
    port, key = str(free_port()), (fleet.place / "ci.pem").read_text()
    nodes = [
        subprocess.Popen(
            ["bash", "-c", fleet.here(line)],
            env=fleet.environment(
                NODE=str(node),
                FIRST="127.0.0.1",
                PORT=port,
                SIGNING_KEY=key,
                PRECOMPILE_REQUIRE="warm",
            ),
            cwd=fleet.place,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for node in range(2)
    ]
    ends = [(*node.communicate(timeout=300), node.returncode) for node in nodes]
    assert [end[2] for end in ends] == [0, 0], ends
    assert ends[0][0] == ends[1][0] != ""
