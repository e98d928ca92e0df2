"""`precompile run` inside the program: from the first use of a compiler to the exit.

Nothing here may break the program: what fails is one line on stderr, and the
program goes on, cold.
"""

import atexit
import functools
import multiprocessing.util
import os
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

# Signatures need it. Here, while the program imports its compiler, and not within its first call.
import cryptography.hazmat.primitives.asymmetric.ed25519  # noqa: F401

from _precompile_run import complain, tell
from precompile_context.plural import plural
from precompile_context.session import missing, report
from precompile_context.session.adapter import Adapter
from precompile_context.session.announced import adapters_of
from precompile_context.session.missing import Miss
from precompile_context.session.part import SessionPart, concerning
from precompile_context.session.part_report import NO_PART, at_the_end, together
from precompile_context.session.session import Session
from precompile_context.session.settings import Settings
from precompile_context.session.telling import printable

# Adapters of which a fault was told; after one in `watch` they take no further part.
_failed: set[str] = set()


def watch(module: str) -> None:
    """This module has just been imported: whoever announced an adapter for it waits for the
    compiler's first use.
    """
    for adapter in adapters_of(module):
        if adapter.name in _failed:  # it was told
            continue
        try:
            adapter.watch(module, functools.partial(_first_use().begin, adapter))
        except Exception as error:  # nothing of ours may break the program
            _complain_of(adapter, error)


def _complain_of(adapter: Adapter, error: Exception) -> None:
    """Say that an adapter failed, once."""
    if adapter.name not in _failed:
        _failed.add(adapter.name)
        complain(error)


@functools.cache
def _first_use() -> "_FirstUse":
    first = _FirstUse(Settings.read())
    os.register_at_fork(after_in_child=first.after_fork)
    return first


