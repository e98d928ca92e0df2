"""What the demo prints and fails for; its runs are made by `precompile demo` alone."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import typer

from precompile_context.cli import demo_compilers
from precompile_context.cli.demo import _faults, _print
from precompile_context.cli.demo_compilers import DEMOS
from precompile_context.cli.demo_runs import MODEL, Row

LOSSES = ("0x1.6fc1f80000000p+2", "0x1.6d15880000000p+2", "0x1.6652400000000p+2")
COLD = Row("cold, torch alone", 152.74, 159.24, 19, 0, 3, 1267484, LOSSES)
ROWS = [
    COLD,
    replace(COLD, mode="cold, recording", size=260515),
    replace(COLD, mode="warm, mega-cache", first_step=20.5, hits=3, misses=0),
    replace(COLD, mode="warm, bundle", first_step=0.75, hits=3, kernels_built=0, size=260515),
]
EAGER = replace(COLD, mode="eager", losses=(LOSSES[0], "0x1.6d158a0000000p+2", LOSSES[2]))


def test_equal_losses_and_no_kernel_pass() -> None:
    assert list(_faults(EAGER, ROWS)) == []


@pytest.mark.parametrize(
    ("row", "change", "part"),
    [
        (3, {"kernels_built": 1}, "built 1 kernels"),
        (3, {"losses": (LOSSES[0], LOSSES[1], "0x1.6652420000000p+2")}, "bit for bit"),
        (1, {"losses": LOSSES[:2]}, "bit for bit"),
        (0, {"losses": ("0x1p+1", *LOSSES[1:])}, "in eager mode"),
    ],
)
def test_each_difference_is_a_fault(row: int, change: dict[str, object], part: str) -> None:
    rows = [*ROWS[:row], replace(ROWS[row], **change), *ROWS[row + 1 :]]  # type: ignore[arg-type]
    assert any(part in fault for fault in _faults(EAGER, rows))


def test_losses_of_a_gpu_are_close_and_not_equal() -> None:
    told = [
        list(_faults(EAGER, [*ROWS[:3], replace(ROWS[3], losses=(*LOSSES[:2], last))], exact=False))
        for last in ("0x1.6652420000000p+2", "0x1p+2")
    ]
    assert told == [[], ["losses of 'warm, bundle' are not close to those of 'cold, torch alone'"]]


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_table_fits_80_columns(
    device: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    _print(ROWS, ["a fault"], device)
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert "…" not in out
    assert "27.3 times faster" in " ".join(out.split())


OTHERS = [
    demo_compilers.Row("cold, jax alone", 12.0, 10.5, 14.0, 22, 548_656, LOSSES),
    demo_compilers.Row("cold, recording", 12.5, 10.9, 14.9, 22, 313_450, LOSSES),
    demo_compilers.Row("warm, jax's own cache", 2.0, 0.4, 4.0, 0, 548_656, LOSSES),
    demo_compilers.Row("warm, bundle", 2.1, 0.5, 4.2, 0, 313_450, LOSSES),
]


def test_of_other_compilers_equal_results_and_nothing_compiled_pass() -> None:
    assert list(demo_compilers.faults(OTHERS)) == []
    for row, change, part in (
        (3, {"compiled": 1}, "'warm, bundle' compiled 1 functions"),
        (3, {"results": LOSSES[:2]}, "results of 'warm, bundle' are not those of 'cold, jax"),
        (2, {"results": LOSSES[:2]}, "bit for bit"),
    ):
        rows = [*OTHERS[:row], replace(OTHERS[row], **change), *OTHERS[row + 1 :]]
        (fault,) = demo_compilers.faults(rows)
        assert part in fault


@pytest.mark.parametrize("told", [True, False], ids=["compile", "no compile"])
def test_of_other_compilers_the_table_fits_80_columns(
    told: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    rows = OTHERS if told else [replace(row, compile=None) for row in OTHERS]
    demo_compilers.show(next(iter(DEMOS.values())), rows, [])
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert "…" not in out
    assert "5.7 times faster, and takes 1.05 times as long" in " ".join(out.split())
    assert ("compile: " in out) is told


def test_a_compiler_that_is_not_here_is_named_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_compilers, "find_spec", lambda name: None)
    with pytest.raises(typer.BadParameter, match=r"pip install 'precompile-context\[numba\]'"):
        demo_compilers.Runs(DEMOS[demo_compilers.Compiler.NUMBA], tmp_path)


def test_the_programs_that_the_demo_runs_are_there() -> None:
    assert MODEL.is_file()
    assert all(demo.model.is_file() for demo in DEMOS.values())


@pytest.mark.compilers
def test_the_demo_of_numba_is_warm_and_right_and_remembered_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    command = [sys.executable, "-m", "precompile_context", "demo", "--compiler", "numba", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"], told["faults"]) == (0, True, [])
    assert [row["compiled"] for row in told["runs"]] == [12, 12, 0, 0]
    assert list(tmp_path.iterdir()) == []
