"""Processes that are killed at random moments, and what is left of their work.

A worker is forked, works without end and says on a pipe what was acknowledged to it;
after a random time it is killed with SIGKILL. Then all that was acknowledged must be
there and whole, and the work must go on.
"""

import os
import random
import signal
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from precompile_context import (
    UNSIGNED,
    Bundle,
    BundleFile,
    Directory,
    DirectoryPrecompileCache,
    StitchedEntry,
)
from tests.toys import BLOB, STEP, Step, blobs, noise, readable_contents, toy_registry

# Says that so much of the work was acknowledged.
Acknowledge = Callable[[int], None]
Work = Callable[[Path, int, Acknowledge], None]


def run_and_kill(work: Work, path: Path, first: int, seconds: float, *, wait: bool) -> int:
    """Work on from number `first`, die after so many seconds; the number acknowledged last.

    With `wait`, the seconds begin when the first work is acknowledged.
    """
    reading, writing = os.pipe()
    worker = os.fork()
    if worker == 0:
        try:
            os.close(reading)
            work(path, first, lambda number: _say(writing, number))
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)  # no worker ends by itself
    os.close(writing)
    said = os.read(reading, 1 << 16) if wait else b""
    time.sleep(seconds)
    os.kill(worker, signal.SIGKILL)
    _, status = os.waitpid(worker, 0)
    assert os.WIFSIGNALED(status), "the worker ended by itself"
    while more := os.read(reading, 1 << 16):
        said += more
    os.close(reading)
    lines = said.decode().splitlines()
    return int(lines[-1]) if lines else first


def _say(fd: int, number: int) -> None:
    os.write(fd, b"%d\n" % number)


def content(number: int) -> bytes:
    """What is saved under a number: from nothing to a few pages."""
    return noise(number * 997 % 20_000, number)


def append(path: Path, number: int, acknowledge: Acknowledge) -> None:
    """One save after another."""
    while True:
        blobs(None, **{str(number): content(number)}).save_to(BundleFile(path))
        number += 1
        acknowledge(number)


def append_and_fold(path: Path, number: int, acknowledge: Acknowledge) -> None:
    """Saves, and after every third one the file is folded to one segment."""
    while True:
        blobs(None, **{str(number): content(number)}).save_to(BundleFile(path))
        number += 1
        acknowledge(number)
        if number % 3 == 0:
            BundleFile(path).fold(b"", policy=UNSIGNED)


def check_file(path: Path, acknowledged: int) -> int:
    """Every save that was acknowledged is there, at most one more, each whole; the number there."""
    there = readable_contents(path)
    numbers = [int(key) for _, key in there]
    assert numbers == list(range(len(numbers)))
    assert acknowledged <= len(numbers) <= acknowledged + 1
    assert all(there[BLOB, str(number)] == content(number) for number in numbers)
    blobs(None, **{str(len(numbers)): content(len(numbers))}).save_to(BundleFile(path))
    Bundle.open(path.read_bytes(), policy=UNSIGNED)  # strictly: the torn tail is gone
    return len(numbers) + 1


KEYS, VERSIONS = 5, 4
_ENTRIES = {
    (key, version): StitchedEntry(Step(str(key), noise(3000 * version, key)))
    for key in range(KEYS)
    for version in range(VERSIONS)
}


def entry(number: int) -> StitchedEntry:
    """The entry that is written as this number: each in turn, each time in its next version."""
    return _ENTRIES[number % KEYS, number // KEYS % VERSIONS]


def cache_in(path: Path, faults: list[object] | None = None) -> DirectoryPrecompileCache:
    """The cache in a directory, bounded so that it evicts nothing of ours."""
    told = [] if faults is None else faults
    return DirectoryPrecompileCache(
        Directory(path, max_bytes=1 << 20),
        toy_registry(),
        policy=UNSIGNED,
        on_fault=lambda *f: told.append(f),
    )


def write_entries(path: Path, number: int, acknowledge: Acknowledge) -> None:
    """Each entry of a cache in turn, each time in its next version."""
    cache = cache_in(path)
    while True:
        cache.write(entry(number))
        number += 1
        acknowledge(number)


def check_cache(path: Path, acknowledged: int) -> int:
    """Each entry is in the version that was acknowledged last, or the one in the next."""
    faults: list[object] = []
    cache = cache_in(path, faults)
    for key in range(KEYS):
        written = [number for number in range(acknowledged) if number % KEYS == key]
        allowed = [entry(written[-1]) if written else None]
        if acknowledged % KEYS == key:
            allowed.append(entry(acknowledged))
        assert cache.read(STEP, str(key)) in allowed
    assert faults == []
    cache.write(entry(acknowledged))
    return acknowledged + 1


WORKS: dict[str, tuple[Work, Callable[[Path, int], int]]] = {
    "append": (append, check_file),
    "fold": (append_and_fold, check_file),
    "cache": (write_entries, check_cache),
}


def kill_often(name: str, path: Path, runs: int, seed: int) -> int:
    """So many kills, with a new file after every twentieth; how much was acknowledged."""
    work, check = WORKS[name]
    choose = random.Random(seed)
    acknowledged = 0
    number, place = 0, path
    for run in range(runs):
        if run % 20 == 0:
            number, place = 0, path.with_name(f"{path.name}-{run}")
        # From a millisecond to a fifth of a second: before, within and after the first save.
        seconds = 0.001 * 200 ** choose.random()
        last = run_and_kill(work, place, number, seconds, wait=run % 2 == 1)
        acknowledged += last - number
        number = check(place, last)
    return acknowledged
