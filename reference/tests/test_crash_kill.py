"""`kill -9` at random moments. `PRECOMPILE_CRASH_RUNS` is how many there are altogether."""

import os
from pathlib import Path

import pytest

from tests.killing import WORKS, kill_often

RUNS = int(os.environ.get("PRECOMPILE_CRASH_RUNS", "60"))


@pytest.mark.parametrize("name", WORKS)
def test_killed_processes_lose_nothing_that_was_acknowledged(name: str, tmp_path: Path) -> None:
    runs = -(-RUNS // len(WORKS))
    acknowledged = kill_often(name, tmp_path / "work", runs, seed=RUNS)
    print(f"\n{name}: {runs} processes killed, {acknowledged:,} acknowledged, 0 lost")
    assert acknowledged >= runs // 2
