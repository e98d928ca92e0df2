"""Forking while threads are at work: the child neither waits for them nor holds their locks."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from precompile_context import UNSIGNED, BundleFile, PrecompileContext
from precompile_context.files.appending import FileAppending
from precompile_context.locks import StateLock, WorkLock
from precompile_context.trust import TrustPolicy
from tests import hanging
from tests.toys import BLOB, blobs, contents, file_contents, loaded, noise, save, serialized


def in_child(call: Callable[[], object]) -> str:
    """What a forked child says of the call: "done", or what went wrong; "stuck" if it hangs."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            call()
            os.write(writing, b"done")
        except BaseException as error:
            os.write(writing, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.close(writing)
    deadline = time.monotonic() + hanging.SECONDS
    try:
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            if time.monotonic() > deadline:
                os.kill(child, 9)
                os.waitpid(child, 0)
                return "stuck"
            time.sleep(0.005)
        return os.read(reading, 1000).decode()
    finally:
        os.close(reading)


def _at_work(work: Callable[[], None]) -> tuple[threading.Event, threading.Thread]:
    stop = threading.Event()

    def repeat() -> None:
        while not stop.is_set():
            work()

    thread = threading.Thread(target=repeat)
    thread.start()
    return stop, thread


def _use(context: PrecompileContext) -> None:
    """Everything that takes a lock of the context's."""
    before = contents(context)
    context.record_artifact(BLOB, "of the child", b"1")
    assert contents(loaded(serialized(context))) == {**before, (BLOB, "of the child"): b"1"}
    context.remove(BLOB, "of the child")
    context.load(serialized(blobs(more=b"2")))
    assert (BLOB, "more") in contents(context)


@pytest.mark.parametrize(
    "work",
    [
        lambda context: context.record_artifact(BLOB, "k", noise(50)),
        lambda context: context.serialize(),
        lambda context: context.need_serialize(),
        lambda context: contents(context),
        lambda context: PrecompileContext(),
    ],
    ids=["record", "serialize", "need_serialize", "lookup", "new contexts"],
)
def test_a_forked_child_uses_a_context_that_another_thread_was_using(
    work: Callable[[PrecompileContext], object],
) -> None:
    context = loaded(serialized(blobs(**{f"k{n}": noise(2000, n) for n in range(20)})))
    stop, thread = _at_work(lambda: [work(context)].clear())
    try:
        assert [in_child(lambda: _use(context)) for _ in range(25)] == ["done"] * 25
    finally:
        stop.set()
        thread.join()


def test_a_forked_child_saves_although_a_save_was_going_on(tmp_path: Path) -> None:
    context = blobs(a=b"1")
    started, go_on = threading.Event(), threading.Event()

    class Slow(BundleFile):
        @contextlib.contextmanager
        def appending(self, policy: TrustPolicy) -> Iterator[FileAppending]:
            started.set()
            go_on.wait()
            with super().appending(policy) as appending:
                yield appending

    thread = threading.Thread(target=context.save_to, args=(Slow(tmp_path / "parent"),))
    thread.start()
    started.wait()
    try:
        assert in_child(lambda: context.save_to(BundleFile(tmp_path / "child"))) == "done"
    finally:
        go_on.set()
        thread.join()
    for name in ("parent", "child"):
        assert file_contents(BundleFile(tmp_path / name)) == {(BLOB, "a"): b"1"}


def test_a_child_forked_during_an_append_does_not_keep_the_file_locked(file: BundleFile) -> None:
    save(file, a=b"1")
    reading, writing = os.pipe()
    with file.appending(UNSIGNED):
        child = os.fork()
        if child == 0:
            os.close(writing)
            os.read(reading, 1)  # lives on until the parent has appended
            os._exit(0)
    os.close(reading)
    try:
        save(BundleFile(file.path, lock_seconds=5), b=b"2")
    finally:
        os.close(writing)
        os.waitpid(child, 0)
    assert len(file_contents(file)) == 2


def test_a_child_does_not_keep_the_lock_of_a_parent_that_was_killed(file: BundleFile) -> None:
    """The parent dies within an append; its child lives on, and others append."""
    save(file, a=b"1")
    reading, writing = os.pipe()
    lives, ends = os.pipe()
    parent = os.fork()
    if parent == 0:
        with file.appending(UNSIGNED):
            if os.fork() == 0:
                os.close(ends)
                os.write(writing, b"x")
                os.read(lives, 1)  # lives on until the others have appended
            else:
                os.waitpid(-1, 0)
            os._exit(0)
    try:
        os.read(reading, 1)
        os.kill(parent, 9)
        os.waitpid(parent, 0)
        save(BundleFile(file.path, lock_seconds=5), b=b"2")
    finally:
        for descriptor in (reading, writing, lives, ends):
            os.close(descriptor)
    assert len(file_contents(file)) == 2


def test_a_child_forked_within_an_append_cannot_write_to_the_parents_file(
    file: BundleFile,
) -> None:
    save(file, a=b"1")
    before = file.path.read_bytes()
    with file.appending(UNSIGNED) as appending:

        def append() -> None:
            appending.append([b"of the", b"child"])
            appending.commit()

        assert "OSError" in in_child(append)
        assert file.path.read_bytes() == before
    assert file.path.read_bytes() == before


def test_a_fork_waits_for_a_state_lock_and_not_for_a_work_lock() -> None:
    state, work = StateLock(), WorkLock()
    taken, order = threading.Event(), []

    def hold() -> None:
        with work:
            with state:
                taken.set()
                time.sleep(0.2)
                order.append("state is whole")
            stop.wait()

    stop = threading.Event()
    thread = threading.Thread(target=hold)
    thread.start()
    taken.wait()
    try:

        def check() -> None:
            assert order == ["state is whole"]
            with state, work:
                pass

        assert in_child(check) == "done"
    finally:
        stop.set()
        thread.join()


def test_a_thread_that_forks_with_the_locks_in_its_hands_keeps_them() -> None:
    state, work = StateLock(), WorkLock()

    def use() -> None:
        with state:
            pass

    with work, state:
        assert in_child(use) == "done"
    with work, state:
        pass
