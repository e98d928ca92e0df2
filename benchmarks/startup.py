"""What it costs to import the package, and to run a program that compiles nothing."""

import os
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
    # What is installed has been compiled to bytecode: so a first round, not counted, leaves it.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    rounds = [
        {name: run_child(command, environment).seconds for name, command in commands.items()}
        for _ in range(1 + _RUNS)
    ]
    return {name: [seconds[name] for seconds in rounds[1:]] for name in commands}
