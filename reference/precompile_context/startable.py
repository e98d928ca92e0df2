"""What a with-block, a decorator, or two calls begin and end: `start` and `stop`."""

import atexit
import contextlib
import functools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Generic, ParamSpec, Self, TypeVar

from precompile_context.errors import MisuseError

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Startable(contextlib.ContextDecorator, Generic[_T]):
    """Something that is begun and ended: by `with`, or by `start` and `stop`.

    The calls are for where no block can stand: cells of a notebook, a server's start and
    its end. What was started and not stopped is stopped when the interpreter ends.
    """

    def __init__(self, make: Callable[[], AbstractContextManager[_T]]) -> None:
        """`make` is called at each start."""
        self._make = make
        self._running: AbstractContextManager[_T] | None = None

    def __repr__(self) -> str:
        made = getattr(self._make, "func", self._make)
        name = getattr(made, "__name__", type(self).__name__)
        return f"<{name}: {'not started' if self._running is None else 'started'}>"

    def start(self) -> _T:
        """Begin; what `with` would give.

        Raises:
            MisuseError: it was started and not stopped.
        """
        value = self.__enter__()
        atexit.register(self.stop)
        return value

    def stop(self) -> None:
        """End what was begun; nothing where nothing is."""
        atexit.unregister(self.stop)
        if self._running is not None:
            self.__exit__(None, None, None)

    def _recreate_cm(self) -> Self:
        """For each call of what is decorated: it may be called within itself."""
        return type(self)(self._make)

    def __enter__(self) -> _T:
        if self._running is not None:
            raise MisuseError("it is started already: stop() ends it, and another object begins")
        running = self._make()
        value = running.__enter__()
        self._running = running
        return value

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        running, self._running = self._running, None
        return None if running is None else running.__exit__(kind, error, traceback)


def startable(function: Callable[_P, Iterator[_T]]) -> Callable[_P, Startable[_T]]:
    """As `contextlib.contextmanager`, of a function with one `yield`; what it gives can be started.

    Nothing of the function runs before it is.
    """
    made = contextlib.contextmanager(function)

    @functools.wraps(function)
    def make(*args: _P.args, **kwargs: _P.kwargs) -> Startable[_T]:
        return Startable(functools.partial(made, *args, **kwargs))

    return make
