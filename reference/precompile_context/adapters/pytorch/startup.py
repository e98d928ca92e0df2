"""`precompile run` inside the program: from its first compile to the exit.

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
from collections.abc import Callable, Sequence
from typing import Any

from _precompile_run import complain, tell
from precompile_context.adapters.pytorch import report
from precompile_context.adapters.pytorch.recording import misses
from precompile_context.adapters.pytorch.recording.misses import Miss, Misses
from precompile_context.adapters.pytorch.recording.observe import (
    Observation,
    Tally,
    watch_compiler,
    watch_triton,
)
from precompile_context.adapters.pytorch.session import WarmStart
from precompile_context.adapters.pytorch.summary import summary
from precompile_context.adapters.pytorch.telling import printable
from precompile_context.session.patches import Patches
from precompile_context.session.settings import Settings

# Whatever is compiled passes one of these before a cache is asked: dynamo's frames and lazy
# backward graphs, inductor called by itself, and a look for a precompiled function.
_WATCHED = {
    "torch._dynamo.callback": ("CompilationCallbackHandler.install_callbacks",),
    "torch._dynamo.convert_frame": ("_compile",),
    "torch._dynamo.package": ("DiskDynamoCache.load",),
    "torch._inductor.compile_fx": ("compile_fx",),
}


def watch(module: str) -> None:
    """This module of torch has just been imported: wait for the first compile through it."""
    first = _first_compile()
    for name in _WATCHED[module]:
        *path, function = name.split(".")
        first.watch(functools.reduce(getattr, path, sys.modules[module]), function)


@functools.cache
def _first_compile() -> "_FirstCompile":
    first = _FirstCompile(Settings.read())
    os.register_at_fork(after_in_child=first.after_fork)
    return first


class _FirstCompile:
    """Starts the run's part in each process that compiles, when it first does.

    Not at the import: a program that compiles nothing owes nothing, CUDA is not
    initialized before torch itself does it, and a child forked before the first
    compile takes part as its own process.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._patches = Patches()
        self._run: Run | None = None
        self._lock = threading.RLock()

    def after_fork(self) -> None:
        """The child begins anew; a thread that held the lock is not in it."""
        self._lock = threading.RLock()
        if self._run is not None:
            self._run.leave()
            self._run = None

    def watch(self, owner: Any, name: str) -> None:
        """Start when `owner.name` is called, unless that was done."""

        def around(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            if self._run is not None:
                return original(*args, **kwargs)
            with self._lock:  # a second thread's first compile waits until all is applied
                if self._run is None:
                    self._start()
            # Once more from the top: what has been wrapped around it now sees this call too.
            return getattr(owner, name)(*args, **kwargs)

        self._patches.wrap(owner, name, around)

    def _start(self) -> None:
        run = Run(self._settings)
        try:
            # atexit runs after a normal end, sys.exit, an exception and Ctrl-C. There is no
            # handler for SIGTERM: it would be seen by the program, and delay its death.
            atexit.register(run.finish)
            if multiprocessing.parent_process() is not None:
                # Such a child ends without atexit, by finalizers.
                multiprocessing.util.Finalize(None, run.finish, exitpriority=-100)
            run.start()
        except Exception as error:  # nothing of ours may break the program
            complain(error)
        self._run = run


def start_worker(parent: int) -> None:
    """Count the compiler's runs of this compile worker for the process that it works for."""
    settings = Settings.read()
    if settings.report is not None:
        tally = Tally(settings.tally_file(parent), owner=parent)
        watch_compiler(tally, Patches())
        watch_triton(tally)


class Run:
    """One process's part in a run."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pid = os.getpid()
        self._session: WarmStart | None = None
        self._observation: Observation | None = None
        self._misses: Misses | None = None
        self._apply_seconds = 0.0
        self._finished = False

    def start(self) -> None:
        """Begin to count, then apply what fits of the bundle."""
        settings = self._settings
        began = time.perf_counter()
        if settings.report is not None:
            report.begin_once(settings)
            # First, so that what the session answers in torch's stead is not counted.
            self._observation = Observation(Tally(settings.tally_file(self._pid)))
        if settings.why_miss:
            self._misses = Misses(Patches())
        if settings.bundle is not None:
            self._session = WarmStart(
                settings.bundle,
                read_only=settings.read_only,
                precompile=settings.precompile,
                trust=settings.trusted(),
                signer=settings.key,
                tell=tell if settings.verbosity >= 0 else lambda line: None,
            )
            self._session.start()
        self._apply_seconds = time.perf_counter() - began
        self._write_report("running")

    def leave(self) -> None:
        """In a forked child: what was wrapped for the parent counts and records for it alone."""
        if self._session is not None:
            self._session.leave()
        if self._observation is not None:
            self._observation.stop()

    def finish(self) -> None:
        """Append what is new, and write the report."""
        if os.getpid() != self._pid or self._finished:  # or a forked child: the run is not its
            return
        self._finished = True
        try:
            began = time.perf_counter()
            if self._session is not None:
                self._session.finish()
            save_seconds = time.perf_counter() - began
            missed = self._explain_misses()
            self._say_summary()
            self._write_report("finished", save_seconds, missed)
        except (Exception, KeyboardInterrupt) as error:
            complain(error)

    def _say_summary(self) -> None:
        """To whoever watches the program: what came from the bundle, and what is new in it."""
        settings = self._settings
        watched = sys.__stderr__ is not None and sys.__stderr__.isatty()
        if self._session is None or not settings.is_main() or settings.verbosity < 0:
            return
        if watched or settings.verbosity > 0:
            tell(f"precompile: {settings.bundle}: {printable(summary(self._session.report))}")

    def _explain_misses(self) -> list[Miss]:
        """Tell what every graph that was not found differs in from what the bundle held."""
        if self._misses is None or self._session is None:
            return []
        session = self._session
        missed = self._misses.explained(session.bundle, session.report.environment)
        for line in misses.as_lines(missed):
            tell(f"precompile: {printable(line)}")
        return missed

    def _write_report(
        self, status: str, save_seconds: float = 0.0, missed: Sequence[Miss] = ()
    ) -> None:
        observation = self._observation
        if observation is None:
            return
        part = report.entry(
            self._settings,
            status,
            session=report.NO_SESSION if self._session is None else self._session.report.as_json(),
            counts=observation.tally.counts(),
            missed=misses.as_json(missed),
            seconds={
                "apply": self._apply_seconds,
                "compile": observation.compile_seconds(),
                "save": save_seconds,
            },
        )
        try:
            report.put(self._settings, part)
        finally:
            if status == "finished":
                observation.tally.close()
