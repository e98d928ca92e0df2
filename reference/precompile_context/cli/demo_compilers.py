"""The runs of `precompile demo --compiler jax` or `numba`: a compiler beside its own cache."""

import enum
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import typer

from precompile_context import adapters
from precompile_context.cli.demo_runs import PRECOMPILE, finished, not_the_users


class Compiler(enum.Enum):
    """What there is a demo of."""

    TORCH = "torch"
    JAX = "jax"
    NUMBA = "numba"


@dataclass(frozen=True)
class Demo:
    """One compiler's demo.

    Attributes:
        about: what the program is.
        compiled: the name in the report of how many were compiled.
        own: the variable that names the compiler's own cache directory.
        variables: more, that have it keep all.
    """

    name: str
    about: str
    compiled: str
    own: str
    variables: Mapping[str, str]

    @property
    def model(self) -> Path:
        """The program; nothing of the compiler is imported."""
        return Path(adapters.__file__).parent / self.name / "demo_model.py"


DEMOS = {
    Compiler.JAX: Demo(
        "jax",
        "A transformer of 22 jitted functions",
        "executables_compiled",
        "JAX_COMPILATION_CACHE_DIR",
        {
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        },
    ),
    Compiler.NUMBA: Demo("numba", "A dozen functions", "compiled", "NUMBA_CACHE_DIR", {}),
}


@dataclass(frozen=True)
class Row:
    """What one run took and did.

    Attributes:
        first_calls: seconds of all first calls, applying what was saved included, imports not.
        compile: those of them in which the compiler compiled, or a cache gave what it had
            compiled before; None where that is not told apart.
        wall: seconds of the whole process.
        compiled: how many functions were compiled.
        size: bytes of the saved cache that it read or made.
        results: as float.hex writes them.
    """

    mode: str
    first_calls: float
    compile: float | None
    wall: float
    compiled: int
    size: int
    results: tuple[str, ...]


class Runs:
    """The four runs, each a process with empty directories but for the cache that it is about."""

    def __init__(self, demo: Demo, scratch: Path) -> None:
        """Raises typer.BadParameter where the compiler is not installed."""
        if find_spec(demo.name) is None:
            text = (
                f"{demo.name} is not installed here: pip install 'precompile-context[{demo.name}]'"
            )
            raise typer.BadParameter(text)
        self._demo = demo
        self._scratch = scratch
        self._bundle = scratch / "demo.precompile"

    def alone(self, mode: str) -> Row:
        """The compiler with its own cache: a first such run fills it, others find it hot."""
        own = self._scratch / "own"
        variables = {**self._demo.variables, self._demo.own: str(own)}
        return self._run(mode, [sys.executable], variables, own)

    def with_bundle(self, mode: str) -> Row:
        """By `precompile run`: a first such run makes the bundle, others are served from it."""
        report = self._scratch / "report.json"
        options = ["run", "--bundle", str(self._bundle), "--report", str(report)]
        return self._run(mode, [*PRECOMPILE, *options], {}, self._bundle, report)

    def _run(
        self,
        mode: str,
        command: list[str],
        own: Mapping[str, str],
        saved: Path,
        report: Path | None = None,
    ) -> Row:
        out = self._scratch / "result.json"
        empty = Path(tempfile.mkdtemp(dir=self._scratch))
        places = {
            **dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME"), str(empty)),
            **not_the_users(self._scratch),
            self._demo.own: str(empty),
        }
        environ = {**os.environ, **places, **own}
        wall = finished(mode, [*command, str(self._demo.model), "--out", str(out)], environ)
        result = json.loads(out.read_text())
        compiled = result["asked"] - result["hits"]
        if report is not None:
            part = json.loads(report.read_text())["compilers"][self._demo.name]
            compiled = part[self._demo.compiled]
        seconds = result["compile"]
        return Row(
            mode=mode,
            first_calls=round(result["first_calls"], 3),
            compile=None if seconds is None else round(seconds, 3),
            wall=round(wall, 3),
            compiled=compiled,
            size=sum(file.stat().st_size for file in _files(saved)),
            results=tuple(result["results"]),
        )


def _files(saved: Path) -> Iterator[Path]:
    yield from (file for file in saved.rglob("*") if file.is_file()) if saved.is_dir() else [saved]


def faults(rows: list[Row]) -> Iterator[str]:
    """What the demo fails for, a sentence each."""
    for row in rows[1:]:
        if row.results != rows[0].results:
            yield f"results of '{row.mode}' are not those of '{rows[0].mode}' bit for bit"
    if rows[-1].compiled:
        yield f"'{rows[-1].mode}' compiled {rows[-1].compiled} functions"


def show(demo: Demo, rows: list[Row], wrong: list[str]) -> None:
    """The table, for a person."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{demo.about}, {os.cpu_count()} cores", box=box.SIMPLE)
    table.add_column("", no_wrap=True)
    told = ["first calls", "compile", "wall", "compiled", "bytes"]
    if rows[0].compile is None:
        told.remove("compile")
    for name in told:
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        figures = {
            "first calls": f"{row.first_calls:.2f}",
            "compile": f"{row.compile or 0:.2f}",
            "wall": f"{row.wall:.2f}",
            "compiled": str(row.compiled),
            "bytes": f"{row.size:,}",
        }
        table.add_row(row.mode, *(figures[name] for name in told))
    console = Console(highlight=False)
    console.print(table)
    of_them = "compile: those of them in which XLA compiled, or a cache gave what it had; "
    console.print(
        "first calls: seconds of all of them, applying what was saved included; "
        f"{of_them if 'compile' in told else ''}"
        "wall: seconds; compiled: functions; bytes: what was saved.\n"
    )
    cold, _, own, warm = rows
    gain, beside = cold.first_calls / warm.first_calls, warm.first_calls / own.first_calls
    console.print(
        f"Than cold, the bundle is {gain:.1f} times faster, and takes {beside:.2f} times as long "
        f"as {demo.name}'s own hot cache."
    )
    if not wrong:
        console.print("Results are equal bit for bit in all four.")
