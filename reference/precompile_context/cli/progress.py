"""Bytes on their way into a file, counted on the terminal of whoever waits."""

from collections.abc import Callable, Iterable, Iterator

from precompile_context.files import Chunk


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
