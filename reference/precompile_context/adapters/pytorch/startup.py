"""`precompile run` inside the program: from the first import of torch's compiler to the exit.

Nothing here may break the program: what fails is one line on stderr, and the
program goes on, cold.
"""

import atexit
import logging
import os
import time

from _precompile_run import complain, tell
from precompile_context.adapters.pytorch import report
from precompile_context.adapters.pytorch.observe import (
    Observation,
    Tally,
    watch_compiler,
    watch_triton,
)
from precompile_context.adapters.pytorch.patches import Patches
from precompile_context.adapters.pytorch.session import WarmStart
from precompile_context.adapters.pytorch.settings import Settings


def start() -> None:
    """Start the run's part in this process; torch's compiler has just been imported."""
    run = Run(Settings.read())
    # atexit runs after a normal end, sys.exit, an exception and Ctrl-C. There is no
    # handler for SIGTERM: it would be seen by the program, and delay its death.
    atexit.register(run.finish)
    run.start()


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
        self._apply_seconds = 0.0

    def start(self) -> None:
        """Begin to count, then apply what fits of the bundle."""
        _speak_on_stderr()
        settings = self._settings
        began = time.perf_counter()
        if settings.report is not None:
            # First, so that what the session answers in torch's stead is not counted.
            self._observation = Observation(Tally(settings.tally_file(self._pid)))
        if settings.bundle is not None:
            self._session = WarmStart(settings.bundle, read_only=settings.read_only)
            self._session.start()
        self._apply_seconds = time.perf_counter() - began
        self._write_report("running")

    def finish(self) -> None:
        """Append what is new, and write the report."""
        if os.getpid() != self._pid:  # a forked child that ends by itself: the run is not its
            return
        try:
            began = time.perf_counter()
            if self._session is not None:
                self._session.finish()
            self._write_report("finished", save_seconds=time.perf_counter() - began)
        except (Exception, KeyboardInterrupt) as error:
            complain(error)

    def _write_report(self, status: str, save_seconds: float = 0.0) -> None:
        observation = self._observation
        if observation is None:
            return
        part = report.entry(
            self._settings,
            status,
            session=report.NO_SESSION if self._session is None else self._session.report.as_json(),
            counts=observation.tally.counts(),
            seconds={
                "apply": self._apply_seconds,
                "compile": observation.compile_seconds(),
                "save": save_seconds,
            },
        )
        report.put(self._settings, part)
        if status == "finished":
            observation.tally.close()


class _Stderr(logging.Handler):
    """Writes to the process's own stderr, whatever the program does with its logs."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line."""
        tell(record.getMessage())


def _speak_on_stderr() -> None:
    logger = logging.getLogger("precompile_context")
    logger.propagate = False
    logger.addHandler(_Stderr())