class _FirstUse:
    """Starts the run's part in each process that compiles, when it first does.

    Not at the import: a program that compiles nothing owes nothing, no device is
    initialized before the compiler itself does it, and a child forked before the first
    compile takes part as its own process.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._run: Run | None = None
        self._begun: set[str] = set()
        self._beginning: set[str] = set()
        self._lock = threading.RLock()

    def after_fork(self) -> None:
        """The child begins anew; a thread that held the lock is not in it."""
        self._lock = threading.RLock()
        self._begun, self._beginning = set(), set()
        if self._run is not None:
            self._run.leave()
            self._run = None

    def begin(self, adapter: Adapter) -> bool:
        """Start the adapter, unless that was done; whether this call did it."""
        if adapter.name in self._begun:
            return False
        with self._lock:  # a second thread's first compile waits until all is served
            if adapter.name in self._begun or adapter.name in self._beginning:
                return False
            self._beginning.add(adapter.name)
            try:
                if self._run is None:
                    self._run = self._new_run()
                self._run.begin(adapter)
            except Exception as error:  # nothing of ours may break the program
                _complain_of(adapter, error)
            self._begun.add(adapter.name)
        return True

    def _new_run(self) -> "Run":
        run = Run(self._settings)
        # atexit runs after a normal end, sys.exit, an exception and Ctrl-C. There is no
        # handler for SIGTERM: it would be seen by the program, and delay its death.
        atexit.register(run.finish)
        if multiprocessing.parent_process() is not None:
            # Such a child ends without atexit, by finalizers.
            multiprocessing.util.Finalize(None, run.finish, exitpriority=-100)
        return run


class Run:
    """One process's part in a run."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pid = os.getpid()
        self._session: Session | None = None
        self._parts: dict[str, SessionPart] = {}
        self._adapters: list[Adapter] = []
        self._missed: dict[str, list[Miss]] = {}
        self._apply_seconds = 0.0
        self._finished = False

    def begin(self, adapter: Adapter) -> None:
        """Begin to count, then serve what fits of the bundle."""
        settings = self._settings
        began = time.perf_counter()
        if settings.report is not None and not self._adapters:
            report.begin_once(settings)
        if settings.report is not None or settings.why_miss:
            # First, so that what the adapter answers in its compiler's stead is not counted.
            adapter.observe(report=settings.report, why_miss=settings.why_miss)
        self._adapters.append(adapter)
        if settings.bundle is not None:
            if self._session is None:
                self._session = Session(
                    settings.bundle,
                    read_only=settings.read_only,
                    trust=settings.trusted(),
                    signer=settings.key,
                    tell=tell if settings.verbosity >= 0 else lambda line: None,
                    max_bytes=settings.max_bytes,
                    quarantine=settings.quarantine,
                )
            part = self._session.begin(adapter)
            if part is not None:
                self._parts[adapter.name] = part
        self._apply_seconds += time.perf_counter() - began
        self._write_report("running")

    def leave(self) -> None:
        """In a forked child: what was put in for the parent counts and records for it alone."""
        if self._session is not None:
            self._session.leave()
        self._stop_others()

    def _stop_others(self) -> None:
        """Those that are observed and no more."""
        for adapter in self._adapters:
            if adapter.name not in self._parts:
                try:
                    adapter.stop()
                except Exception as error:
                    _complain_of(adapter, error)

    def finish(self) -> None:
        """Append what is new, and write the report."""
        if os.getpid() != self._pid or self._finished:  # or a forked child: the run is not its
            return
        self._finished = True
        try:
            began = time.perf_counter()
            if self._session is not None:
                self._session.finish()
            self._stop_others()
            save_seconds = time.perf_counter() - began
            self._explain_misses()
            self._say_summary()
            self._write_report("finished", save_seconds)
        except (Exception, KeyboardInterrupt) as error:
            complain(error)

    def _say_summary(self) -> None:
        """To whoever watches the program: what came from the bundle, and what is new in it."""
        settings = self._settings
        watched = sys.__stderr__ is not None and sys.__stderr__.isatty()
        if self._session is None or not settings.is_main() or settings.verbosity < 0:
            return
        if watched or settings.verbosity > 0:
            told = [_summary_of(one, self._parts.get(one.name)) for one in self._adapters]
            line = at_the_end(told, self._session.reports.values())
            tell(printable(f"precompile: {settings.bundle}: {line}"))

    def _explain_misses(self) -> None:
        """Tell what everything that was not found differs in from what the bundle held."""
        if not self._settings.why_miss:
            return
        for adapter in self._adapters:
            part = self._parts.get(adapter.name)
            if part is None:
                continue
            try:
                missed = list(adapter.missed(tuple(part.missed)))
            except Exception as error:
                _complain_of(adapter, error)
                continue
            if part.bundle is not None and part.report.matched is False:
                own = concerning(part.bundle, part.types)
                differs = missing.unfit(own, part.environment)
                missed = [Miss(miss.key, None, differs) for miss in missed]
            self._missed[adapter.name] = missed
            for line in missing.as_lines(missed, adapter.unit):
                tell(f"precompile: {printable(line)}")

    def _write_report(self, status: str, save_seconds: float = 0.0) -> None:
        settings = self._settings
        if settings.report is None:
            return
        reports = [] if self._session is None else list(self._session.reports.values())
        compilers = {adapter.name: self._compiler(adapter) for adapter in self._adapters}
        compiling = [float(part.pop("compile_seconds", 0.0)) for part in compilers.values()]
        part = report.entry(
            settings,
            status,
            session=together(reports) if reports else report.NO_SESSION,
            compilers=compilers,
            seconds={
                "apply": self._apply_seconds,
                "compile": sum(compiling),
                "save": save_seconds,
                "not_spent": sum(one.seconds_not_spent for one in reports),
            },
        )
        report.put(settings, part)

    def _compiler(self, adapter: Adapter) -> dict[str, Any]:
        """What the report says of one compiler."""
        try:
            own: Mapping[str, Any] = adapter.report()
        except Exception as error:
            _complain_of(adapter, error)
            own = {}
        done = self._session.reports.get(adapter.name) if self._session else None
        part = self._parts.get(adapter.name)
        return {
            **(NO_PART if done is None else done.counts()),
            "missed": len(part.missed) if part else 0,
            "misses": missing.as_json(self._missed.get(adapter.name, ())),
            **own,
        }


def _summary_of(adapter: Adapter, part: SessionPart | None) -> str:
    """What the bundle gave to one compiler, of what was asked for; "" for nothing."""
    if part is None:
        return ""
    try:
        told = adapter.summary()
    except Exception as error:
        _complain_of(adapter, error)
        return ""
    if told is not None:
        return told
    asked = len(part.hits) + len(part.missed.keys() - part.hits.keys())
    return f"{plural(len(part.hits), adapter.unit)} of {asked}" if asked else ""
