"""PrecompileCache, in memory and in a directory."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from precompile_context import (
    Directory,
    DirectoryPrecompileCache,
    ErrorCode,
    MemoryPrecompileCache,
    PrecompileCache,
    PrecompileError,
    Registry,
    StitchedEntry,
)
from precompile_context.artifact import attributes_of
from precompile_context.context.directory_cache import EntryDirectory
from precompile_context.trust import UNSIGNED
from tests.toys import (
    ELSEWHERE,
    GRAPH,
    HERE,
    REFUSED,
    STEP,
    Blob,
    Graph,
    Kernel,
    Step,
    loaded,
    new_artifact,
    noise,
    serialized,
    toy_context,
    toy_registry,
    write_segment,
)

BACKENDS = (Graph("g", b"graph"), Kernel("k", b"code", warps=8, signature=b"\xff"))
ENTRY = StitchedEntry(Step("s", b"step", guard="x > 0"), BACKENDS, ("graph", b"code"))


def _in_directory(path: Path) -> DirectoryPrecompileCache:
    return DirectoryPrecompileCache(Directory(path), toy_registry(), policy=UNSIGNED)


class _Faults(list[PrecompileError | OSError]):
    """What a cache reported."""

    def add(self, type_name: str, key: str, fault: PrecompileError | OSError) -> None:
        assert type_name == STEP
        assert key
        self.append(fault)


def _fault_of(directory: EntryDirectory, key: str = "s", registry: Registry | None = None) -> Any:
    """The one fault that is reported of an entry, whose read is a miss."""
    faults = _Faults()
    cache = DirectoryPrecompileCache(
        directory, registry or toy_registry(), policy=UNSIGNED, on_fault=faults.add
    )
    assert cache.read(STEP, key) is None
    (fault,) = faults
    return fault


def _only_file(path: Path) -> Path:
    (file,) = path.iterdir()
    return file


@pytest.fixture(params=["memory", "directory"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> PrecompileCache:
    return MemoryPrecompileCache() if request.param == "memory" else _in_directory(tmp_path)


def test_an_entry_that_was_never_written_is_none(cache: PrecompileCache) -> None:
    assert cache.read(STEP, "s") is None


def test_an_entry_is_read_as_it_was_written(cache: PrecompileCache) -> None:
    cache.write(ENTRY)
    stitched = cache.read(STEP, "s")
    assert stitched == ENTRY
    assert stitched is not None
    assert stitched.values == ENTRY.values


def test_an_entry_takes_the_place_of_the_one_of_its_name(cache: PrecompileCache) -> None:
    cache.write(ENTRY)
    cache.write(StitchedEntry(Step("s", b"other")))
    assert cache.read(STEP, "s") == StitchedEntry(Step("s", b"other"))


@pytest.mark.parametrize("key", ["S", "s ", "s.precompile", "../s", "/s", "s\\..", "é", "x" * 1024])
def test_entries_of_other_names_are_others(cache: PrecompileCache, key: str) -> None:
    cache.write(ENTRY)
    assert cache.read(STEP, key) is None
    cache.write(StitchedEntry(Step(key, b"other")))
    assert cache.read(STEP, "s") == ENTRY
    assert cache.read(STEP, key) == StitchedEntry(Step(key, b"other"))


def test_populate_writes_to_any_cache(cache: PrecompileCache) -> None:
    context = toy_context()
    for backend in BACKENDS:
        fields = attributes_of(backend)
        context.record_artifact(backend.TYPE, backend.key, backend.content, **fields)  # type: ignore[arg-type]
    names = [(backend.TYPE, backend.key) for backend in BACKENDS]
    context.record_artifact(STEP, "s", b"step", backends=names, guard="x > 0")
    assert loaded(serialized(context)).populate(cache).outcomes == ()
    assert cache.read(STEP, "s") == ENTRY


def test_another_process_reads_what_was_written(tmp_path: Path) -> None:
    _in_directory(tmp_path).write(ENTRY)
    assert _in_directory(tmp_path).read(STEP, "s") == ENTRY


def test_each_entry_is_one_bundle_file_within_the_directory(tmp_path: Path) -> None:
    cache = _in_directory(tmp_path / "cache")
    for key in ("../../outside", "/tmp/outside", "a" * 1000, "plain"):
        cache.write(StitchedEntry(Step(key, b"")))
    assert list(tmp_path.iterdir()) == [tmp_path / "cache"]
    files = list((tmp_path / "cache").iterdir())
    assert len(files) == 4
    assert {file.suffix for file in files} == {".precompile"}
    for file in files:
        assert loaded(file.read_bytes()).current()


def test_no_two_names_share_a_file(tmp_path: Path) -> None:
    """Neither where type and key are shifted against each other."""
    cache = _in_directory(tmp_path)
    cache.write(ENTRY)
    assert cache.read(STEP + "s", "") is None
    assert cache.read(STEP[:-1], STEP[-1] + "s") is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"#!/bin/sh\n",
        lambda data: data[:30] + bytes([data[30] ^ 1]) + data[31:],
        lambda data: data + b"\0",
    ],
    ids=["empty", "foreign", "a bit flipped", "a byte more"],
)
def test_a_damaged_file_is_a_miss_that_is_reported_and_written_anew(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    cache = _in_directory(tmp_path)
    cache.write(ENTRY)
    file = _only_file(tmp_path)
    file.write_bytes(damage(file.read_bytes()))
    assert isinstance(_fault_of(Directory(tmp_path)), PrecompileError)
    cache.write(ENTRY)
    assert cache.read(STEP, "s") == ENTRY


class _OneFile:
    """A directory without a disk."""

    data = b""

    def read(self, name: str) -> bytes:
        return self.data

    def replace(self, name: str, chunks: list[bytes | memoryview]) -> None:
        self.data = b"".join(chunks)


def test_a_file_cut_at_any_byte_is_a_miss_that_is_reported() -> None:
    directory = _OneFile()
    cache = DirectoryPrecompileCache(directory, toy_registry(), policy=UNSIGNED)
    cache.write(ENTRY)
    whole = directory.data
    for length in range(len(whole)):
        directory.data = whole[:length]
        assert isinstance(_fault_of(directory), PrecompileError)


def test_a_file_under_another_entrys_name_is_a_miss_that_is_reported(tmp_path: Path) -> None:
    cache = _in_directory(tmp_path)
    cache.write(ENTRY)
    mine = _only_file(tmp_path)
    cache.write(StitchedEntry(Step("t", b"")))
    (other,) = set(tmp_path.iterdir()) - {mine}
    os.replace(mine, other)
    assert isinstance(_fault_of(Directory(tmp_path), "t"), PrecompileError)


def test_an_entry_without_its_backends_is_a_miss_that_is_reported(tmp_path: Path) -> None:
    cache = _in_directory(tmp_path)
    context = toy_context()
    context.record_artifact(STEP, "s", b"step", backends=[(GRAPH, "g")])
    cache.write(ENTRY)
    _only_file(tmp_path).write_bytes(serialized(context))
    assert _fault_of(Directory(tmp_path)).code is ErrorCode.MISSING_BACKEND


def test_a_backend_that_does_not_deserialize_is_a_miss_that_is_reported(tmp_path: Path) -> None:
    cache = _in_directory(tmp_path)
    cache.write(StitchedEntry(Step("s", b""), (Graph("g", REFUSED),)))
    assert _fault_of(Directory(tmp_path)).code is ErrorCode.APPLY_FAILED


def test_types_that_the_reader_does_not_know_are_a_miss_that_is_reported(tmp_path: Path) -> None:
    _in_directory(tmp_path).write(ENTRY)
    fault = _fault_of(Directory(tmp_path), registry=Registry())
    assert fault.code is ErrorCode.UNKNOWN_ARTIFACT_TYPE


def test_a_file_that_cannot_be_read_is_a_miss_that_is_reported(tmp_path: Path) -> None:
    _in_directory(tmp_path).write(ENTRY)
    file = _only_file(tmp_path)
    file.unlink()
    file.mkdir()
    assert isinstance(_fault_of(Directory(tmp_path)), IsADirectoryError)


def test_without_a_listener_a_fault_is_a_warning_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = _in_directory(tmp_path)
    cache.write(ENTRY)
    _only_file(tmp_path).write_bytes(b"damaged")
    assert cache.read(STEP, "s") is None
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "test.step 's'" in record.getMessage()
    assert "NOT_A_BUNDLE" in record.getMessage()


def test_read_puts_nothing_into_the_caches_of_other_artifacts(tmp_path: Path) -> None:
    cache = _in_directory(tmp_path)
    cache.write(ENTRY)
    file = _only_file(tmp_path)
    file.write_bytes(file.read_bytes() + write_segment(new_artifact("planted", b"planted")))
    before = list(Blob.populated)
    cache.read(STEP, "s")
    assert Blob.populated == before


def test_a_write_that_fails_leaves_the_entry_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = _in_directory(tmp_path)
    cache.write(ENTRY)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", full)
        with pytest.raises(OSError, match="No space"):
            cache.write(StitchedEntry(Step("s", b"other")))
    assert cache.read(STEP, "s") == ENTRY
    assert len(list(tmp_path.iterdir())) == 1


def test_readers_never_see_half_of_an_entry(tmp_path: Path) -> None:
    """One thread replaces an entry over and over; every read gives one version or the other."""
    versions = [
        StitchedEntry(Step("s", noise(300_000, seed)), (Graph("g", b"%d" % seed * 9000),))
        for seed in (1, 2)
    ]
    writer, reader = _in_directory(tmp_path), _in_directory(tmp_path)
    writer.write(versions[0])
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for version in versions:
                writer.write(version)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert all(reader.read(STEP, "s") in versions for _ in range(60))
    finally:
        stop.set()
        thread.join()
    assert len(list(tmp_path.iterdir())) == 1


def test_a_half_written_file_is_never_under_the_entrys_name(tmp_path: Path) -> None:
    directory = Directory(tmp_path)
    directory.replace("name", [b"old"])

    def chunks() -> Iterator[bytes]:
        yield b"half of "
        assert directory.read("name") == b"old"
        yield b"the new"

    directory.replace("name", chunks())
    assert directory.read("name") == b"half of the new"
    assert [file.name for file in tmp_path.iterdir()] == ["name"]


def test_an_entry_of_another_environment_is_not_there(tmp_path: Path) -> None:
    directory = Directory(tmp_path)
    here = DirectoryPrecompileCache(directory, toy_registry(), HERE, policy=UNSIGNED)
    here.write(ENTRY)
    assert here.read(STEP, "s") == ENTRY
    assert (
        DirectoryPrecompileCache(directory, toy_registry(), ELSEWHERE, policy=UNSIGNED).read(
            STEP, "s"
        )
        is None
    )
