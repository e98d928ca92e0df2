"""Building the distribution, as a release does."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def build(kind: str, folder: Path, source: Path = ROOT) -> Path:
    """The wheel or sdist of the tree `source`, made in `folder`."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)]
    subprocess.run(command, check=True, capture_output=True, cwd=source)
    (built,) = folder.iterdir()
    return built
