"""An interrupt, as Ctrl-C makes one, at any time: nothing is lost, and it can be done again."""

import contextlib
import functools
import gc
import itertools
import os
import random
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from precompile_context import UNSIGNED, Bundle, BundleFile, PrecompileContext
from precompile_context.locks import StateLock, WorkLock
from tests import hanging
from tests.interrupts import InterruptAt
from tests.toys import (
    BLOB,
    GRAPH,
    Graph,
    Name,
    Step,
    blobs,
    file_contents,
    graph_and_step,
    noise,
    serialized,
    toy_context,
)

_HELD, _NEW = noise(700), noise(900, 1)


@pytest.mark.parametrize("kind", [StateLock, WorkLock])
def test_an_interrupt_at_any_time_leaves_no_lock_taken(kind: type[StateLock | WorkLock]) -> None:
    class Interrupt(BaseException):
        pass

    def interrupt(number: int, frame: object) -> None:
        raise Interrupt

    lock, interrupted = kind(), 0
    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        for _ in range(200):
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.0005)
                while True:
                    with lock:
                        pass
            except Interrupt:
                interrupted += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert interrupted == 200
    with ThreadPoolExecutor() as another:
        assert another.submit(lock.acquire, timeout=hanging.SECONDS).result()


def test_an_interrupt_at_any_time_loses_nothing_and_the_save_can_be_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupt(BaseException):
        pass

    # One that comes while a dropped file is closed is told and dropped by Python itself.
    dropped: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda told: dropped.append(told.exc_type))

    def interrupt(number: int, frame: object) -> None:
        raise Interrupt

    choose, interrupted = random.Random(1), 0
    file, context = BundleFile(tmp_path / "bundle"), toy_context()
    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        for number in range(100):
            context.record_artifact(BLOB, str(number), noise(20_000, number))
            try:
                signal.setitimer(signal.ITIMER_REAL, choose.uniform(0.0001, 0.006))
                context.save_to(file)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except Interrupt:
                interrupted += 1
            # Not within the handler: where an interrupt comes on the way out of a block, before
            # its end has begun, the lock is given back when the exception is dropped.
            context.save_to(file)
            assert len(file.open(policy=UNSIGNED, recover=False).current()) == number + 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert interrupted
    assert set(dropped) <= {Interrupt}
    assert len(file_contents(file)) == 100


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda fd: None)
    # Of one that comes while a dropped object is let go of, Python tells and goes on.
    monkeypatch.setattr(sys, "unraisablehook", lambda told: None)


def _new(context: PrecompileContext) -> None:
    context.record_artifact(BLOB, "new", _NEW)


def _many(context: PrecompileContext) -> None:
    context.record_artifacts(BLOB, [("new", _NEW), ("held", b"changed")])


def _entry(context: PrecompileContext) -> None:
    context.record(Step("late", content=b"step"), backends=[(GRAPH, "g")])


def _backend(context: PrecompileContext) -> None:
    context.record(Graph("g", content=b"another"))


def _edited(context: PrecompileContext) -> None:
    context.edit_artifact("g", bytes.upper)


def _removed(context: PrecompileContext) -> None:
    context.remove(BLOB, "held")


def _renewed(context: PrecompileContext) -> None:
    context.renew(BLOB, "held")


def _loaded(context: PrecompileContext) -> None:
    context.load(serialized(blobs(new=_NEW)))


def _identities(data: bytes) -> dict[Name, object]:
    """By name, what tells a content, fields and backends from others."""
    current = Bundle.open(data, policy=UNSIGNED).current()
    return {name: stored.identity for name, stored in current.items()}


def _saved(context: PrecompileContext, file: BundleFile) -> None:
    context.save_to(file)


def _serialized(context: PrecompileContext, file: BundleFile) -> None:
    context.serialize()


