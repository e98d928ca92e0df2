"""`precompile demo`: a program cold, warm by its compiler's own cache, and warm by a bundle."""

import dataclasses
import math
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from precompile_context.cli import demo_compilers
from precompile_context.cli.demo_compilers import DEMOS, Compiler, Demo
from precompile_context.cli.demo_runs import Row, Runs
from precompile_context.cli.progress import in_turn
from precompile_context.cli.told import tell

app = typer.Typer()

# Eager and compiled code add floats in another order; so does a GPU from run to run.
TOLERANCE = 1e-4
_CPU = "cpu"


@app.command()
def demo(
    compiler: Annotated[
        Compiler, typer.Option(help="Whose: that of the others takes half a minute.")
    ] = Compiler.TORCH,
    device: Annotated[str, typer.Option(help="Where torch computes: cuda, say.")] = _CPU,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Train a small transformer cold, warm by torch's mega-cache, and warm by a bundle.

    Each run is three training steps in a new process with empty cache directories.
    Takes two to three minutes, for the first three runs build every kernel. Fails
    if losses differ, or if the run with the bundle built a kernel. On a CPU they are
    equal bit for bit; a GPU adds floats in any order.

    Of JAX and numba: a program cold, warm by the compiler's own cache, and warm by a
    bundle. Fails if results differ, or if the run with the bundle compiled a function.
    """
    if device != _CPU and compiler is not Compiler.TORCH:
        raise typer.BadParameter("only torch is told where to compute", param_hint="--device")
    with tempfile.TemporaryDirectory(prefix="precompile-demo-") as scratch:
        wrong = (
            _of_torch(Path(scratch), device, as_json=as_json)
            if compiler is Compiler.TORCH
            else _of(DEMOS[compiler], Path(scratch), as_json=as_json)
        )
    for fault in () if as_json else wrong:
        print(f"precompile demo: {fault}", file=sys.stderr)
    raise typer.Exit(1 if wrong else 0)


def _of_torch(scratch: Path, device: str, *, as_json: bool) -> list[str]:
    runs = Runs(scratch, device)
    eager, *rows = in_turn(
        {
            "eager": runs.eager,
            "cold, torch alone": runs.cold,
            "cold, recording": runs.cold_recording,
            "warm, mega-cache": runs.warm_mega_cache,
            "warm, bundle": runs.warm_bundle,
        }
    )
    wrong = list(_faults(eager, rows, exact=device == _CPU))
    if as_json:
        _tell([eager, *rows], wrong)
    else:
        _print(rows, wrong, device)
    return wrong


def _of(other: Demo, scratch: Path, *, as_json: bool) -> list[str]:
    runs = demo_compilers.Runs(other, scratch)
    rows = in_turn(
        {
            f"cold, {other.name} alone": runs.alone,
            "cold, recording": runs.with_bundle,
            f"warm, {other.name}'s own cache": runs.alone,
            "warm, bundle": runs.with_bundle,
        }
    )
    wrong = list(demo_compilers.faults(rows))
    if as_json:
        _tell(rows, wrong)
    else:
        demo_compilers.show(other, rows, wrong)
    return wrong


def _tell(rows: Sequence[Row | demo_compilers.Row], wrong: list[str]) -> None:
    figures = [dataclasses.asdict(row) for row in rows]
    tell({"ok": not wrong, "runs": figures, "faults": wrong})


def _faults(eager: Row, rows: list[Row], *, exact: bool = True) -> Iterator[str]:
    """What the demo fails for, a sentence each."""
    cold, warm = rows[0], rows[-1]
    for row in rows[1:]:
        if exact and row.losses != cold.losses:
            yield f"losses of '{row.mode}' are not those of '{cold.mode}' bit for bit"
        elif not _close(row, cold):
            yield f"losses of '{row.mode}' are not close to those of '{cold.mode}'"
    for ours, reference in zip(cold.values(), eager.values(), strict=True):
        if not math.isclose(ours, reference, rel_tol=TOLERANCE):
            yield f"a loss of '{cold.mode}' is {ours}, in eager mode {reference}"
    if warm.kernels_built:
        yield f"'{warm.mode}' built {warm.kernels_built} kernels"


def _close(row: Row, other: Row) -> bool:
    pairs = zip(row.values(), other.values(), strict=True)
    return all(math.isclose(one, two, rel_tol=TOLERANCE) for one, two in pairs)


def _print(rows: list[Row], faults: list[str], device: str = _CPU) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    where = f"{os.cpu_count()} cores" if device == _CPU else device
    table = Table(title=f"Three training steps of a 4-block transformer, {where}", box=box.SIMPLE)
    table.add_column("", no_wrap=True)
    for name in ("compile", "wall", "kernels", "hits", "misses", "bytes"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            row.mode,
            f"{row.first_step:.2f}",
            f"{row.wall:.2f}",
            str(row.kernels_built),
            str(row.hits),
            str(row.misses),
            "-" if row.size is None else f"{row.size:,}",
        )
    console = Console(highlight=False)
    console.print(table)
    console.print(
        "compile: seconds from the first torch.compile call to the end of step 1, applying what "
        "was saved included; wall: seconds; kernels: libraries built, and Triton's; hits, misses: "
        "of torch's caches of graphs; bytes: what was saved.\n"
    )
    _, _, mega, warm = rows
    if mega.size and warm.size:
        console.print(
            f"Than the mega-cache, the bundle is {mega.first_step / warm.first_step:.1f} times "
            f"faster and {mega.size / warm.size:.1f} times smaller, libraries included."
        )
    if not faults:
        equal = "equal bit for bit" if len({row.losses for row in rows}) == 1 else "close"
        console.print(f"Losses are {equal} in all four, and close to those of eager mode.")
