"""What is measured on a GPU, tried on a CPU; where torch sees a GPU, there, too."""

import dataclasses
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from precompile_context.adapters.pytorch.facts.environment import host_environment
from precompile_context.cli.demo_runs import Row
from tests.forking import Interpreters
from tests.programs import QUICK

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")

from benchmarks import pytorch_table  # noqa: E402
from benchmarks.children import ROOT, TOO_LONG, bounded  # noqa: E402
from benchmarks.gpu import __main__ as command  # noqa: E402
from benchmarks.gpu import parts, table  # noqa: E402
from benchmarks.gpu.parts import Where  # noqa: E402
from benchmarks.marked import renewed  # noqa: E402
from benchmarks.models import runs  # noqa: E402
from benchmarks.models.runs import Run  # noqa: E402
from benchmarks.pytorch_table import markdown, replaced  # noqa: E402

PAGE = ROOT / "docs" / "pytorch.md"
on_a_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="NOT RUN: torch sees no GPU")
DEVICES = ["cpu", pytest.param("cuda", marks=on_a_gpu)]


@pytest.fixture
def forked(interpreters: Interpreters, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is run is forked from a process that has imported torch."""

    def finished(
        command: Sequence[str], environ: Mapping[str, str], seconds: float | None
    ) -> CompletedProcess[str]:
        _, *arguments = command
        if arguments[0] == "-m":
            arguments[:2] = ["-c", f"from {arguments[1]} import main; main()"]
        # It was read before, and the repository's top is where each begins.
        given = {**environ, **QUICK, "PYTHONPATH": os.environ.get("PYTHONPATH")}
        env = {name: value for name, value in given.items() if value is not None}
        return interpreters.run(arguments, cwd=ROOT, env=env)

    for module in (runs, pytorch_table):
        monkeypatch.setattr(module, "bounded", finished)


@pytest.mark.parametrize("device", DEVICES)
def test_cuda_graphs_are_recorded_and_all_is_served(
    device: str, forked: None, tmp_path: Path
) -> None:
    text, wrong = parts.modes(Where(device, tmp_path, lambda: 300.0), ["reduce-overhead"])
    assert wrong == []
    *_, cells = text.splitlines()
    cold, mega, run, precompile, held = cells.strip("| ").split(" | ")[1:]
    assert (", 0 CUDA graphs" in cold) is (device == "cpu")
    assert all(cold.rpartition(", ")[2] in cell for cell in (mega, run, precompile))
    assert ", 0 new, " in run
    assert ", 0 new, 1 served, 0 compiled, " in precompile
    assert "1 precompile_dynamo" in held


@on_a_gpu
def test_facts_are_those_of_the_gpu() -> None:
    facts = host_environment().facts
    devices = range(torch.cuda.device_count())
    assert facts["gpu.name"] == {torch.cuda.get_device_name(index) for index in devices}


@pytest.mark.parametrize("device", DEVICES)
def test_cases_compute_where_they_are_told(device: str, forked: None, tmp_path: Path) -> None:
    text, wrong = parts.cases(Where(device, tmp_path, lambda: 300.0), ["module"])
    assert wrong == []
    *_, line = text.splitlines()
    assert line.startswith("| module | ")
    assert line.endswith(", 0, 0, equal |")


@pytest.mark.parametrize(
    ("status", "out", "text", "wrong"),
    [
        (0, {"faults": []}, "| cold | 1.5 | 2.0 | 3 | 0 | 1 | 0 |", []),
        (1, {"faults": ["a fault"]}, "| cold | 1.5 | ", ["demo: a fault"]),
        (2, None, "demo: FAILED: status 2: no such device", None),
    ],
)
def test_demo_is_a_table_or_says_how_it_failed(
    status: int,
    out: dict[str, Any] | None,
    text: str,
    wrong: list[str] | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = Row("cold", 1.5, 2.0, 3, 0, 1, None, ())
    said = json.dumps({**out, "runs": [dataclasses.asdict(row)]}) if out else ""
    done = CompletedProcess([], status, said, "no such device\n")
    monkeypatch.setattr(parts, "bounded", lambda *_: done)
    told, faults = parts.demo(Where("cuda", tmp_path, lambda: 1.0))
    assert text in told
    assert faults == ([text] if wrong is None else wrong)


@pytest.mark.parametrize(("status", "faults"), [(0, 0), (1, 1)])
def test_tests_are_a_line_and_a_fault_where_one_failed(
    status: int, faults: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = CompletedProcess([], status, "..\n== 2 of them ==\n", "")
    monkeypatch.setattr(parts, "bounded", lambda *_: done)
    told, wrong = parts.tests(Where("cuda", tmp_path, lambda: 1.0))
    assert told.endswith("test_triton_adapter.py): 2 of them")
    assert len(wrong) == faults
    assert all((ROOT / file).exists() for file in parts.TESTS)


def test_cases_that_took_too_long_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = CompletedProcess([], TOO_LONG, "", "ended after 9 s")
    monkeypatch.setattr(pytorch_table, "bounded", lambda *_: done)
    text, wrong = parts.cases(Where("cuda", tmp_path, lambda: 9.0), ["module", "function"])
    assert wrong == [f"{title}: cold: FAILED: ended after 9 s" for title in ("module", "function")]
    assert text.count("ended after 9 s") == 4


def test_where_no_gpu_is_seen_it_says_not_run_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(os, "environ", os.environ.copy())
    page = tmp_path / "page.md"
    page.write_text(PAGE.read_text())
    assert command.main(["--into", str(page)]) == 0
    assert page.read_text() == PAGE.read_text()
    out, err = capsys.readouterr()
    assert (out, err[:40]) == ("", "NOT RUN: what needs a GPU, because torch")


def test_parts_are_written_into_their_place_and_what_is_wrong_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", os.environ.copy())
    made = {"demo": lambda where: ("a table", []), "cases": lambda where: ("another", ["a fault"])}
    monkeypatch.setattr(command, "PARTS", made)
    page = tmp_path / "page.md"
    page.write_text(PAGE.read_text())
    options = ["--device", "cpu", "--into", str(page)]
    assert command.main(options) == 1
    assert capsys.readouterr().err.endswith("\nWRONG: a fault\n")
    before, after = page.read_text().split(f"torch {torch.__version__}, ")
    assert before.rpartition("\n")[0] + "\n" in PAGE.read_text()
    assert "\n\na table\n\nanother\n<!-- end -->\n" in after
    assert command.main([*options, "demo"]) == 0
    assert "\nanother\n" not in page.read_text()
    with pytest.raises(SystemExit):
        command.main([*options, "nothing"])


def test_page_keeps_one_table_of_each_kind_and_one_place() -> None:
    tables = f"{table.HEAD}\n\n{markdown({'alone': {}, 'ours': {}}, 'case, on a GPU')}\n"
    text = renewed(PAGE.read_text(), command.BY, tables)
    assert renewed(text, command.BY, "") == renewed(PAGE.read_text(), command.BY, "")
    for head in ("| case | ", "| program | "):
        assert replaced(text, "", head) != text
    with pytest.raises(SystemExit, match="no place for what is made by make gpu"):
        renewed("no place", command.BY, "")


def run(*values: float, graphs: int = 2, **fields: Any) -> Run:
    """A run that printed so."""
    told = json.dumps({"values": [value.hex() for value in values], "cuda_graphs": graphs})
    return Run(**{"status": 0, "stdout": told, "stderr": "", **fields})


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (run(1.0, 2.0), "equal bit for bit, 2 CUDA graphs"),
        (run(1.0, 2.00002), "within 1e-05, 2 CUDA graphs"),
        (run(1.0, 2.1), "OTHER: values"),
        (run(1.0, float("nan")), "OTHER: values"),
        (run(1.0, 2.0, graphs=0), "OTHER: 0 CUDA graphs"),
        (run(1.0, 2.0, kernels=3), "OTHER: 3 kernels built"),
        (
            run(1.0, 2.0, compilers={"triton": {"kernels_served": 0, "kernels_compiled": 2}}),
            "OTHER: 2 kernels built",
        ),
        (run(status=1, stderr="a | b\nlast\n"), "FAILED: status 1: a / b last"),
        (run(status=TOO_LONG, stderr="ended after 3 s"), "FAILED: took too long: ended after 3 s"),
    ],
)
def test_outcome_of_a_warm_run_says_what_is_wrong(other: Run, said: str) -> None:
    assert table.outcome(other, run(1.0, 2.0), warm=True) == said


@pytest.mark.parametrize(
    "served",
    [
        {"hits": 1},
        {"frames": {"served": 1}},
        {"compilers": {"triton": {"kernels_served": 1, "kernels_compiled": 0}}},
    ],
)
def test_warm_run_that_counts_nothing_is_not_taken_for_one_that_was_served(
    served: dict[str, Any],
) -> None:
    cold = run(1.0, kernels=2)
    assert table.outcome(run(1.0), cold, warm=True) == "OTHER: nothing was served"
    assert table.outcome(run(1.0, **served), cold, warm=True).startswith("equal bit for bit")


def test_outcome_of_what_failed_cold_is_not_equal() -> None:
    failed = run(status=1)
    assert table.outcome(run(1.0), failed, warm=True) == "FAILED: status 1: the cold run"


def test_process_that_takes_too_long_is_ended_with_what_it_started(tmp_path: Path) -> None:
    beats = tmp_path / "beats"
    child = f"import time\nwhile True: open({str(beats)!r}, 'a').write('.'); time.sleep(0.01)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', {child!r}])"
    done = bounded([sys.executable, "-S", "-c", parent], os.environ, 4)
    assert (done.returncode, done.stderr) == (TOO_LONG, "ended after 4 s")
    counted = beats.stat().st_size
    assert counted
    time.sleep(0.5)
    assert beats.stat().st_size == counted
