"""Where torch sees a GPU: the demo, modes of torch.compile, Triton's kernels, cases and tests.

    make gpu

Each run is a process with empty cache directories. None takes longer than three minutes, nor
all of them more than nine.
"""

import argparse
import contextlib
import functools
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from benchmarks.gpu.parts import PARTS, Where
from benchmarks.marked import renewed

BY = "make gpu"
_EACH, _ALL = 180.0, 540.0


def main(arguments: list[str] | None = None) -> int:
    """Measure the parts that are named, all by default; 1 where something was wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--device", default="cuda", help="cpu tries all but the device")
    parser.add_argument("--into", type=Path, help="a Markdown file that has a place for it")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    options = parser.parse_args(arguments)
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    # Asking CUDA itself whether there is a device leaves a process whose forks cannot use it.
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"
    module = torch.get_device_module(options.device)
    if not module.is_available():
        why = f"torch {torch.__version__} sees no {options.device}"
        print(f"NOT RUN: what needs a GPU, because {why}", file=sys.stderr)
        return 0
    if options.into:
        renewed(options.into.read_text(), BY, "")  # whether it has the place, before all the work
    began = time.monotonic()
    made, faults = [], []
    with tempfile.TemporaryDirectory(prefix="gpu-") as scratch:
        where = Where(options.device, Path(scratch), functools.partial(_left, began))
        for name in options.parts or PARTS:
            text, of_part = PARTS[name](where)
            print(text, end="\n\n", file=sys.stderr)
            made.append(text)
            faults += of_part
    name = getattr(module, "get_device_name", platform.machine)()
    text = "\n\n".join([_about(name, time.monotonic() - began), *made])
    if options.into:
        options.into.write_text(renewed(options.into.read_text(), BY, f"{text}\n"))
    else:
        print(text)
    for fault in faults:
        print(f"WRONG: {fault}", file=sys.stderr)
    return int(bool(faults))


def _left(began: float) -> float:
    """Seconds that the next process may take; one where none are left."""
    return max(1.0, min(_EACH, began + _ALL - time.monotonic()))


def _about(name: str, seconds: float) -> str:
    """On what this was measured, and how long that took."""
    driver = "no driver that is known"
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        driver = f"driver {subprocess.check_output(query, text=True).splitlines()[0]}"
    return (
        f"On {name} with {driver}, torch {torch.__version__}, Python {platform.python_version()} "
        f"and {os.cpu_count()} cores, in {seconds:.0f} s:"
    )


if __name__ == "__main__":
    sys.exit(main())
