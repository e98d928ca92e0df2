"""Locks of which a forked child has those of its one thread alone.

A child has the memory of its parent and one thread of it. A lock that another thread
held at that time would never be given back to the child.
"""

import os
import threading
import weakref


class StateLock:
    """Guards what must be whole: a fork waits until it is free. Re-entrant, held shortly.

    Attributes:
        lock: the same, for who takes it so often that a call more would be felt.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        with _registering:
            _state_locks.add(self)

    def acquire(self) -> None:
        """Wait for it."""
        self.lock.acquire()

    def release(self) -> None:
        """Give it back, as often as it was acquired."""
        self.lock.release()

    def __enter__(self) -> None:
        self.lock.acquire()

    def __exit__(self, *_: object) -> None:
        self.lock.release()


class WorkLock:
    """Held for as long as a work takes: a fork does not wait.

    In the child the lock is free, for there the work goes on in no thread. It must
    leave nothing half done in memory until it ends, under a StateLock.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder = 0
        with _registering:
            _work_locks.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()
        self._holder = threading.get_ident()

    def __exit__(self, *_: object) -> None:
        self._holder = 0
        self._lock.release()

    def free_in_child(self) -> None:
        """Forget the parent's other threads; this thread may be the one at work."""
        if self._holder != threading.get_ident():
            self._lock = threading.Lock()
            self._holder = 0


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
