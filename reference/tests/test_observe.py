"""Counting, as far as it goes without torch."""

import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from precompile_context.adapters.pytorch.recording import observe
from precompile_context.adapters.pytorch.recording.observe import EVENTS, Tally, watch_triton


def test_tally_counts_every_event_from_zero() -> None:
    tally = Tally(None)
    tally.add("fx_hits")
    tally.add("fx_hits")
    assert tally.counts() == {**dict.fromkeys(EVENTS, 0), "fx_hits": 2}


def test_tally_takes_in_what_other_processes_count(tmp_path: Path) -> None:
    file = tmp_path / "tally"
    tally = Tally(file)
    tally.add("kernels_built")
    child = os.fork()
    if not child:
        tally.add("kernels_built")
        Tally(file, owner=os.getppid()).add("isa_probes")
        os._exit(0)
    os.waitpid(child, 0)
    counts = tally.counts()
    assert (counts["kernels_built"], counts["isa_probes"]) == (2, 1)
    tally.close()
    assert not file.exists()


def test_stopwatch_counts_overlaps_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([10.0, 15.0, 100.0, 101.0])
    monkeypatch.setattr(observe, "time", SimpleNamespace(perf_counter=lambda: next(now)))
    stopwatch = observe._Stopwatch()
    with stopwatch.running(), stopwatch.running():
        pass
    with stopwatch.running():
        pass
    assert stopwatch.seconds == 6.0


def test_triton_kernels_count_and_its_other_listener_still_hears(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard: list[dict[str, Any]] = []
    knobs: Any = ModuleType("triton.knobs")
    knobs.compilation = SimpleNamespace(listener=lambda **facts: heard.append(facts))
    monkeypatch.setitem(sys.modules, "triton.knobs", knobs)
    tally = Tally(None)
    watch_triton(tally)
    for cache_hit in (False, True):
        knobs.compilation.listener(src="kernel", cache_hit=cache_hit)
    counts = tally.counts()
    assert (counts["kernels_loaded"], counts["kernels_built"]) == (2, 1)
    assert [facts["cache_hit"] for facts in heard] == [False, True]
    assert heard[0]["src"] == "kernel"
