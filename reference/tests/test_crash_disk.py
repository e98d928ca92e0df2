"""A power cut at any moment, on a disk that reorders and tears what was not synced.

`PRECOMPILE_CRASH_STATES` is how many of the states that a cut may leave are looked at
for each moment.
"""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from precompile_context import (
    UNSIGNED,
    Bundle,
    BundleFile,
    Directory,
    DirectoryPrecompileCache,
    StitchedEntry,
)
from precompile_context.bundle import runs
from precompile_context.bundle.framing import FOOTER_SIZE
from tests.disk import SECTOR, Disk, Moment
from tests.toys import (
    BLOB,
    STEP,
    Name,
    Step,
    blobs,
    new_artifact,
    noise,
    readable_contents,
    toy_context,
    toy_registry,
    write_segment,
)

STATES = int(os.environ.get("PRECOMPILE_CRASH_STATES", "12"))
NAME = "model.precompile"
Contents = dict[Name, bytes]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    (tmp_path / "disk").mkdir()
    disk = Disk(tmp_path / "disk")
    disk.acknowledged = {}
    yield disk
    disk.close()


def _check(moment: Moment, seed: int, folder: Path, written: Contents) -> None:
    """What was acknowledged is there, what is there is whole, and appending goes on."""
    folder.mkdir()
    for name, data in moment.left(random.Random(seed)).items():
        (folder / name).write_bytes(data)
    path = folder / NAME
    there = readable_contents(path)
    assert there.items() >= moment.acknowledged.items()
    assert there.items() <= written.items()
    blobs(after=b"the crash").save_to(BundleFile(path))
    Bundle.open(path.read_bytes(), policy=UNSIGNED).verify()
    assert readable_contents(path) == {**there, (BLOB, "after"): b"the crash"}


def _check_all(disk: Disk, tmp_path: Path, written: Contents) -> int:
    states = 0
    for index, moment in enumerate(disk.moments):
        # All versions have one state alone.
        certain = len(moment.names) == 1 and all(len(v) == 1 for v in moment.files.values())
        for seed in range(1 if certain else STATES):
            _check(moment, seed, tmp_path / f"{index} {seed}", written)
            states += 1
    return states


