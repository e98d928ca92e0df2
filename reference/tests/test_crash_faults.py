"""Every call to the file system fails once, each way, or is the last that the process makes."""

import errno
import fcntl
import itertools
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from precompile_context import (
    UNSIGNED,
    Bundle,
    BundleFile,
    Directory,
    DirectoryPrecompileCache,
    PrecompileContext,
    StitchedEntry,
)
from tests.disk import CALLS
from tests.toys import (
    BLOB,
    STEP,
    Name,
    Step,
    file_contents,
    noise,
    readable_contents,
    toy_context,
    toy_registry,
)

HELD = {(BLOB, "held"): noise(700)}
NEW = {(BLOB, "new"): noise(900, 1)}


class DiedError(BaseException):
    """The process is gone: no handler of its runs any further."""


class Faults:
    """Calls of os, one of which fails. After a death, all that follow do."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int, fault: int | None) -> None:
        """`fault` is an errno for the call `at`, counted from 0; None is the process's death."""
        self.calls: list[str] = []
        self._at, self._fault = at, fault
        for name in CALLS:
            monkeypatch.setattr(os, name, self._failing(name, getattr(os, name)))
        monkeypatch.setattr(fcntl, "flock", self._failing("flock", fcntl.flock))

    def _failing(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def failing(*arguments: Any, **options: Any) -> Any:
            index = len(self.calls)
            self.calls.append(name)
            if self._fault is None and index >= self._at >= 0:
                if index == self._at and name == "pwrite":
                    fd, data, offset = arguments
                    call(fd, data[: len(data) // 2], offset)
                raise DiedError
            if index == self._at:
                assert self._fault
                raise OSError(self._fault, os.strerror(self._fault))
            return call(*arguments, **options)

        return failing


@pytest.fixture(autouse=True)
def _no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda fd: None)  # its failures are made here


def _context() -> PrecompileContext:
    context = toy_context()
    for contents in (HELD, NEW):
        for (type_name, key), content in contents.items():
            context.record_artifact(type_name, key, content)
    return context


def _nothing(path: Path) -> None:
    """No file yet."""


def _one_segment(path: Path) -> None:
    context = toy_context()
    context.record_artifact(BLOB, "held", HELD[BLOB, "held"])
    context.save_to(BundleFile(path))


def _torn(path: Path) -> None:
    _one_segment(path)
    with path.open("ab") as file:
        file.write(path.read_bytes()[:200])


def _two_segments(path: Path) -> None:
    _one_segment(path)
    _context().save_to(BundleFile(path))


def _save(path: Path) -> None:
    _context().save_to(BundleFile(path))


def _fold(path: Path) -> None:
    assert BundleFile(path).fold(b"", policy=UNSIGNED)


# What is there before, what is done, and what was acknowledged before that.
WORK: dict[str, tuple[Callable[[Path], None], Callable[[Path], None], dict[Name, bytes]]] = {
    "a new file": (_nothing, _save, {}),
    "an append": (_one_segment, _save, HELD),
    "an append behind a torn tail": (_torn, _save, HELD),
    "a fold": (_two_segments, _fold, HELD | NEW),
}


def _attempts(
    work: str, tmp_path: Path, fault: int | None
) -> Iterator[tuple[Path, BaseException | None]]:
    """The work with each of its calls failing in turn: the file afterwards, and what was raised."""
    before, do, _ = WORK[work]
    for at in itertools.count():
        folder = tmp_path / f"{fault} {at}"
        folder.mkdir()
        path = folder / "bundle"
        before(path)
        raised: BaseException | None = None
        with pytest.MonkeyPatch.context() as patched:
            faults = Faults(patched, at, fault)
            try:
                do(path)
            except (OSError, DiedError) as error:
                raised = error
        if len(faults.calls) <= at:  # there is no such call any more
            assert at >= 5
            return
        yield path, raised


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EIO, errno.EINTR], ids=errno.errorcode.get)
@pytest.mark.parametrize("work", WORK)
def test_a_call_that_fails_loses_nothing_and_the_work_can_be_done_again(
    work: str, fault: int, tmp_path: Path
) -> None:
    _, _, acknowledged = WORK[work]
    raised = 0
    for path, error in _attempts(work, tmp_path, fault):
        raised += error is not None
        assert isinstance(error, OSError | None)
        there = readable_contents(path)
        assert acknowledged.items() <= there.items() <= (HELD | NEW).items()
        assert error is not None or there == HELD | NEW
        _save(path)
        assert file_contents(BundleFile(path)) == HELD | NEW
        assert os.listdir(path.parent) == [path.name]  # no temporary file is left either
    assert raised >= 3


@pytest.mark.parametrize("work", WORK)
def test_a_process_that_dies_at_any_call_loses_nothing(work: str, tmp_path: Path) -> None:
    """Half of a write is on the disk, or none; no handler of the process runs any more."""
    _, _, acknowledged = WORK[work]
    for path, error in _attempts(work, tmp_path, None):
        assert isinstance(error, DiedError)
        there = readable_contents(path)
        assert acknowledged.items() <= there.items() <= (HELD | NEW).items()
        _save(path)
        Bundle.open(path.read_bytes(), policy=UNSIGNED).verify()
        assert file_contents(BundleFile(path)) == HELD | NEW


def test_a_disk_that_takes_one_byte_at_a_time_is_written_to_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: pwrite(fd, data[:1], at))
    path = tmp_path / "bundle"
    _two_segments(path)
    _fold(path)
    assert file_contents(BundleFile(path)) == HELD | NEW


@pytest.mark.parametrize(
    "fault",
    [errno.ENOSPC, errno.EIO, errno.EINTR, None],
    ids=lambda f: errno.errorcode.get(f, "death"),
)
def test_a_cache_s_entry_is_old_or_new_whatever_call_fails(
    fault: int | None, tmp_path: Path
) -> None:
    old, new = StitchedEntry(Step("s", noise(500))), StitchedEntry(Step("s", noise(600, 1)))
    other = StitchedEntry(Step("other", noise(400, 2)))
    for at in range(100):
        folder = tmp_path / str(at)
        faults: list[object] = []

        def cache(folder: Path = folder, faults: list[object] = faults) -> DirectoryPrecompileCache:
            directory = Directory(folder, max_bytes=2000)
            return DirectoryPrecompileCache(
                directory,
                toy_registry(),
                policy=UNSIGNED,
                on_fault=lambda *fault: faults.append(fault),
            )

        cache().write(other)
        os.utime(next(folder.iterdir()), (0, 0))
        cache().write(old)
        raised: BaseException | None = None
        with pytest.MonkeyPatch.context() as patched:
            calls = Faults(patched, at, fault)
            try:
                cache().write(new)
            except (OSError, DiedError) as error:
                raised = error
        if len(calls.calls) <= at:
            break
        found = cache().read(STEP, "s")
        assert found in (old, new)
        assert raised is not None or found == new
        assert faults == []
        cache().write(new)
        assert cache().read(STEP, "s") == new
    assert at >= 5


def test_signals_at_work_interrupt_no_append(tmp_path: Path) -> None:
    """System calls that a signal interrupts are made again."""
    file, context = BundleFile(tmp_path / "bundle"), toy_context()
    signals = [0]

    def count(number: int, frame: object) -> None:
        signals[0] += 1

    previous = signal.signal(signal.SIGALRM, count)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        for number in range(30):
            context.record_artifact(BLOB, str(number), noise(100_000, number))
            context.save_to(file)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert signals[0] > 10
    assert len(file_contents(file)) == 30
