"""Many processes on one file, many threads on one context: nothing is lost, nothing is half seen.

`PRECOMPILE_STRESS=1` runs the sizes that docs/reliability.md tells of.
"""

import errno
import fcntl
import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path
from typing import Any

import pytest

from precompile_context import UNSIGNED, BundleFile, PrecompileError
from tests.toys import BLOB, Name, bundle_contents, file_contents, noise, serialized, toy_context

STRESS = os.environ.get("PRECOMPILE_STRESS") == "1"
PROCESSES, APPENDS = 8, 100 if STRESS else 6
THREADS, RECORDS = 8, 10_000 if STRESS else 400
PARTS = 3  # artifacts that are saved together

_forking = multiprocessing.get_context("fork")


def _content(process: int, number: int, part: int) -> bytes:
    return noise(100 + 37 * part, 1000 * process + number)


def _append(path: Path, process: int, start: Barrier) -> None:
    start.wait()
    for number in range(APPENDS):
        context = toy_context()
        for part in range(PARTS):
            key = f"{process} {number} {part}"
            context.record_artifact(BLOB, key, _content(process, number, part))
        context.save_to(BundleFile(path))


def _read(path: Path, mapped: bool, start: Barrier, stop: Event, reads: Any) -> None:
    """Each reading holds all of the one before it, every save whole, and stays readable."""
    start.wait()
    seen: dict[Name, bytes] = {}
    before = None
    while not stop.is_set():
        try:
            opened = BundleFile(path).open(policy=UNSIGNED, mapped=mapped)
        except FileNotFoundError:
            continue
        except PrecompileError:
            assert not seen  # before the first save is committed
            continue
        opened.verify()
        found = {name: opened.read(stored) for name, stored in opened.current().items()}
        assert found.items() >= seen.items()
        for _, key in found:
            process, number, _ = map(int, key.split())
            for part in range(PARTS):
                name = (BLOB, f"{process} {number} {part}")
                assert found[name] == _content(process, number, part)
        if before is not None:  # whatever happened to the file meanwhile
            before.verify()
        seen, before = found, opened
        reads.value += 1


def _fold(path: Path, start: Barrier, stop: Event, folds: Any) -> None:
    start.wait()
    while not stop.is_set():
        try:
            folds.value += BundleFile(path).fold(b"", policy=UNSIGNED)
        except (FileNotFoundError, PrecompileError):
            continue  # nothing is there yet
        time.sleep(0.05)


@pytest.mark.parametrize("folding", [False, True], ids=["appending", "appending and folding"])
def test_processes_that_append_lose_nothing_and_readers_see_whole_saves(
    folding: bool, file: BundleFile
) -> None:
    reads = [_forking.Value("i", 0) for _ in range(2)]
    folds, stop = _forking.Value("i", 0), _forking.Event()
    start = _forking.Barrier(PROCESSES + len(reads) + folding)
    others = [
        _forking.Process(target=_read, args=(file.path, bool(mapped), start, stop, count))
        for mapped, count in enumerate(reads)
    ]
    if folding:
        others.append(_forking.Process(target=_fold, args=(file.path, start, stop, folds)))
    writers = [
        _forking.Process(target=_append, args=(file.path, number, start))
        for number in range(PROCESSES)
    ]
    for process in (*writers, *others):
        process.start()
    for process in writers:
        process.join()
    stop.set()
    for process in others:
        process.join()
    assert [process.exitcode for process in (*writers, *others)] == [0] * len(writers + others)
    assert file_contents(file) == {
        (BLOB, f"{process} {number} {part}"): _content(process, number, part)
        for process in range(PROCESSES)
        for number in range(APPENDS)
        for part in range(PARTS)
    }
    assert os.listdir(file.path.parent) == [file.path.name]
    assert all(count.value for count in reads)
    print(
        f"\n{PROCESSES} processes, {PROCESSES * APPENDS} appends, 0 lost;"
        f" {folds.value} folds; {reads[0].value} + {reads[1].value} whole readings (read, mapped)"
    )


def test_threads_that_record_and_serialize_lose_nothing() -> None:
    context = toy_context()
    start = threading.Barrier(THREADS)
    lock, longest = threading.Lock(), [b""]

    def work(thread: int) -> int:
        start.wait()
        saves = 0
        for number in range(RECORDS):
            context.record_artifact(BLOB, f"{thread} {number}", b"%d %d" % (thread, number))
            if number % (RECORDS // 10) == 0:
                data = serialized(context)
                saves += 1
                with lock:  # of any two, one continues the other
                    short, long = sorted((longest[0], data), key=len)
                    assert long.startswith(short)
                    longest[0] = long
        return saves

    with ThreadPoolExecutor(THREADS) as pool:
        saves = sum(pool.map(work, range(THREADS)))
    data = serialized(context)
    assert data.startswith(longest[0])
    assert bundle_contents(data) == {
        (BLOB, f"{thread} {number}"): b"%d %d" % (thread, number)
        for thread in range(THREADS)
        for number in range(RECORDS)
    }
    print(f"\n{THREADS} threads, {THREADS * RECORDS:,} records, {saves} serializations, 0 lost")


@pytest.mark.parametrize(
    "fault",
    [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL],
    ids=lambda fault: errno.errorcode[fault],
)
@pytest.mark.parametrize(
    "work",
    [
        lambda file: file.appending(UNSIGNED).__enter__(),
        lambda file: file.fold(b"", policy=UNSIGNED),
    ],
    ids=["append", "fold"],
)
def test_a_file_system_that_cannot_lock_is_told_from_a_locked_file(
    work: Callable[[BundleFile], object],
    fault: int,
    file: BundleFile,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As NFS without a lock daemon answers, and others: nothing is appended, reading goes on."""

    def no_locks(fd: int, operation: int) -> None:
        raise OSError(fault, os.strerror(fault))

    context = toy_context()
    context.record_artifact(BLOB, "a", b"1")
    context.save_to(file)
    before = file.path.read_bytes()
    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(OSError, match="cannot lock files; keep the file on a local") as caught:
        work(file)
    assert (caught.value.filename, caught.value.errno) == (str(file.path), errno.ENOTSUP)
    assert file.path.read_bytes() == before
    assert (BLOB, "a") in file.open(policy=UNSIGNED).current()


def test_a_new_file_that_cannot_be_locked_is_not_left_behind(
    file: BundleFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(fd: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(OSError, match="cannot lock"), file.appending(UNSIGNED):
        pass
    assert not file.path.exists()


def test_who_gives_up_waiting_leaves_what_another_process_made_of_the_file(
    file: BundleFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made by the one, locked first and filled by the other."""
    flock = fcntl.flock
    others: list[int] = []

    def another_is_first(fd: int, operation: int) -> None:
        if not others:
            monkeypatch.setattr(fcntl, "flock", flock)
            context = toy_context()
            context.record_artifact(BLOB, "of the other", b"1")
            context.save_to(file)
            others.append(os.open(file.path, os.O_RDWR))
            flock(others[0], fcntl.LOCK_EX)
        flock(fd, operation)

    monkeypatch.setattr(fcntl, "flock", another_is_first)
    impatient = BundleFile(file.path, lock_seconds=0.05)
    with pytest.raises(OSError, match="locked by another process"), impatient.appending(UNSIGNED):
        pass
    os.close(others[0])
    assert file_contents(file) == {(BLOB, "of the other"): b"1"}