def test_a_power_cut_loses_nothing_that_was_saved(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: Contents = {}
    with monkeypatch.context() as patched:
        disk.watch(patched)
        context, file = toy_context(), BundleFile(tmp_path / "disk" / NAME)
        for number in range(5):
            key, content = f"k{number}", noise(300 + 97 * number, number)
            written[BLOB, key] = content
            context.record_artifact(BLOB, key, content)
            context.save_to(file)
            disk.acknowledged = dict(written)
    monkeypatch.setattr(os, "fsync", lambda fd: None)
    states = _check_all(disk, tmp_path, written)
    print(f"\nappend: {len(disk.moments)} moments, {states:,} states, 0 losses")


def test_a_power_cut_leaves_some_of_several_segments_saved_together_each_whole(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "MANIFEST_TARGET", 300)
    written: Contents = {}
    with monkeypatch.context() as patched:
        disk.watch(patched)
        context, file = toy_context(), BundleFile(tmp_path / "disk" / NAME)
        for step in range(2):
            for number in range(9):
                key, content = f"k{step} {number}", noise(200, 10 * step + number)
                written[BLOB, key] = content
                context.record_artifact(BLOB, key, content)
            context.save_to(file)
            disk.acknowledged = dict(written)
    assert len(file.open(policy=UNSIGNED).segments) >= 6
    monkeypatch.setattr(os, "fsync", lambda fd: None)
    states = _check_all(disk, tmp_path, written)
    print(f"\nseveral segments: {len(disk.moments)} moments, {states:,} states, 0 losses")


@pytest.mark.usefixtures("no_sync")
@pytest.mark.parametrize("before", [b"", write_segment(new_artifact("first", b"1"))])
def test_a_footer_across_two_sectors_of_which_one_is_lost_stops_no_later_append(
    before: bytes, tmp_path: Path
) -> None:
    path, behind = tmp_path / NAME, set()
    kept = {(BLOB, "first"): b"1"} if before else {}
    for length in range(300, 300 + SECTOR):
        data = before + write_segment(new_artifact("a", noise(length)))
        border = len(data) // SECTOR * SECTOR
        if len(data) - FOOTER_SIZE < border < len(data):
            behind.add(len(data) - border)
            path.write_bytes(data[:border].ljust(len(data), b"\0"))
            assert readable_contents(path).items() >= kept.items()
            blobs(b=b"2").save_to(BundleFile(path))
            assert readable_contents(path).items() >= {**kept, (BLOB, "b"): b"2"}.items()
    assert behind == set(range(1, FOOTER_SIZE))


def test_a_power_cut_while_the_file_is_folded_leaves_the_old_one_or_the_new_one(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, file = toy_context(), BundleFile(tmp_path / "disk" / NAME)
    written: Contents = {}
    for number in range(4):
        written[BLOB, f"k{number}"] = noise(400, number)
        context.record_artifact(BLOB, f"k{number}", noise(400, number))
        context.save_to(file)
    disk.acknowledged = dict(written)
    with monkeypatch.context() as patched:
        disk.watch(patched)
        assert file.fold(b"", policy=UNSIGNED)
        written[BLOB, "behind"] = b"the fold"
        context.record_artifact(BLOB, "behind", b"the fold")
        context.save_to(file)
        disk.acknowledged = dict(written)
        os.utime(file.path)  # one more moment, with the last one acknowledged
    monkeypatch.setattr(os, "fsync", lambda fd: None)
    states = _check_all(disk, tmp_path, written)
    print(f"\nfold: {len(disk.moments)} moments, {states:,} states, 0 losses")


def test_a_name_is_on_the_disk_before_what_others_append_is_acknowledged(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that folded died between the new name and its sync; another one appends."""

    class Killed(BaseException):
        pass

    def die(path: Path) -> None:
        raise Killed

    file = BundleFile(tmp_path / "disk" / NAME)
    for key in "ab":
        blobs(**{key: noise(400, ord(key))}).save_to(file)
    written: Contents = {(BLOB, key): noise(400, ord(key)) for key in "ab"}
    disk.acknowledged = dict(written)
    with monkeypatch.context() as patched:
        disk.watch(patched)
        with patched.context() as dying:
            dying.setattr("precompile_context.files.atomic.sync_directory", die)
            with pytest.raises(Killed):
                file.fold(b"", policy=UNSIGNED)
        written[BLOB, "c"] = b"3"
        blobs(c=b"3").save_to(file)
        disk.acknowledged = dict(written)
        os.utime(file.path)
    monkeypatch.setattr(os, "fsync", lambda fd: None)
    _check_all(disk, tmp_path, written)


def test_a_power_cut_leaves_a_cache_s_entry_old_or_new(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = {
        (key, n): StitchedEntry(Step(key, noise(700 + n, n))) for key in "st" for n in (1, 2, 3)
    }

    def cache(folder: Path) -> tuple[DirectoryPrecompileCache, list[object]]:
        faults: list[object] = []
        directory = Directory(folder, max_bytes=100_000)
        return DirectoryPrecompileCache(
            directory, toy_registry(), policy=UNSIGNED, on_fault=lambda *fault: faults.append(fault)
        ), faults

    with monkeypatch.context() as patched:
        disk.watch(patched)
        writing, _ = cache(tmp_path / "disk")
        for (key, number), entry in versions.items():
            writing.write(entry)
            disk.acknowledged = {**disk.acknowledged, key: number}
        os.utime(tmp_path / "disk")
    monkeypatch.setattr(os, "fsync", lambda fd: None)
    states = 0
    for index, moment in enumerate(disk.moments):
        for seed in range(STATES):
            folder = tmp_path / f"{index} {seed}"
            folder.mkdir()
            for name, data in moment.left(random.Random(seed)).items():
                (folder / name).write_bytes(data)
            reading, faults = cache(folder)
            for key in "st":
                last = moment.acknowledged.get(key, 0)
                found = reading.read(STEP, key)
                newer = [versions[key, n] for n in (last, last + 1) if (key, n) in versions]
                assert found in newer or (found is None and not last)
            assert faults == []
            reading.write(versions["s", 3])
            assert reading.read(STEP, "s") == versions["s", 3]
            states += 1
    print(f"\ncache: {len(disk.moments)} moments, {states:,} states, 0 losses")
