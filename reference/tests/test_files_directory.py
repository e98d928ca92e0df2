"""A directory of entries within its bounds: what goes, what stays, what readers see."""

import contextlib
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from precompile_context import UNSIGNED, Directory, DirectoryPrecompileCache, StitchedEntry
from tests.toys import STEP, Step, noise, toy_registry


def _name(number: int) -> str:
    return f"{number:064x}.precompile"


def _aged(directory: Directory, name: str, seconds: float) -> None:
    """Let the entry have been used so long ago."""
    then = time.time() - seconds
    os.utime(directory.path / name, (then, then))


def _filled(path: Path, count: int, size: int = 100, **bounds: Any) -> Directory:
    """Entries 0 to `count`, each an hour younger than the one before."""
    directory = Directory(path, **bounds)
    for number in range(count):
        directory.replace(_name(number), [bytes(size)])
        _aged(directory, _name(number), 3600 * (count - number))
    return directory


def _bytes(path: Path) -> int:
    return sum(file.stat().st_size for file in path.iterdir())


@pytest.mark.slow
def test_a_directory_never_holds_more_than_its_bound(tmp_path: Path) -> None:
    directory = Directory(tmp_path, max_bytes=5000)
    for number in range(200):
        directory.replace(_name(number), [bytes(number * 7 % 400)])
        assert _bytes(tmp_path) <= 5000
    assert _bytes(tmp_path) > 4000


def test_a_directory_that_another_process_filled_is_brought_within_the_bound(
    tmp_path: Path,
) -> None:
    _filled(tmp_path, 50)
    Directory(tmp_path, max_bytes=1600).replace(_name(99), [bytes(100)])
    assert _bytes(tmp_path) <= 1600


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    directory = _filled(tmp_path, 10, max_bytes=1000)
    assert directory.read(_name(0)) is not None  # the oldest, and now just used
    directory.replace(_name(10), [bytes(100)])
    kept = {name for name in map(_name, range(11)) if (tmp_path / name).exists()}
    assert _name(0) in kept
    assert _name(10) in kept
    assert _name(1) not in kept
    assert kept - {_name(0)} == set(map(_name, range(11 - len(kept) + 1, 11)))


def test_an_entry_not_used_for_too_long_is_not_there_and_goes(tmp_path: Path) -> None:
    directory = _filled(tmp_path, 4, max_age=2.5 * 3600)
    assert directory.read(_name(1)) is None
    assert directory.read(_name(2)) is not None
    Directory(tmp_path, max_age=2.5 * 3600).replace(_name(9), [b""])
    assert sorted(os.listdir(tmp_path)) == [_name(2), _name(3), _name(9)]


def test_a_use_makes_an_entry_young_again(tmp_path: Path) -> None:
    directory = _filled(tmp_path, 1, max_age=4000)
    assert directory.read(_name(0)) is not None
    assert time.time() - (tmp_path / _name(0)).stat().st_mtime < 3600


