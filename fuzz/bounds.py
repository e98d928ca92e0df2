"""What an input may cost: processor seconds and bytes of memory.

An input below 1 MiB is answered in less than a second of processor time and with
less than 64 MiB beyond its own size. What other processes take from the machine is
not the input's: so it is processor time, and where one run takes too long, two more
decide. A slower machine has more: the second is one of a machine that makes a loop of a
million additions in 30 milliseconds.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

MAX_INPUT = 1 << 20
SECONDS = 1.0
MEMORY = 64 << 20
_LOOP, _LOOP_SECONDS = 1_000_000, 0.03


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one input: processor seconds, and bytes beyond what was in memory before."""

    seconds: float
    memory: int

    def is_within(self, size: int) -> bool:
        """Whether an input of `size` bytes may cost this much."""
        return self.seconds < SECONDS and self.memory < MEMORY + size


class Watch:
    """Measures runs of `call` within this process; the peak of memory is the system's own."""

    def __init__(self) -> None:
        self._runs = 0

    def cost(self, call: Callable[[bytes], None], data: bytes) -> Cost:
        """Run it once. Memory that an earlier run gave back late may hide some of this run's."""
        if self._runs % 256 == 0:
            self.rebase()
        self._runs += 1
        start = time.process_time()
        call(data)
        return Cost(time.process_time() - start, _peak() - self._base)

    def rebase(self) -> None:
        """Forget the peak so far."""
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        self._base = _peak()


def _peak() -> int:
    """Most bytes that were resident since the peak was last forgotten."""
    with open("/proc/self/status") as file:
        return int(file.read().split("VmHWM:")[1].split()[0]) << 10


def slowness() -> float:
    """How many times longer than on the machine of SECONDS this one takes now; at least 1."""
    start = time.process_time()
    total = 0
    for number in range(_LOOP):
        total += number
    return max(1.0, (time.process_time() - start) / _LOOP_SECONDS)


def cost_alone(target: str, path: str) -> tuple[Cost, str]:
    """The cost of the input at `path` in a process that does nothing else, its seconds scaled.

    And what it was answered.

    Where it is too dear, the least of three.

    Raises:
        subprocess.CalledProcessError: the run fails.
    """
    command = [sys.executable, "-m", "fuzz", "cost", target, path]
    size = os.path.getsize(path)
    costs: list[Cost] = []
    while len(costs) < 3 and not (costs and costs[-1].is_within(size)):
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        seconds, memory, slow, answer = done.stdout.split()
        costs.append(Cost(float(seconds) / float(slow), int(memory)))
    return Cost(min(c.seconds for c in costs), min(c.memory for c in costs)), answer
