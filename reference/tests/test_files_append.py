"""Appending to a file: torn tails, damage, full disks, locks and many processes."""

import errno
import fcntl
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from precompile_context import (
    BundleFile,
    PrecompileError,
)
from precompile_context.bundle.framing import FOOTER_SIZE, HEADER
from precompile_context.trust import UNSIGNED
from tests import hanging
from tests.toys import (
    BLOB,
    blobs,
    file_contents,
    file_segment_count,
    flip,
    loaded,
    new_artifact,
    noise,
    save,
    serialized,
    write_segment,
)

# torn and damaged files


def _first_and_both(file: BundleFile) -> tuple[bytes, bytes]:
    """The file's bytes after one save and after two; the file holds both."""
    save(file, a=b"1")
    first = file.path.read_bytes()
    save(file, b=noise(20))
    return first, file.path.read_bytes()


@pytest.mark.slow
@pytest.mark.usefixtures("no_sync")
def test_append_cuts_a_tail_that_is_torn_at_any_byte(file: BundleFile) -> None:
    first, both = _first_and_both(file)
    context = blobs(c=b"3")
    for length in range(len(first), len(both)):
        file.path.write_bytes(both[:length])
        context.save_to(file)
        assert file.path.read_bytes().startswith(first)
        assert file_contents(file) == {(BLOB, "a"): b"1", (BLOB, "c"): b"3"}


@pytest.mark.usefixtures("no_sync")
def test_append_begins_anew_where_the_first_segment_is_torn(file: BundleFile) -> None:
    first, _ = _first_and_both(file)
    expected = serialized(blobs(c=b"3"))
    for length in range(len(first)):
        file.path.write_bytes(first[:length])
        blobs(c=b"3").save_to(file)
        assert file.path.read_bytes() == expected


@pytest.mark.parametrize(
    "damage",
    [
        lambda first, both: b"\0" + both,
        lambda first, both: flip(both, 4),
        lambda first, both: flip(both, 22),
        lambda first, both: both[: len(first) - 20] + both[len(first) :],
        lambda first, both: both[:40] + both[60:],
        lambda first, both: flip(both, len(first) - 5),
        lambda first, both: flip(both, len(first) - 1),
        lambda first, both: flip(both, len(first) + 1),
        lambda first, both: flip(both, len(both) - 5),
        lambda first, both: flip(both, len(first) - 1) + b"torn",
        lambda first, both: flip(both, 24) + b"torn",
        lambda first, both: b"a text file that happens to be where the bundle should be\n",
    ],
    ids=[
        "a byte before",
        "the magic",
        "the major",
        "a footer gone",
        "bytes gone from a block",
        "a footer's size",
        "a footer's last byte",
        "a later header",
        "the last footer's size",
        "a footer, and a torn tail",
        "a block's length, and a torn tail",
        "another file",
    ],
)
def test_append_refuses_damage_within_and_leaves_the_file_unchanged(
    file: BundleFile, damage: Callable[[bytes, bytes], bytes]
) -> None:
    damaged = damage(*_first_and_both(file))
    file.path.write_bytes(damaged)
    context = blobs(c=b"3")
    with pytest.raises(PrecompileError):
        context.save_to(file)
    assert file.path.read_bytes() == damaged
    assert context.need_serialize()
    with pytest.raises(PrecompileError):
        file.fold(b"", policy=UNSIGNED)
    assert file.path.read_bytes() == damaged
    assert os.listdir(file.path.parent) == [file.path.name]


def test_append_leaves_damaged_content_alone_and_does_not_refer_to_it(file: BundleFile) -> None:
    content = noise(2000)
    save(file, a=content)
    damaged = flip(file.path.read_bytes(), 100)
    file.path.write_bytes(damaged)
    save(file, b=content)
    assert file.path.read_bytes().startswith(damaged)
    opened = file.open(policy=UNSIGNED)
    assert opened.read(opened.current()[BLOB, "b"]) == content


