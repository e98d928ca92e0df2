"""Work that a pool's threads do, for as long as the interpreter starts any."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def submit(
    pool: ThreadPoolExecutor, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> Future[T]:
    """`pool.submit`; what is appended when the interpreter ends is done here, and at once."""
    try:
        return pool.submit(work, *args, **kwargs)
    except RuntimeError:  # Python starts no thread then, and no pool takes any work
        done: Future[T] = Future()
        done.set_result(work(*args, **kwargs))
        return done
