"""One program that uses several compilers, each imported after a true start, and one bundle."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from precompile_context.bundle import Bundle
from precompile_context.trust import UNSIGNED
from tests.programs import QUICK
from tests.test_triton_adapter import PROGRAM as TRITON

pytestmark = pytest.mark.compilers

PROGRAM = f"""
import jax
import numba
import torch
{TRITON}
@numba.njit(cache=True)
def total(n):
    return sum(range(n))

@torch.compile(fullgraph=True)
def double(x):
    return (x * 2).sum()

@jax.jit
def half(x):
    return (x / 2).sum()

print(total(10), float(half(torch.ones(4).numpy())), double(torch.ones(4)).item(), main())
"""


def ran(folder: Path, place: str, **variables: str) -> tuple[str, dict[str, Any]]:
    """The program in a home of its own: what it printed, and its report."""
    home = folder / place
    shutil.rmtree(home, ignore_errors=True)
    (home / "tmp").mkdir(parents=True)
    (home / "program.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "precompile_context", "run", "--report", "r.json"]
    done = subprocess.run(
        [*command, "--bundle", str(folder / "b.precompile"), "program.py"],
        cwd=home,
        env={
            **os.environ,
            "HOME": str(home),
            "TMPDIR": str(home / "tmp"),
            "XDG_CACHE_HOME": str(home / "cache"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "TORCHINDUCTOR_CACHE_DIR": str(home / "inductor"),
            **QUICK,
            "TRITON_DEFAULT_FP_FUSION": "1",
            **variables,
        },
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads((home / "r.json").read_text())


def test_all_compilers_of_a_program_are_served_from_one_file(tmp_path: Path) -> None:
    out, cold = ran(tmp_path, "cold")
    names = {"jax", "numba", "pytorch", "triton"}
    assert cold["compilers"].keys() == names
    assert all(cold["compilers"][name]["recorded"] for name in names)
    bundle = Bundle.open((tmp_path / "b.precompile").read_bytes(), policy=UNSIGNED)
    # Each in segments that require its own facts alone.
    for segment in bundle.segments:
        required = {r.name for r in segment.manifest.requirements}
        own = {"jax.topology", "numba.version", "torch.key", "triton.key"}
        assert len(required & own) == 1
    again, warm = ran(tmp_path, "warm")
    assert again == out
    for part in warm["compilers"].values():
        assert part["applied"] > 0
        assert part["missed"] == part["recorded"] == 0
    assert (warm["graphs"]["compiled"], warm["kernels"]["built"]) == (0, 0)
    # Another assembler for one of them: the others are served as ever.
    other, report = ran(tmp_path, "other", TRITON_MOCK_PTX_VERSION="another")
    assert other == out
    parts = report["compilers"]
    assert [parts[name]["matched"] for name in sorted(names)] == [True, True, True, False]
    assert parts["triton"]["recorded"] == 1
    assert parts["jax"]["missed"] == parts["numba"]["missed"] == 0
    assert report["graphs"]["compiled"] == 0
