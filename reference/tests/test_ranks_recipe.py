"""docs/pytorch.md: the recipe for ranks without a home in common works as it is printed."""

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.cuda_warning import without_cuda_warning

# Not imported here: the workers of the core's tests collect this, too.
pytestmark = [pytest.mark.torch, pytest.mark.skipif(find_spec("torch") is None, reason="no torch")]

TEXT = (Path(__file__).parents[2] / "docs/pytorch.md").read_text(encoding="utf-8")
(RECIPE,) = re.findall(r"```console\n(\$ precompile keygen job.pem\n.*?)```", TEXT, flags=re.DOTALL)
TRAIN = """
import torch

print(torch.compile(lambda x: torch.sin(x) + x)(torch.ones(8)).sum().item())
"""
PRECOMPILE = f"{sys.executable} -c 'from precompile_context.cli import main; main()'"


def test_the_recipe_for_ranks_without_a_common_home_works_as_printed(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(TRAIN)
    quick = {"TORCHINDUCTOR_VEC_ISA_OK": "1", "TORCHINDUCTOR_CPP_CACHE_PRECOMPILE_HEADERS": "0"}
    printed = []
    commands = [line.removeprefix("$ ") for line in RECIPE.splitlines()]
    for number, command in enumerate(commands):
        home = tmp_path / f"home{number}"  # each a machine of its own
        home.mkdir()
        done = subprocess.run(
            re.sub(
                r"\bprecompile (?=keygen|run|merge)", f"{PRECOMPILE} ".replace("\\", ""), command
            ),
            shell=True,
            cwd=tmp_path,
            env={
                **os.environ,
                **quick,
                "HOME": str(home),
                "XDG_CONFIG_HOME": "",
                "TORCHINDUCTOR_CACHE_DIR": str(home / "cache"),
                "PRECOMPILE_REPORT": str(home / "report.json"),
            },
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert (done.returncode, without_cuda_warning(done.stderr)) == (0, ""), command
        assert not (home / ".config").exists(), command
        printed.append(done.stdout)
    last = json.loads((tmp_path / f"home{len(commands) - 1}/report.json").read_text())
    assert printed[1] == printed[2] == printed[-1]
    assert last["artifacts"]["applied"] > 0
    assert last["kernels"]["built"] == 0
