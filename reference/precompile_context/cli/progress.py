"""What takes long, shown on the terminal of whoever waits."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from precompile_context.files import Chunk

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

T = TypeVar("T")


@contextmanager
def progress(label: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar with bytes; what is yielded advances it."""
    from rich.progress import BarColumn, DownloadColumn, TextColumn

    with _on_terminal(TextColumn(label), BarColumn(), DownloadColumn()) as bar:
        task = bar.add_task("", total=total)
        yield lambda size: bar.advance(task, size)


def counted(label: str) -> Callable[[Iterable[Chunk]], Iterator[Chunk]]:
    """The chunks as they come, counted."""

    def watched(chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        with progress(label, None) as advance:
            for chunk in chunks:
                yield chunk
                advance(len(chunk))

    return watched


def in_turn(runs: Mapping[str, Callable[[str], T]]) -> list[T]:
    """Make the runs, each told its name; a line says which, and for how long."""
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    rows = []
    with _on_terminal(*columns) as line:
        for number, (mode, run) in enumerate(runs.items(), start=1):
            task = line.add_task(f"run {number} of {len(runs)}: {mode}", total=None)
            rows.append(run(mode))
            line.remove_task(task)
    return rows


@contextmanager
def _on_terminal(*columns: "ProgressColumn") -> Iterator["Progress"]:
    """Shown on a terminal, and nowhere else; gone at the end."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as shown:
        yield shown
