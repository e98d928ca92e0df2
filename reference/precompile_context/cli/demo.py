"""`precompile demo`: a transformer trained cold, warm by torch's mega-cache, warm by a bundle."""

import dataclasses
import math
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from precompile_context.cli.demo_runs import Row, Runs
from precompile_context.cli.told import tell

app = typer.Typer()

# Eager and compiled code add floats in another order.
EAGER_TOLERANCE = 1e-4


@app.command()
def demo(
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Train a small transformer cold, warm by torch's mega-cache, and warm by a bundle.

    Each run is three training steps in a new process with empty cache directories.
    Takes two to three minutes, for the first three runs build every kernel. Fails
    if losses differ, or if the run with the bundle built a kernel.
    """
    with tempfile.TemporaryDirectory(prefix="precompile-demo-") as scratch:
        runs = Runs(Path(scratch))
        eager, *rows = _made(
            {
                "eager": runs.eager,
                "cold, torch alone": runs.cold,
                "cold, recording": runs.cold_recording,
                "warm, mega-cache": runs.warm_mega_cache,
                "warm, bundle": runs.warm_bundle,
            }
        )
    faults = list(_faults(eager, rows))
    if as_json:
        figures = [dataclasses.asdict(row) for row in (eager, *rows)]
        tell({"ok": not faults, "runs": figures, "faults": faults})
    else:
        _print(rows, faults)
    raise typer.Exit(1 if faults else 0)


def _made(runs: dict[str, Callable[[str], Row]]) -> list[Row]:
    """Make the runs; on a terminal a line on stderr shows which, and for how long."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    rows = []
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        for number, (mode, run) in enumerate(runs.items(), start=1):
            task = progress.add_task(f"run {number} of {len(runs)}: {mode}", total=None)
            rows.append(run(mode))
            progress.remove_task(task)
    return rows


def _faults(eager: Row, rows: list[Row]) -> Iterator[str]:
    """What the demo fails for, a sentence each."""
    cold, warm = rows[0], rows[-1]
    for row in rows[1:]:
        if row.losses != cold.losses:
            yield f"losses of '{row.mode}' are not those of '{cold.mode}' bit for bit"
    for ours, reference in zip(cold.values(), eager.values(), strict=True):
        if not math.isclose(ours, reference, rel_tol=EAGER_TOLERANCE):
            yield f"a loss of '{cold.mode}' is {ours}, in eager mode {reference}"
    if warm.kernels_built:
        yield f"'{warm.mode}' built {warm.kernels_built} kernels"


def _print(rows: list[Row], faults: list[str]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(
        title=f"Three training steps of a 4-block transformer, {os.cpu_count()} cores",
        box=box.SIMPLE,
    )
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
        "was saved included; wall: seconds; kernels: libraries built; hits, misses: of torch's "
        "caches of graphs; bytes: what was saved.\n"
    )
    _, _, mega, warm = rows
    if mega.size and warm.size:
        console.print(
            f"Than the mega-cache, the bundle is {mega.first_step / warm.first_step:.1f} times "
            f"faster and {mega.size / warm.size:.1f} times smaller, libraries included."
        )
    if not faults:
        console.print("Losses are equal bit for bit in all four, and close to those of eager mode.")
    for fault in faults:
        print(f"precompile demo: {fault}", file=sys.stderr)
