"""What it costs to import the package, and to run a program that compiles nothing."""

import sys
from pathlib import Path

from benchmarks.children import run_child

PRECOMPILE = Path(sys.executable).with_name("precompile")
_RUNS = 7


def startup(folder: Path) -> dict[str, list[float]]:
    """Seconds of each, interleaved."""
    script = folder / "nothing.py"
    script.write_text("")
    bundle = folder / "nothing.precompile"
    commands = {
        "python": [sys.executable, "-c", ""],
        "python, import precompile_context": [sys.executable, "-c", "import precompile_context"],
        "precompile run": [str(PRECOMPILE), "run", "--bundle", str(bundle), str(script)],
    }
    measured: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(_RUNS):
        for name, command in commands.items():
            measured[name].append(run_child(command).seconds)
    return measured
