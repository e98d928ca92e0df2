"""One deadline over all, whatever runs below it."""

import asyncio
import os
import signal
import threading
import time

import pytest

from precompile_context.stores import DeadlineError, Patience, StoreError
from precompile_context.stores.waiting import wait


async def _sleep(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "done"


def test_what_comes_in_time_is_given() -> None:
    assert wait(_sleep(0.0), 5.0) == "done"


def test_what_does_not_come_is_waited_for_so_long() -> None:
    began = time.monotonic()
    with pytest.raises(DeadlineError, match=r"nothing within 0\.1 s"):
        wait(_sleep(60.0), 0.1)
    assert time.monotonic() - began < 30


def test_what_cannot_be_cancelled_is_waited_for_no_longer() -> None:
    go_on, gone_on = threading.Event(), threading.Event()

    async def stuck() -> None:
        go_on.wait(60.0)
        gone_on.set()

    with pytest.raises(DeadlineError):
        wait(stuck(), 0.1)
    assert not gone_on.is_set()
    go_on.set()
    assert gone_on.wait(60.0)


def test_patience_is_of_all_waits_together() -> None:
    asked: list[str] = []

    async def ask() -> None:
        asked.append("once more")

    patience = Patience(1.5)
    patience.wait(_sleep(0.1))
    assert patience.left < 1.45
    with pytest.raises(DeadlineError):
        patience.wait(_sleep(60.0))
    with pytest.raises(DeadlineError, match=r"1\.5 s"):
        patience.wait(ask())
    assert asked == []


def test_a_wait_within_a_program_that_has_a_loop_of_its_own() -> None:
    async def main() -> str:
        return wait(_sleep(0.0), 5.0)

    assert asyncio.run(main()) == "done"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without forks")
def test_a_forked_child_is_told_at_once_and_not_left_to_wait() -> None:
    wait(_sleep(0.0), 5.0)
    child = os.fork()
    if not child:
        try:
            signal.alarm(60)
            wait(_sleep(0.0), 600.0)
        except StoreError as error:
            os._exit(0 if "forked" in str(error) else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
