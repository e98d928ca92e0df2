"""What the demo prints and fails for; its runs are made by `precompile demo` alone."""

from dataclasses import replace

import pytest

from precompile_context.cli.demo import _faults, _print
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


def test_table_fits_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    _print(ROWS, ["a fault"])
    out, err = capsys.readouterr()
    assert max(map(len, out.splitlines())) <= 80
    assert "…" not in out
    assert "27.3 times faster" in " ".join(out.split())
    assert err == "precompile demo: a fault\n"


def test_the_program_that_the_demo_runs_is_there() -> None:
    assert MODEL.is_file()
