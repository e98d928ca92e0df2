"""What takes long, shown on the terminal of whoever waits."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from precompile_context.files import Chunk

T = TypeVar("T")


def counted(label: str) -> Callable[[Iterable[Chunk]], Iterator[Chunk]]:
    """The chunks as they come, counted on a terminal, and nowhere else."""

    def watched(chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        from rich.console import Console
        from rich.progress import DownloadColumn, Progress, TextColumn

        console = Console(stderr=True)
        columns = TextColumn(label), DownloadColumn()
        with Progress(
            *columns, console=console, transient=True, disable=not console.is_terminal
        ) as progress:
            task = progress.add_task("", total=None)
            for chunk in chunks:
                yield chunk
                progress.advance(task, len(chunk))

    return watched


def in_turn(runs: Mapping[str, Callable[[str], T]]) -> list[T]:
    """Make the runs, each told its name; on a terminal a line says which, and for how long."""
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
