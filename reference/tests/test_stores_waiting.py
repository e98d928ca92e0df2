"""One deadline over all, whatever runs below it."""

import asyncio
import os
import time

import pytest

from precompile_context.stores import DeadlineError, Patience, StoreError
from precompile_context.stores.waiting import wait


async def _sleep(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "done"


async def _stuck(seconds: float) -> None:
    time.sleep(seconds)


def test_what_comes_in_time_is_given() -> None:
    assert wait(_sleep(0.0), 5.0) == "done"


def test_what_does_not_come_is_waited_for_so_long() -> None:
    began = time.monotonic()
    with pytest.raises(DeadlineError, match=r"nothing within 0\.1 s"):
        wait(_sleep(60.0), 0.1)
    assert time.monotonic() - began < 0.6


def test_what_cannot_be_cancelled_is_waited_for_no_longer() -> None:
    began = time.monotonic()
    with pytest.raises(DeadlineError):
        wait(_stuck(1.0), 0.1)
    assert time.monotonic() - began < 0.6
    time.sleep(1.0)


def test_patience_is_of_all_waits_together() -> None:
    patience = Patience(0.3)
    patience.wait(_sleep(0.1))
    assert patience.left < 0.25
    with pytest.raises(DeadlineError):
        patience.wait(_sleep(60.0))
    began = time.monotonic()
    with pytest.raises(DeadlineError, match=r"0\.3 s"):
        patience.wait(_sleep(0.0))
    assert time.monotonic() - began < 0.1


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
            wait(_sleep(0.0), 5.0)
        except StoreError as error:
            os._exit(0 if "forked" in str(error) else 1)
        os._exit(2)
    began = time.monotonic()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert time.monotonic() - began < 2.0
