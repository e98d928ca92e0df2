"""Child processes, timed or bounded, and their peak memory as the kernel accounts it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
# What `timeout` ends with.
TOO_LONG = 124


@dataclass(frozen=True)
class Child:
    """What a process printed and cost."""

    output: str
    seconds: float
    peak_mib: float


def run_child(command: list[str], environment: dict[str, str] | None = None) -> Child:
    """Run it to its end, in this process's environment or in another.

    Raises:
        SystemExit: it failed; what it said has been shown.
    """
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed with {process.returncode}")
    return Child(output, time.perf_counter() - start, usage.ru_maxrss / 1024)


def bounded(
    command: Sequence[str], environment: Mapping[str, str], seconds: float | None
) -> subprocess.CompletedProcess[str]:
    """What it gives, run at the repository's top; TOO_LONG where it was ended with its children."""
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=seconds)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            said = f"ended after {error.timeout:.0f} s"
            return subprocess.CompletedProcess(command, TOO_LONG, "", said)
    return subprocess.CompletedProcess(command, process.returncode, out, err)