@pytest.mark.slow
@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("write", [_saved, _serialized])
@pytest.mark.parametrize(
    "change", [_new, _many, _entry, _backend, _edited, _removed, _renewed, _loaded]
)
def test_a_change_and_a_save_that_were_interrupted_anywhere_can_be_made_again(
    change: Callable[[PrecompileContext], None],
    write: Callable[[PrecompileContext, BundleFile], None],
    tmp_path: Path,
) -> None:

    def begun(name: str) -> tuple[PrecompileContext, BundleFile]:
        context, file = graph_and_step(), BundleFile(tmp_path / name)
        context.record_artifact(BLOB, "held", _HELD)
        write(context, file)
        return context, file

    def saved(context: PrecompileContext, file: BundleFile) -> dict[Name, object]:
        write(context, file)
        return _identities(file.path.read_bytes() if write is _saved else serialized(context))

    context, file = begun("whole")
    change(context)
    wanted = saved(context, file)
    for at in itertools.count():
        context, file = begun(str(at))
        is_changed = False
        with contextlib.suppress(KeyboardInterrupt), InterruptAt(at) as interrupt:
            change(context)
            is_changed = True
            write(context, file)
        assert gc.isenabled(), f"place {at}"
        if not is_changed:
            change(context)
        assert saved(context, file) == wanted, f"place {at}"
        if interrupt.places <= at:  # there is no such place any more
            assert at > 100
            return


@pytest.mark.slow
@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("write", [_saved, _serialized])
def test_what_a_save_that_was_interrupted_may_hold_can_be_removed(
    write: Callable[[PrecompileContext, BundleFile], None],
    tmp_path: Path,
) -> None:
    for at in itertools.count():
        context, file = blobs(held=_HELD, new=_NEW), BundleFile(tmp_path / str(at))
        with contextlib.suppress(KeyboardInterrupt), InterruptAt(at) as interrupt:
            write(context, file)
        context.remove(BLOB, "new")
        write(context, file)
        data = file.path.read_bytes() if write is _saved else serialized(context)
        assert _identities(data).keys() == {(BLOB, "held")}, f"place {at}"
        if interrupt.places <= at:
            assert at > 100
            return


@pytest.mark.slow
@pytest.mark.usefixtures("_quick")
def test_what_a_handler_records_anywhere_within_a_change_and_a_save_is_saved(
    tmp_path: Path,
) -> None:
    for at in itertools.count():
        file, context = BundleFile(tmp_path / str(at)), graph_and_step()
        context.record_artifact(BLOB, "held", _HELD)
        context.save_to(file)
        record = functools.partial(context.record_artifact, BLOB, "late", b"late")
        with InterruptAt(at, record) as handled:
            _many(context)
            context.save_to(file)
        if handled.places <= at:  # there is no such place any more
            assert at > 100
            return
        context.save_to(file)
        assert file_contents(file)[BLOB, "late"] == b"late", f"place {at}"
        assert file_contents(file)[BLOB, "held"] == b"changed", f"place {at}"


@pytest.mark.slow
@pytest.mark.usefixtures("_quick")
def test_a_load_of_what_grew_that_was_interrupted_anywhere_loses_nothing() -> None:
    grown = graph_and_step()
    grown.record_artifact(BLOB, "gone", b"gone")
    first = serialized(grown)
    grown.remove(BLOB, "gone")
    _backend(grown)
    then = serialized(grown)
    wanted = _identities(then) | _identities(serialized(blobs(held=_HELD)))
    for at in itertools.count():
        context = toy_context()
        context.load(first)
        context.record_artifact(BLOB, "held", _HELD)
        with contextlib.suppress(KeyboardInterrupt), InterruptAt(at) as interrupt:
            context.load(then)
        assert {"g", "s", "held"} <= {one.key for one in context.current()}, f"place {at}"
        context.load(then)
        assert _identities(serialized(context)) == wanted, f"place {at}"
        if interrupt.places <= at:
            return


def test_what_a_renewal_looks_at_is_one_artifact_however_many_there_are() -> None:
    def looked_at(count: int) -> int:
        context = blobs(**{f"b{number}": noise(9, number) for number in range(count)})
        context.serialize()
        with InterruptAt(sys.maxsize) as uninterrupted:
            context.renew(BLOB, "b0")
        return uninterrupted.places

    assert looked_at(2) == looked_at(200)