def test_without_bounds_nothing_goes_and_no_time_is_changed(tmp_path: Path) -> None:
    directory = _filled(tmp_path, 20)
    times = {file.name: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    for number in range(20):
        directory.read(_name(number))
    assert {file.name: file.stat().st_mtime_ns for file in tmp_path.iterdir()} == times


def test_an_entry_larger_than_the_bound_is_refused_and_evicts_nothing(tmp_path: Path) -> None:
    directory = _filled(tmp_path, 5, max_bytes=1000)
    with pytest.raises(OSError, match="1001 bytes"):
        directory.replace(_name(9), [bytes(1001)])
    assert len(os.listdir(tmp_path)) == 5


def test_eviction_touches_nothing_that_is_no_entry(tmp_path: Path) -> None:
    others = ["train.precompile", "notes.txt", _name(1).upper(), "x" + _name(1), ".hidden"]
    for other in others:
        (tmp_path / other).write_bytes(bytes(10_000))
        os.utime(tmp_path / other, (0, 0))
    (tmp_path / "folder").mkdir()
    directory = Directory(tmp_path, max_bytes=1000, max_age=3600)
    directory.replace(_name(0), [bytes(900)])
    directory.replace(_name(1), [bytes(900)])
    assert sorted(os.listdir(tmp_path)) == sorted([*others, "folder", _name(1)])


@pytest.mark.parametrize("bounds", [{}, {"max_bytes": 1000}, {"max_age": 10_000}])
def test_what_killed_writers_left_is_removed_and_what_is_being_written_is_not(
    tmp_path: Path, bounds: dict[str, Any]
) -> None:
    stale, fresh = f".{'0' * 48}.{'a' * 16}", f".{'0' * 48}.{'b' * 16}"
    for name, age in ((stale, 7200), (fresh, 600)):
        (tmp_path / name).write_bytes(b"half")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    Directory(tmp_path, **bounds).replace(_name(0), [b""])
    assert sorted(os.listdir(tmp_path)) == sorted([fresh, _name(0)])


def test_a_reader_at_work_keeps_an_entry_that_is_evicted(tmp_path: Path) -> None:
    directory = _filled(tmp_path, 1, 900, max_bytes=1000)
    with (tmp_path / _name(0)).open("rb") as reading:
        directory.replace(_name(1), [bytes(900)])
        assert not (tmp_path / _name(0)).exists()
        assert reading.read() == bytes(900)


def test_readers_beside_eviction_get_whole_entries_or_misses(tmp_path: Path) -> None:
    faults: list[object] = []
    entries = [StitchedEntry(Step(str(key), noise(2000, key))) for key in range(20)]

    def cache() -> DirectoryPrecompileCache:
        directory = Directory(tmp_path, max_bytes=20_000, max_age=3600)
        return DirectoryPrecompileCache(
            directory, toy_registry(), policy=UNSIGNED, on_fault=lambda *fault: faults.append(fault)
        )

    for entry in entries:
        cache().write(entry)
    stop = threading.Event()

    def write() -> None:
        writing = cache()
        while not stop.is_set():
            for entry in entries:
                writing.write(entry)

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    reading, hits = cache(), 0
    try:
        for _ in range(30):
            for key, entry in enumerate(entries):
                found = reading.read(STEP, str(key))
                assert found in (None, entry)
                hits += found is not None
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert hits
    assert faults == []


def test_two_processes_that_evict_the_same_entry_do_not_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = _filled(tmp_path, 10, max_bytes=1000)
    unlink = os.unlink

    def another_was_first(path: Any) -> None:
        with contextlib.suppress(FileNotFoundError):
            unlink(path)
        unlink(path)

    monkeypatch.setattr(os, "unlink", another_was_first)
    directory.replace(_name(10), [bytes(100)])
    assert directory.read(_name(10)) == bytes(100)


@pytest.mark.parametrize("kind", ["pipe", "device", "huge", "directory"])
def test_what_is_no_entry_is_a_miss_that_is_told_and_not_waited_for(
    kind: str, tmp_path: Path
) -> None:
    told: list[str] = []
    cache = DirectoryPrecompileCache(
        Directory(tmp_path / "cache"),
        toy_registry(),
        policy=UNSIGNED,
        on_fault=lambda type_name, key, fault: told.append(str(fault)),
    )
    cache.write(StitchedEntry(Step(key="a", content=b"1")))
    [path] = (tmp_path / "cache").iterdir()
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "directory":
        path.mkdir()
    else:
        with path.open("wb") as file:
            file.truncate(1 << 42)
    assert cache.read(STEP, "a") is None
    assert len(told) == 1
    assert str(path) in told[0]


def test_an_entry_larger_than_the_bound_is_not_read(tmp_path: Path) -> None:
    directory = Directory(tmp_path, max_bytes=1000)
    (tmp_path / _name(1)).write_bytes(bytes(1001))
    with pytest.raises(OSError, match="1001 bytes; the cache may hold 1000"):
        directory.read(_name(1))
