"""Locks of which a forked child has those of its one thread alone.

A child has the memory of its parent and one thread of it. A lock that another thread
held at that time would never be given back to the child.
"""

import os
import threading
import weakref
from types import TracebackType
from typing import TYPE_CHECKING

from precompile_context.errors import MisuseError

# Taken and given back without a line of Python in between: an interrupt that comes when it was just
# taken finds the block begun, and it is given back. One that comes within an `__enter__` of
# Python's would leave it taken for ever.
if TYPE_CHECKING:

    class _Lock:
        def acquire(self, blocking: bool = True, timeout: float = -1) -> bool: ...
        def release(self) -> None: ...
        def __enter__(self) -> bool: ...
        def __exit__(
            self,
            kind: type[BaseException] | None,
            error: BaseException | None,
            traceback: TracebackType | None,
        ) -> None: ...
        def _is_owned(self) -> bool: ...
        def _at_fork_reinit(self) -> None: ...
else:
    from _thread import RLock as _Lock


class StateLock(_Lock):
    """Guards what must be whole: a fork waits until it is free. Re-entrant, held shortly."""

    def __init__(self) -> None:
        with _registering:
            _state_locks.add(self)


class WorkLock(_Lock):
    """Held for as long as a work takes: a fork does not wait.

    In the child the lock is free, for there the work goes on in no thread. It must
    leave nothing half done in memory until it ends, under a StateLock.
    """

    def __init__(self) -> None:
        with _registering:
            _work_locks.add(self)

    def check_no_reentry(self) -> None:
        """Raise MisuseError where this thread is at the work already: from a signal handler, say.

        The lock alone would let it in, to find the work half done.
        """
        if self._is_owned():
            raise MisuseError("this thread is saving or loading the context already")

    def free_in_child(self) -> None:
        """Forget the parent's other threads; this thread may be the one at work."""
        if not self._is_owned():
            self._at_fork_reinit()


_registering = threading.RLock()
_state_locks: weakref.WeakSet[StateLock] = weakref.WeakSet()
_work_locks: weakref.WeakSet[WorkLock] = weakref.WeakSet()
_held: list[StateLock] = []  # by the thread that forks, while it does


def _before() -> None:
    _registering.acquire()
    locks = list(_state_locks)
    for lock in locks:
        lock.acquire()
    _held.extend(locks)


def _after() -> None:
    while _held:
        _held.pop().release()
    _registering.release()


def _after_in_child() -> None:
    for lock in list(_work_locks):
        lock.free_in_child()
    _after()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_after_in_child)
