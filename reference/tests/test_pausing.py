"""The garbage collector is paused while an index is built, and never for longer."""

import contextlib
import gc
import itertools
import os

import pytest

from precompile_context.pausing import without_collection
from tests.interrupts import InterruptAt


@without_collection
def _is_on() -> bool:
    return gc.isenabled()


@without_collection
def _fail() -> None:
    raise KeyError


def test_the_collector_is_off_within_the_call_and_on_behind_it() -> None:
    assert not _is_on()
    assert gc.isenabled()


def test_it_is_on_again_after_an_exception() -> None:
    with pytest.raises(KeyError):
        _fail()
    assert gc.isenabled()


def test_calls_within_each_other_resume_with_the_outer_one() -> None:
    @without_collection
    def outer() -> bool:
        return _is_on() or gc.isenabled()

    assert not outer()
    assert gc.isenabled()


def test_a_collector_that_is_off_stays_off() -> None:
    gc.disable()
    try:
        assert not _is_on()
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_it_is_on_again_after_an_interrupt_anywhere() -> None:
    for at in itertools.count():
        with contextlib.suppress(KeyboardInterrupt), InterruptAt(at) as interrupt:
            _is_on()
        assert gc.isenabled(), f"place {at}"
        if interrupt.places <= at:  # there is no such place any more
            assert at > 3
            return


@without_collection
def _forked() -> int:
    child = os.fork()
    if not child:
        os._exit(0 if gc.isenabled() else 1)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def test_a_child_that_is_forked_meanwhile_has_it_on() -> None:
    assert _forked() == 0


def test_a_child_that_is_forked_later_has_it_as_it_is_then() -> None:
    interrupts = []  # whose tracebacks keep what they came upon
    for at in itertools.count():
        try:
            with InterruptAt(at) as interrupt:
                _is_on()
        except KeyboardInterrupt as error:
            interrupts.append(error)
        if interrupt.places <= at:
            break
    assert interrupts
    with pytest.raises(KeyError) as kept:
        _fail()
    gc.disable()
    try:
        child = os.fork()
        if not child:
            os._exit(1 if gc.isenabled() else 0)
        _, status = os.waitpid(child, 0)
    finally:
        gc.enable()
    assert os.waitstatus_to_exitcode(status) == 0
    assert kept.type is KeyError