# failures while writing


def _full_after(written: int) -> Callable[..., int]:
    """os.pwrite on a disk with room for so many bytes more."""
    pwrite = os.pwrite
    left = [written]

    def write(fd: int, data: Any, offset: int) -> int:
        if not left[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        done = pwrite(fd, data[: left[0]], offset)
        left[0] -= done
        return done

    return write


@pytest.mark.usefixtures("no_sync")
def test_a_full_disk_takes_back_what_was_appended(
    file: BundleFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, both = _first_and_both(file)
    context = loaded(first)
    context.record_artifact(BLOB, "b", noise(20))
    for room in range(len(both) - len(first) + FOOTER_SIZE):
        file.path.write_bytes(first)
        with monkeypatch.context() as patched:
            patched.setattr(os, "pwrite", _full_after(room))
            with pytest.raises(OSError, match="No space") as full:
                context.save_to(file)
        assert full.value.filename == str(file.path)
        assert file.path.read_bytes() == first
        assert context.need_serialize()
    context.save_to(file)
    assert file.path.read_bytes() == both


def test_a_sync_that_fails_is_told_with_the_file_s_name(
    file: BundleFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(file, a=b"1")

    def fsync(fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="Input/output error") as failed:
        save(file, b=b"2")
    assert failed.value.filename == str(file.path)


def test_what_cannot_be_read_is_not_told_as_an_error_of_the_file_that_is_appended_to(
    file: BundleFile,
) -> None:
    save(file, a=b"1")

    def chunks() -> Iterator[bytes]:
        yield write_segment(new_artifact("b", b"2"))
        raise OSError(errno.EIO, "Input/output error", "elsewhere")

    def append() -> None:
        with file.appending(UNSIGNED) as appending:
            appending.append(chunks())

    with pytest.raises(OSError, match="Input/output error") as failed:
        append()
    assert failed.value.filename == "elsewhere"


def test_readers_see_nothing_of_an_append_before_it_is_committed(file: BundleFile) -> None:
    save(file, a=b"1")
    before = file.path.read_bytes()
    with file.appending(UNSIGNED) as appending:
        appending.append([write_segment(new_artifact("b", b"2"))])
        assert list(file.open(policy=UNSIGNED).current()) == [(BLOB, "a")]
        assert file.path.read_bytes().startswith(before)
    assert list(file.open(policy=UNSIGNED).current()) == [(BLOB, "a"), (BLOB, "b")]


def test_a_short_write_is_continued(file: BundleFile, monkeypatch: pytest.MonkeyPatch) -> None:
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: pwrite(fd, data[:7], at))
    save(file, a=noise(100))
    assert file_contents(file) == {(BLOB, "a"): noise(100)}


def test_an_exception_takes_back_all_segments_of_its_append(file: BundleFile) -> None:
    def append_and_fail() -> None:
        with file.appending(UNSIGNED) as appending:
            appending.append([write_segment(new_artifact("b", b"2"))])
            appending.append([write_segment(new_artifact("c", b"3"))])
            raise KeyboardInterrupt

    save(file, a=b"1")
    before = file.path.read_bytes()
    with pytest.raises(KeyboardInterrupt):
        append_and_fail()
    assert file.path.read_bytes() == before
    save(file, d=b"4")
    assert file_contents(file) == {(BLOB, "a"): b"1", (BLOB, "d"): b"4"}


def test_what_was_committed_before_a_failure_is_kept(
    file: BundleFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader may have mapped it by then."""
    segments = [write_segment(new_artifact(key, b"1")) for key in "ab"]
    room = sum(map(len, segments)) + FOOTER_SIZE

    def append_both() -> None:
        with file.appending(UNSIGNED) as appending:
            for segment in segments:
                appending.append([segment[:-FOOTER_SIZE], segment[-FOOTER_SIZE:]])

    monkeypatch.setattr(os, "pwrite", _full_after(room))
    with pytest.raises(OSError, match="No space"):
        append_both()
    assert file.path.read_bytes() == segments[0]


def test_appending_knows_what_is_there_and_how_large_it_becomes(file: BundleFile) -> None:
    with file.appending(UNSIGNED) as appending:
        assert (appending.bundle, appending.size) == (None, 0)
        appending.append([write_segment(new_artifact("a", b"1"))])
        size = appending.size
    assert size == file.path.stat().st_size
    with file.appending(UNSIGNED) as appending:
        assert appending.bundle is not None
        assert appending.size == size


def test_append_syncs_file_and_name_before_the_footer_and_the_file_after_it(
    file: BundleFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []

    def fsync(fd: int) -> None:
        is_directory = stat.S_ISDIR(os.fstat(fd).st_mode)
        synced.append((is_directory, file.path.read_bytes()[-20:]))

    monkeypatch.setattr(os, "fsync", fsync)
    save(file, a=b"1")
    header, footer = HEADER[-20:], file.path.read_bytes()[-20:]
    assert synced == [(False, header), (False, bytes(20)), (True, bytes(20)), (False, footer)]
    synced.clear()
    save(file, b=b"2")
    footer = file.path.read_bytes()[-20:]
    assert synced == [(False, bytes(20)), (True, bytes(20)), (False, footer)]


@pytest.mark.parametrize("fault", [errno.EINVAL, errno.EOPNOTSUPP, errno.EACCES])
def test_append_goes_on_where_a_directory_cannot_be_synced(
    file: BundleFile, fault: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on some network file systems, and where it may not be read."""

    def fsync(fd: int) -> None:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr(os, "fsync", fsync)
    save(file, a=b"1")
    assert file_contents(file) == {(BLOB, "a"): b"1"}


# locks


def test_an_interrupt_right_behind_the_lock_does_not_keep_it(
    file: BundleFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock = fcntl.flock

    def interrupted(fd: int, operation: int) -> None:
        flock(fd, operation)
        monkeypatch.setattr(fcntl, "flock", flock)
        raise KeyboardInterrupt

    monkeypatch.setattr(fcntl, "flock", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(file, a=b"1")
    save(BundleFile(file.path, lock_seconds=0.05), b=b"2")
    assert file_contents(file) == {(BLOB, "b"): b"2"}


class _Held:
    """The lock that an appending process holds, in the place of one."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR)
        fcntl.flock(self._fd, fcntl.LOCK_EX)

    def release(self) -> None:
        os.close(self._fd)


@pytest.fixture
def waiting(file: BundleFile) -> Iterator[tuple[_Held, threading.Thread]]:
    """A lock on a file with "a", and a thread that waits for it to append "b"."""
    save(file, a=b"1")
    lock = _Held(file.path)
    thread = threading.Thread(target=save, args=(file,), kwargs={"b": b"2"})
    thread.start()
    time.sleep(0.1)
    assert thread.is_alive()
    yield lock, thread
    thread.join(hanging.SECONDS)


def test_append_waits_for_the_lock(
    file: BundleFile, waiting: tuple[_Held, threading.Thread]
) -> None:
    lock, thread = waiting
    assert file_contents(file) == {(BLOB, "a"): b"1"}
    lock.release()
    thread.join(hanging.SECONDS)
    assert file_contents(file) == {(BLOB, "a"): b"1", (BLOB, "b"): b"2"}


def test_append_goes_to_the_file_that_replaced_the_one_it_waited_for(
    file: BundleFile, waiting: tuple[_Held, threading.Thread]
) -> None:
    lock, thread = waiting
    new = file.path.with_name("new")
    new.write_bytes(serialized(blobs(c=b"3")))
    os.replace(new, file.path)
    lock.release()
    thread.join(hanging.SECONDS)
    assert file_contents(file) == {(BLOB, "c"): b"3", (BLOB, "b"): b"2"}


def test_append_makes_the_file_anew_where_it_was_deleted_meanwhile(
    file: BundleFile, waiting: tuple[_Held, threading.Thread]
) -> None:
    lock, thread = waiting
    os.unlink(file.path)
    lock.release()
    thread.join(hanging.SECONDS)
    assert file_contents(file) == {(BLOB, "b"): b"2"}


PROCESS = """
import sys
from precompile_context.files import BundleFile
from tests.toys import BLOB, toy_context
path, process = sys.argv[1:]
context = toy_context()
sys.stdin.read(1)
for number in range(10):
    context.record_artifact(BLOB, f"{process} {number}", process.encode() * 1000)
    context.save_to(BundleFile(path), keep_existing=number % 2 == 0)
"""


@pytest.mark.slow
def test_four_processes_that_append_at_once_lose_nothing(file: BundleFile) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, file.path, str(process)],
            stdin=subprocess.PIPE,
            env=environment,
        )
        for process in range(4)
    ]
    for process in processes:  # none goes before the last one was started
        assert process.stdin is not None
        process.stdin.write(b"x")
        process.stdin.close()
    assert [process.wait(hanging.SECONDS) for process in processes] == [0] * 4
    assert file_contents(file) == {
        (BLOB, f"{process} {number}"): b"%d" % process * 1000
        for number in range(10)
        for process in range(4)
    }
    assert file_segment_count(file) == 40


AT_THE_END = """
import atexit
import sys
from precompile_context.bundle import packing
from precompile_context.files import BundleFile
from tests.toys import BLOB, noise, toy_context

def end():
    context = toy_context()
    for number in range(3):
        context.record_artifact(BLOB, f"{number}", noise(packing.PROBE_SIZE, number))
    context.save_to(BundleFile(sys.argv[1]))

atexit.register(end)
"""


def test_what_takes_several_threads_is_appended_where_the_interpreter_ends(
    file: BundleFile,
) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", AT_THE_END, str(file.path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert file_contents(file).keys() == {(BLOB, "0"), (BLOB, "1"), (BLOB, "2")}


@pytest.mark.parametrize("path", ["missing/../bundle", "missing/bundle"])
def test_append_below_a_missing_directory_is_an_error_of_the_caller(
    path: str, tmp_path: Path
) -> None:
    with (
        pytest.raises(FileNotFoundError),
        BundleFile(os.path.join(tmp_path, path)).appending(UNSIGNED),
    ):
        pass
    assert not list(tmp_path.iterdir())


def test_append_follows_a_link_to_a_file_that_is_not_there_yet(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "target")
    blobs(a=b"1").save_to(BundleFile(link))
    assert link.is_symlink()
    assert list(BundleFile(tmp_path / "target").open(policy=UNSIGNED).current()) == [(BLOB, "a")]


def test_append_to_what_is_no_regular_file_is_an_error_of_the_caller(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    file = BundleFile(tmp_path / "pipe")
    with pytest.raises(OSError, match="regular file"), file.appending(UNSIGNED):
        pass
    with pytest.raises(OSError, match="regular file"):
        file.open(policy=UNSIGNED)


def test_an_append_that_failed_leaves_nothing_behind_the_next_one(file: BundleFile) -> None:
    def cut() -> Iterator[bytes]:
        yield from (b"some bytes of a segment " * 50, b"more")
        raise ValueError

    with file.appending(UNSIGNED) as appending:
        with pytest.raises(ValueError):  # noqa: PT011 - of our own making
            appending.append(cut())
        appending.append([write_segment(new_artifact("a", b"1"))])
    assert file_contents(file) == {(BLOB, "a"): b"1"}
    assert file.open(recover=False, policy=UNSIGNED)


def test_a_lock_that_is_never_given_back_is_an_error_in_time(
    file: BundleFile,
) -> None:
    save(file, a=b"1")
    with file.path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(OSError, match="locked by another process"):
            save(BundleFile(file.path, lock_seconds=0.05), b=b"2")
    save(file, b=b"2")
    assert len(file_contents(file)) == 2
