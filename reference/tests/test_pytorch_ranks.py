"""Processes of one job, each with a bundle of its own, that become one."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from precompile_context.files import local_key
from precompile_context.files.merging import merge_files
from precompile_context.trust import TrustPolicy
from tests.cuda_warning import without_cuda_warning
from tests.forking import Interpreters
from tests.programs import QUICK, RUN

pytestmark = pytest.mark.torch

RANK = """
import os, torch
rank = int(os.environ["RANK"])
@torch.compile
def shared(x):
    return torch.sin(x) * 2 + x.sum()
@torch.compile
def own(x):
    return (torch.cos(x) - rank).relu().mean(0)
x = torch.arange(8.0)
print((shared(x).sum() + own(x.view(2, 4)).sum()).item().hex())
"""


def run_ranks(
    interpreters: Interpreters, place: Path, name: str, bundles: list[Path], *options: str
) -> list[dict[str, Any]]:
    """One process a bundle, each in empty caches; their reports."""
    reports = []
    for rank, bundle in enumerate(bundles):
        home = place / f"{name}{rank}"
        (home / "tmp").mkdir(parents=True)
        caches = {"TORCHINDUCTOR_CACHE_DIR": str(home / "cache"), "TMPDIR": str(home / "tmp")}
        command = [*RUN, "--bundle", str(bundle), "--report", str(home / "report.json")]
        done = interpreters.run(
            [*command, *options, str(place / "rank.py")],
            env={**os.environ, **QUICK, **caches, "RANK": str(rank)},
        )
        assert (done.returncode, without_cuda_warning(done.stderr)) == (0, "")
        report = json.loads((home / "report.json").read_text())
        reports.append({**report, "out": done.stdout})
    return reports


def test_bundles_of_two_ranks_become_one_that_keeps_both_warm(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    (tmp_path / "rank.py").write_text(RANK)
    bundles = [tmp_path / f"rank{rank}.precompile" for rank in range(2)]
    cold = run_ranks(interpreters, tmp_path, "cold", bundles)
    assert [report["kernels"]["built"] for report in cold] == [2, 2]

    own = local_key()
    assert own is not None
    merged = tmp_path / "merged.precompile"
    report, written = merge_files(
        merged, bundles, policy=TrustPolicy([own.verifying_key]), signer=own
    )
    assert written is not None
    assert len(written.segments) == 1
    assert report.conflicts == ()
    # The shared graph and its entry were compiled twice; its library is the same to the byte.
    assert report.equivalent >= 2
    assert report.equal >= 1
    assert merged.stat().st_size < sum(path.stat().st_size for path in bundles) * 3 // 4

    warm = run_ranks(interpreters, tmp_path, "warm", [merged, merged], "--read-only")
    for before, after in zip(cold, warm, strict=True):
        assert (after["kernels"]["built"], after["graphs"]["compiled"]) == (0, 0)
        assert after["out"] == before["out"]
        assert 0 < after["artifacts"]["inert"] < after["artifacts"]["loaded"]
