"""numba's functions: compiled, from its own hot cache, and from a bundle, in one run.

python -m benchmarks.numba_cache, in an environment with numba: fresh processes, interleaved,
medians; seconds of all first calls, applying the bundle included.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROUNDS = 3
FUNCTIONS = 4
_FUNCTION = """
@njit(cache=True)
def function_{i}(x):
    total = 0.0
    for row in range(x.shape[0]):
        for column in range(x.shape[1]):
            total += np.sin(x[row, column]) * {i} + helper(total)
    return total
"""
_HEAD = """
import time
import numpy as np
from numba import njit

@njit
def helper(x):
    return x * 0.5 if x > 1 else x + 1
"""
_TAIL = """
arrays = [np.ones((4, 4), dtype) for dtype in (np.float32, np.float64)]
began = time.perf_counter()
for function in [{names}]:
    for array in arrays:
        function(array)
print(time.perf_counter() - began)
"""


def seconds(folder: Path, *command: str) -> float:
    """What the program says of itself."""
    done = subprocess.run(
        [sys.executable, *command, "program.py"],
        cwd=folder,
        env={**os.environ, "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def main() -> None:
    """Print the table."""
    names = [f"function_{i}" for i in range(FUNCTIONS)]
    functions = [_FUNCTION.format(i=i) for i in range(FUNCTIONS)]
    source = "".join([_HEAD, *functions, _TAIL.format(names=", ".join(names))])
    ours = ("-m", "precompile_context", "run", "-q", "--read-only", "--bundle", "bundle")
    recording = tuple(word for word in ours if word != "--read-only")
    with tempfile.TemporaryDirectory() as root:
        own, bundle = Path(root, "own"), Path(root, "bundle")
        for folder in (own, bundle):
            folder.mkdir()
            (folder / "program.py").write_text(source)
        taken: dict[str, list[float]] = {
            "cold, numba alone": [seconds(own)],
            "cold, recording": [seconds(bundle, *recording)],
            "warm, numba's own hot cache": [],
            "warm, bundle, empty directories": [],
        }
        for _ in range(ROUNDS):
            taken["warm, numba's own hot cache"].append(seconds(own))
            shutil.rmtree(bundle / "__pycache__", ignore_errors=True)
            taken["warm, bundle, empty directories"].append(seconds(bundle, *ours))
    for name, values in taken.items():
        print(f"{name:34}{statistics.median(values):8.3f}")
    print(json.dumps(taken))


if __name__ == "__main__":
    main()
