"""Waiting for stores: one true deadline over whatever a store does.

Libraries' own timeouts are of one attempt, of which there are many. So every call runs
in an event loop of a thread of ours, and who waits for it waits no longer than it may.
"""

import asyncio
import os
import sys
import threading
import time
import types
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

from precompile_context.stores.store import DeadlineError, StoreError

T = TypeVar("T")

# Of a look at one object, or at one page of a listing, for which no command waits an hour.
SMALL_SECONDS = 30.0
# For the loop to end what was cancelled; past it, nobody waits for the loop either.
_GRACE = 0.2
# Milliseconds at most, of which one is the rule.
_SETTLE_STEPS = 200


class Patience:
    """How long a program waits for stores, all its waits together. Safe for threads."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._left = seconds
        self._lock = threading.Lock()

    @property
    def left(self) -> float:
        """Seconds, 0 where there are none."""
        return max(0.0, self._left)

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """What the work gives, within what is left.

        Raises:
            DeadlineError: it gave nothing by then; it was cancelled.
            StoreError: this process was forked off one that had asked a store.
            Whatever the work raises.
        """
        began = time.monotonic()
        try:
            return wait(work, self.left, self.seconds)
        finally:
            with self._lock:
                self._left -= time.monotonic() - began


def wait(work: Coroutine[Any, Any, T], seconds: float, of: float | None = None) -> T:
    """As `Patience.wait`; `of` is the whole time that a message names."""
    text = f"nothing within {of if of is not None else seconds:g} s"
    if seconds <= 0:
        work.close()
        raise DeadlineError(text)
    try:
        loop = _the_loop()
    except StoreError:
        work.close()
        raise
    future = asyncio.run_coroutine_threadsafe(_bounded(work, seconds), loop)
    try:
        return future.result(seconds + _GRACE)
    except TimeoutError:
        future.cancel()
        raise DeadlineError(text) from None
    except BaseException:  # Ctrl-C: nobody waits any more
        future.cancel()
        raise
    finally:
        _settle()


async def soon(work: Awaitable[T]) -> T:
    """What a request gives that moves little: the timeout of a piece of 1 GiB is not its own.

    Raises:
        StoreError: it gave nothing within SMALL_SECONDS; it was cancelled.
    """
    try:
        return await asyncio.wait_for(work, SMALL_SECONDS)
    except TimeoutError:
        raise StoreError(f"the store did not answer within {SMALL_SECONDS:g} s") from None


def _settle() -> None:
    """Wait until no thread of a library's is about to hand us what we have already.

    It wakes our loop and then wants the interpreter once more. Were that at its end by
    then, such a thread would take the whole process down with it.
    """
    for _ in range(_SETTLE_STEPS):
        time.sleep(0.001)
        if not any(map(_is_waking, sys._current_frames().values())):
            return


def _is_waking(frame: types.FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_name == "call_soon_threadsafe":
            return True
        frame = frame.f_back
    return False


async def _bounded(work: Coroutine[Any, Any, T], seconds: float) -> T:
    return await asyncio.wait_for(work, seconds)


_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_is_forked = False


def _the_loop() -> asyncio.AbstractEventLoop:
    global _loop
    if _is_forked:
        # The libraries' threads are not in this process: they would never answer.
        text = "this process was forked off one that had asked a store, and asks none"
        raise StoreError(text)
    with _lock:
        if _loop is None:
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="precompile-stores", daemon=True).start()
            _loop = loop
        return _loop


def _after_in_child() -> None:
    global _lock, _is_forked
    _lock = threading.Lock()
    _is_forked = _is_forked or _loop is not None


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_in_child)
