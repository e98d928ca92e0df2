"""The demo's runs, each a process with cache directories of its own."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from precompile_context.adapters import pytorch
from precompile_context.errors import ErrorCode, PrecompileError

MODEL = Path(pytorch.__file__).with_name("demo_model.py")
# A run of the demo that takes longer hangs.
RUN_SECONDS = 600

PRECOMPILE = [sys.executable, "-c", "from _precompile_command import main; main()"]
# Torch alone, counted by the same means as the others.
_OBSERVED = (
    "import sys; from precompile_context.cli.run import become; "
    "become(sys.argv[2:], bundle=None, report=sys.argv[1])"
)


@dataclass(frozen=True)
class Row:
    """What one run took and did.

    Attributes:
        first_step: seconds from the first torch.compile call to the end of step 1,
            applying what was saved included, imports not.
        wall: seconds of the whole process.
        hits: answers of torch's caches of graphs, both together; misses likewise.
        size: bytes of the saved caches that it read or made; None without.
        losses: of each step, as float.hex writes them.
    """

    mode: str
    first_step: float
    wall: float
    kernels_built: int
    hits: int
    misses: int
    size: int | None
    losses: tuple[str, ...]

    def values(self) -> list[float]:
        """The losses as numbers."""
        return [float.fromhex(loss) for loss in self.losses]


class Runs:
    """The five runs, in the order that they need: cold ones make what warm ones read."""

    def __init__(self, scratch: Path, device: str) -> None:
        self._scratch = scratch
        self._device = device
        self._mega_cache = scratch / "mega-cache"
        self._bundle = scratch / "demo.precompile"

    def eager(self, mode: str) -> Row:
        """Nothing compiled."""
        return self._alone(mode, None, "--eager")

    def cold(self, mode: str) -> Row:
        """Torch as it is."""
        return self._alone(mode, self._mega_cache, "--save-mega-cache", str(self._mega_cache))

    def cold_recording(self, mode: str) -> Row:
        """By `precompile run`, without a bundle yet."""
        return self._with_bundle(mode)

    def warm_mega_cache(self, mode: str) -> Row:
        """Torch, told to load its mega-cache."""
        return self._alone(mode, self._mega_cache, "--load-mega-cache", str(self._mega_cache))

    def warm_bundle(self, mode: str) -> Row:
        """By `precompile run` again."""
        return self._with_bundle(mode)

    def _alone(self, mode: str, saved: Path | None, *arguments: str) -> Row:
        report = self._scratch / "report.json"
        return self._run(
            mode, [sys.executable, "-c", _OBSERVED, str(report)], arguments, report, saved
        )

    def _with_bundle(self, mode: str) -> Row:
        report = self._scratch / "report.json"
        options = ["run", "--bundle", str(self._bundle), "--report", str(report)]
        return self._run(mode, [*PRECOMPILE, *options], (), report, self._bundle)

    def _run(
        self,
        mode: str,
        command: list[str],
        arguments: tuple[str, ...],
        report_file: Path,
        saved: Path | None,
    ) -> Row:
        out = self._scratch / "result.json"
        command = [*command, str(MODEL), "--out", str(out), "--device", self._device, *arguments]
        wall = finished(mode, command, self._environment())
        result = json.loads(out.read_text())
        report: dict[str, Any] = json.loads(report_file.read_text())
        caches = report["graphs"]["fx"], report["graphs"]["aot"]
        return Row(
            mode=mode,
            first_step=round(result["first_step"], 3),  # a bundle is applied within it
            wall=round(wall, 3),
            kernels_built=report["kernels"]["built"],
            hits=sum(cache["hits"] for cache in caches),
            misses=sum(cache["misses"] for cache in caches),
            size=None if saved is None else saved.stat().st_size,
            losses=tuple(result["losses"]),
        )

    def _environment(self) -> dict[str, str]:
        """Empty caches. TMPDIR too: torch keeps compiled headers there, whatever it is told."""
        home = Path(tempfile.mkdtemp(dir=self._scratch))
        places = {"TORCHINDUCTOR_CACHE_DIR": home / "cache", "TMPDIR": home / "tmp"}
        for place in places.values():
            place.mkdir(parents=True)
        given = {name: str(place) for name, place in places.items()}
        return {**os.environ, **not_the_users(self._scratch), **given}


def not_the_users(scratch: Path) -> dict[str, str]:
    """One for all runs: the key that signs the bundle, and the record of its use."""
    return {
        "XDG_CONFIG_HOME": str(scratch / "config"),
        "XDG_STATE_HOME": str(scratch / "state"),
    }


def finished(mode: str, command: list[str], environ: Mapping[str, str]) -> float:
    """Run a program to its end; the seconds that its process took.

    Raises:
        PrecompileError: APPLY_FAILED, it failed.
    """
    began = time.perf_counter()
    done = subprocess.run(
        command,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    wall = time.perf_counter() - began
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        detail = f"the run '{mode}' ended with status {done.returncode}: {last}"
        raise PrecompileError(ErrorCode.APPLY_FAILED, detail)
    sys.stderr.write(done.stderr)
    return wall
