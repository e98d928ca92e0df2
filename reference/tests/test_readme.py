"""README.md: its examples in Python run, and run again."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cuda_warning import without_cuda_warning
from tests.test_cli import run

TEXT = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
WARM_START, EMBEDDED = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)


def python(program: str, folder: Path) -> str:
    """What the program prints; its folder stays for the next one."""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False
    )
    assert (done.returncode, without_cuda_warning(done.stderr)) == (0, "")
    return done.stdout


@pytest.mark.slow
def test_a_compiler_s_example_runs_any_number_of_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("keygen", "build.pem").status == 0
    for _ in range(2):
        shown = "matmul-64: 7 bytes, 40 registers\nKernel(key='matmul-64', registers=40)\n"
        assert python(EMBEDDED, tmp_path) == shown
    assert run("verify", "kernels.precompile", "--trust", "build.pem.pub").status == 0


@pytest.mark.torch
def test_the_example_of_a_warm_start_runs_any_number_of_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = "import torch\ndef train():\n    torch.compile(torch.sin)(torch.ones(8))\n"
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "first"))
    first = python(train + WARM_START, tmp_path)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "second"))
    second = python(train + WARM_START, tmp_path)
    assert re.fullmatch(r"0 applied, [1-9]\d* new\n", first)
    assert re.fullmatch(r"[1-9]\d* applied, 0 new\n", second)
    assert os.listdir(tmp_path / "second")
