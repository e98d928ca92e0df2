"""The report file, written by several processes of one run."""

import fcntl
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from precompile_context.adapters.pytorch.adapter import PyTorchAdapter
from precompile_context.adapters.pytorch.recording.observe import EVENTS, Tally
from precompile_context.adapters.pytorch.report import counted
from precompile_context.adapters.pytorch.workers import tally_file
from precompile_context.session import report
from precompile_context.session.settings import Settings
from precompile_context.session.startup import Run


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings("b.precompile", read_only=False, report=str(tmp_path / "r"), pid=os.getpid())


def test_begin_replaces_the_report_of_an_earlier_run(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "r").write_text("of an earlier run")
    report.begin(settings)
    read = json.loads((tmp_path / "r").read_text())
    assert (read["version"], read["status"], read["children"]) == (1, "idle", [])


def test_hits_are_libraries_loaded_without_a_build(settings: Settings) -> None:
    counts = {**dict.fromkeys(EVENTS, 0), "kernels_loaded": 5, "kernels_built": 2}
    part = report.entry(settings, "running", compilers={"pytorch": counted(counts)})
    assert part["kernels"] == {"hits": 3, "built": 2}
    assert part["compilers"] == {"pytorch": {}}


def test_an_idle_report_has_every_key_that_a_counted_one_has(settings: Settings) -> None:
    idle, part = report.entry(settings, "idle"), counted(dict.fromkeys(EVENTS, 0))
    assert {key: idle[key] for key in part} == part


def test_processes_that_write_at_once_lose_nothing(settings: Settings, tmp_path: Path) -> None:
    report.begin(settings)
    children = [_child(settings) for _ in range(8)]
    report.put(settings, report.entry(settings, "finished"))
    assert {os.waitpid(child, 0)[1] for child in children} == {0}
    read = json.loads((tmp_path / "r").read_text())
    assert (read["pid"], read["status"]) == (os.getpid(), "finished")
    assert sorted(child["pid"] for child in read["children"]) == sorted(children)
    assert {child["status"] for child in read["children"]} == {"finished"}
    assert os.listdir(tmp_path) == ["r"]


def test_a_stopped_process_that_holds_the_report_does_not_stop_the_others(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report.begin(settings)
    before = (tmp_path / "r").read_bytes()
    monkeypatch.setattr(report, "LOCK_SECONDS", 0.05)
    with (tmp_path / "r").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(OSError, match="locked by another process") as told:
            report.put(settings, report.entry(settings, "running"))
    assert told.value.filename == str(tmp_path / "r")
    assert (tmp_path / "r").read_bytes() == before
    report.put(settings, report.entry(settings, "finished"))
    assert json.loads((tmp_path / "r").read_text())["status"] == "finished"


def test_a_report_of_several_processes_has_ranks_by_rank_and_totals(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report.begin(settings)
    child = replace(settings, pid=1)
    for pid, rank in ((11, "10"), (12, "2"), (13, "none"), (14, "0")):
        monkeypatch.setenv("RANK", rank)
        seconds = {"apply": 0.5, "compile": 1.0, "save": 0.0, "not_spent": 2.0}
        part = report.entry(settings, "running", seconds=seconds)
        part["artifacts"] = {**part["artifacts"], "applied": 3, "refused": [{}]}
        report.put(child, {**part, "pid": pid})
    read = json.loads((tmp_path / "r").read_text())
    assert [one["rank"] for one in read["children"]] == [0, 2, 10, None]
    assert (read["totals"]["processes"], read["totals"]["finished"]) == (4, 0)
    assert read["totals"]["artifacts"]["applied"] == 12
    assert read["totals"]["artifacts"]["refused"] == 4
    assert read["totals"]["seconds"] == {
        "apply": 2.0,
        "compile": 4.0,
        "save": 0.0,
        "not_spent": 8.0,
    }


class CountedNothing:
    """In place of what is counted while torch compiles."""

    def __init__(self, settings: Settings) -> None:
        self.tally = Tally(_tally_file(settings))

    def end(self) -> dict[str, int]:
        self.tally.close()
        return dict.fromkeys(EVENTS, 0)

    def compile_seconds(self) -> float:
        return 0.0


def test_a_report_that_cannot_be_written_is_told_in_a_line_and_leaves_no_file_of_counts(
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    report.begin(settings)
    counts = _tally_file(settings)
    counts.write_text("")
    run, adapter = Run(settings), PyTorchAdapter()
    monkeypatch.setattr(adapter, "_observation", CountedNothing(settings))
    monkeypatch.setattr(run, "_adapters", [adapter])
    monkeypatch.setattr(report, "LOCK_SECONDS", 0.05)
    with (tmp_path / "r").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        run.finish()
    told = capfd.readouterr().err
    assert told.count("\n") == 1
    assert f"locked by another process for 0.05 seconds: '{tmp_path / 'r'}'" in told
    assert os.listdir(tmp_path) == ["r"]


def _tally_file(settings: Settings) -> Path:
    assert settings.report is not None
    return tally_file(settings.report, os.getpid())


def _child(settings: Settings) -> int:
    child = os.fork()
    if not child:
        try:
            for status in ("running", "finished"):
                report.put(settings, report.entry(settings, status))
        except BaseException:
            os._exit(1)
        os._exit(0)
    return child


def test_settings_travel_by_the_environment(settings: Settings) -> None:
    environ: dict[str, str] = {}
    settings.write(environ)
    assert Settings.read(environ) == settings
    assert settings.is_main()
    assert not replace(settings, pid=settings.pid + 1).is_main()
