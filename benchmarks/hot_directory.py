"""A run that is warm from a bundle, beside a second run that kept its cache directory.

    python -m benchmarks.hot_directory

Runs of the demo's transformer training step, one of each kind in turn, each a process of
its own: one finds torch's cache directory as an earlier run left it, the other an empty
one and a bundle. Prints medians, and the bundle's in proportion to the directory's.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from precompile_context.adapters import pytorch

MODEL = Path(pytorch.__file__).with_name("demo_model.py")
_RUN = [sys.executable, "-c", "from _precompile_command import main; main()", "run"]

# (compile seconds as the demo measures them, wall seconds)
Times = tuple[float, float]


class Runs:
    """The two kinds of runs, below a scratch directory."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._kept = scratch / "kept"
        self._kept.mkdir()

    def kept(self) -> Times:
        """With the same cache directory each time."""
        return self._timed([sys.executable, str(MODEL)], self._kept)

    def bundle(self, *options: str) -> Times:
        """With an empty cache directory each time, and one bundle."""
        command = [*_RUN, "--bundle", str(self._scratch / "b.precompile"), *options, str(MODEL)]
        return self._timed(command, Path(tempfile.mkdtemp(dir=self._scratch)))

    def checked(self) -> None:
        """One more with the bundle, which must not run a compiler."""
        report = self._scratch / "report.json"
        self.bundle("--report", str(report))
        facts = json.loads(report.read_text())
        runs = facts["kernels"]["built"], *facts["compiler"].values()
        if any(runs):
            raise SystemExit(f"the warm run built, probed or prepared headers: {runs}")

    def _timed(self, command: list[str], home: Path) -> Times:
        result = self._scratch / "result.json"
        places = {"TORCHINDUCTOR_CACHE_DIR": str(home / "cache"), "TMPDIR": str(home / "tmp")}
        (home / "tmp").mkdir(exist_ok=True)
        began = time.perf_counter()
        subprocess.run(
            [*command, "--out", str(result)],
            env={**os.environ, **places},
            check=True,
            stdin=subprocess.DEVNULL,
        )
        wall = time.perf_counter() - began
        return json.loads(result.read_text())["first_step"], wall


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hot_directory")
    parser.add_argument("--runs", type=int, default=5, help="of each kind (default 5)")
    count = parser.parse_args().runs
    with tempfile.TemporaryDirectory(prefix="precompile-bench-") as scratch:
        runs = Runs(Path(scratch))
        kinds: dict[str, Callable[[], Times]] = {"kept": runs.kept, "bundle": runs.bundle}
        for run in kinds.values():
            run()  # cold: fills the directory, and the bundle
        runs.checked()
        times: dict[str, list[Times]] = {kind: [] for kind in kinds}
        for _ in range(count):
            for kind, run in kinds.items():  # A B A B: what slows the machine slows both
                times[kind].append(run())
    medians = {
        kind: [statistics.median(column) for column in zip(*rows, strict=True)]
        for kind, rows in times.items()
    }
    for index, name in enumerate(("compile", "wall")):
        kept, ours = medians["kept"][index], medians["bundle"][index]
        print(f"{name:8} kept {kept:6.2f} s   bundle {ours:6.2f} s   ratio {ours / kept:.2f}")


if __name__ == "__main__":
    main()
