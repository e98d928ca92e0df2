"""Child processes, timed, and their peak memory as the kernel accounts it."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass


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
