"""How far a command is: what changes on a terminal, some lines or none in a pipe."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar

from precompile_conformance.reports import text
from precompile_conformance.status import Result

# Seconds between two lines of progress in a pipe.
_EVERY = 5.0


@contextlib.contextmanager
def far(begin: str) -> Iterator[Callable[[object], None]]:
    """How far a command is, on standard error: a line that changes, or in a pipe some lines."""
    console = Console(stderr=True)
    if console.is_terminal:
        with console.status(begin) as status:
            yield lambda progress: status.update(str(progress))
        return
    started = last = time.monotonic()

    def tell(progress: object) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _EVERY:
            last = now
            print(f"{now - started:.0f} s: {progress}", file=sys.stderr, flush=True)

    yield tell


def of_cases(
    *, verbose: bool
) -> Callable[[str, int], contextlib.AbstractContextManager[Callable[[Result], None]]]:
    """A bar on a terminal, and none in a pipe; with `verbose` a line for each case."""
    console = Console(stderr=True)

    @contextlib.contextmanager
    def progress(name: str, total: int) -> Iterator[Callable[[Result], None]]:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Bar(*columns, console=console, disable=not console.is_terminal) as bar:
            task = bar.add_task(name, total=total)

            def done(result: Result) -> None:
                bar.advance(task)
                if verbose:
                    bar.console.print(text.one_line(result), highlight=False, markup=False)

            yield done

    return progress
