"""Code that Python itself runs while torch compiles.

Most of what a program's code means, dynamo finds by tracing it, and tells what it traced. The
rest torch calls and keeps the result of: a function marked as constant or as allowed in a
graph, an operator's fake implementation or gradient, a pass, a lowering. What has been called is
known to Python alone, which is asked: by its monitoring, and before 3.12 by its profiler.

The profiler takes as long as torch itself. So it is asked from the moment on at which a compile
comes upon code that it will run and not trace, and in most compiles never.
"""

import contextlib
import cProfile
import sys
import threading
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from precompile_context.adapters.pytorch.precompile.digests import (
    UnportableError,
    is_pinned_file,
)

_NOT_KNOWN = "what torch called is not known, for a profiler was running"
# Tools that Python has no use of its own for.
_TOOLS = (3, 4)


# By the id of a code, the code and what called it.
Calls = dict[int, tuple[types.CodeType, list[types.CodeType]]]


@dataclass(frozen=True)
class Ran:
    """What Python ran.

    Attributes:
        calls: the functions that were called, each with its callers, where there are any.
        modules_before: the names of the modules that were imported before.
    """

    calls: Calls
    modules_before: frozenset[str]


class Observed:
    """What runs in this thread, until the block that observes it has ended."""

    def __init__(self) -> None:
        self._modules = frozenset(sys.modules)
        self._fault: str | None = None
        self._calls: Calls = {}
        self._source: _Profiler | _Monitoring | None = None

    def begin(self) -> None:
        """Observe from now on."""
        if self._source is not None or self._fault is not None:
            return
        source = _Monitoring() if sys.version_info >= (3, 12) else _Profiler()
        if source.begin():
            self._source = source
        else:
            self._fault = _NOT_KNOWN

    def end(self) -> None:
        """Observe no more."""
        if self._source is not None:
            if not self._source.is_whole():
                self._fault = _NOT_KNOWN
            self._source.end()
            self._calls, self._source = self._source.calls(), None

    def ran(self) -> Ran:
        """All that ran so far.

        Raises:
            UnportableError: it is not known.
        """
        if self._fault is not None or not (self._source is None or self._source.is_whole()):
            raise UnportableError(_NOT_KNOWN)
        return Ran(self._calls if self._source is None else self._source.calls(), self._modules)


class _Local(threading.local):
    observed: Observed | None = None


_local = _Local()


@contextlib.contextmanager
def observing() -> Iterator[Observed]:
    """Observe what this thread calls once it is `needed`; within a block, the same as that one."""
    if _local.observed is not None:
        yield _local.observed
        return
    observed = _local.observed = Observed()
    try:
        yield observed
    finally:
        _local.observed = None
        observed.end()


def needed() -> None:
    """Code that torch does not trace is about to run in this thread."""
    if _local.observed is not None:
        _local.observed.begin()


def meanwhile() -> Ran:
    """What this thread has called since observing began.

    Raises:
        UnportableError: that is not known.
    """
    if _local.observed is None:
        raise UnportableError(_NOT_KNOWN)
    return _local.observed.ran()


class _Profiler:
    """Python 3.11's own, which counts in C; there can be one in a thread."""

    def __init__(self) -> None:
        self._profile = cProfile.Profile(subcalls=True, builtins=False)

    def begin(self) -> bool:
        if sys.getprofile() is not None:
            return False
        self._profile.enable()
        return True

    def is_whole(self) -> bool:
        """Whether no other profiler was started meanwhile."""
        current: object = sys.getprofile()
        return current is self._profile

    def end(self) -> None:
        if self.is_whole():
            self._profile.disable()

    def calls(self) -> Calls:
        entries: list[Any] = self._profile.getstats()
        functions = [entry for entry in entries if isinstance(entry.code, types.CodeType)]
        calls: Calls = {id(entry.code): (entry.code, []) for entry in functions}
        for entry in functions:
            for called in entry.calls or ():
                if id(called.code) in calls:
                    calls[id(called.code)][1].append(entry.code)
        return calls


class _Monitoring:
    """Python 3.12's events: of torch's own functions the first call alone costs anything."""

    def __init__(self) -> None:
        self._monitoring: Any = sys.monitoring  # type: ignore[attr-defined]
        self._thread = threading.get_ident()
        self._calls: Calls = {}
        self._tool = -1

    def begin(self) -> bool:
        free = [tool for tool in _TOOLS if self._monitoring.get_tool(tool) is None]
        if not free:
            return False
        self._tool = free[0]
        self._monitoring.use_tool_id(self._tool, "precompile_context")
        start = self._monitoring.events.PY_START
        self._monitoring.register_callback(self._tool, start, self._started)
        self._monitoring.set_events(self._tool, start)
        self._monitoring.restart_events()
        return True

    def _started(self, code: types.CodeType, offset: int) -> Any:
        if threading.get_ident() != self._thread:
            return None
        callers = self._calls.setdefault(id(code), (code, []))[1]
        if is_pinned_file(code.co_filename):
            return self._monitoring.DISABLE
        started = sys._getframe(1)
        if started.f_back is not None and started.f_back.f_code not in callers:
            callers.append(started.f_back.f_code)
        return None

    def is_whole(self) -> bool:
        """Always: other tools do not disturb this one."""
        return True

    def end(self) -> None:
        self._monitoring.set_events(self._tool, 0)
        self._monitoring.free_tool_id(self._tool)

    def calls(self) -> Calls:
        return dict(self._calls)
