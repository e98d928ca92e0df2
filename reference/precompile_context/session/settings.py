"""What `precompile run` tells the interpreters that it starts, by an environment variable."""

import dataclasses
import json
import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass

from _precompile_run import ADAPTERS, announce
from precompile_context.files import find_verifier
from precompile_context.trust import UNSIGNED, TrustPolicy, verifier_of
from precompile_context.trust.pem import Believed

VARIABLE = "PRECOMPILE_RUN"
# A bundle, or a directory for one: the automatic mode in every program that sees it.
CACHE_VARIABLE = "PRECOMPILE_CACHE"
# Options of it, which `precompile run` takes as defaults of its own. Several keys stand in the
# third as paths do in PATH.
READ_ONLY_VARIABLE, REPORT_VARIABLE = "PRECOMPILE_READ_ONLY", "PRECOMPILE_REPORT"
QUARANTINE_VARIABLE = "PRECOMPILE_QUARANTINE"
TRUST_VARIABLE, KEY_VARIABLE = "PRECOMPILE_TRUST", "PRECOMPILE_KEY"
# The first process that saw PRECOMPILE_CACHE; the start-up hook sets it.
MAIN_VARIABLE = "PRECOMPILE_CACHE_PID"
_YES = ("1", "true", "t", "yes", "y", "on")  # as the command line takes them


@dataclass(frozen=True)
class Settings:
    """One run. Paths are absolute: the program may change its directory.

    Attributes:
        bundle: the bundle file, present or not, or a store's name; None to observe a run
            and no more.
        read_only: use the bundle, append nothing.
        report: where the JSON report goes; None for none.
        why_miss: tell for each graph that was not found what differs.
        trust: whom to trust beside the user's own key, each as a PEM text; None to accept
            what is unsigned.
        verbosity: below 0 nothing is said of the bundle; above, the line at the end is said
            to whoever listens, not only to a terminal.
        key: the private key that signs, a file or env:NAME; None for the user's own.
        pid: the program's process; others that see the variable are its children.
        precompile: serve and save whole frames, too.
        max_bytes: what the bundle's file may have at a process's end; None for no bound.
        quarantine: leave out what a program had been given when it died of a fault.
    """

    bundle: str | None
    read_only: bool
    report: str | None
    pid: int
    precompile: bool = False
    trust: tuple[str, ...] | None = ()
    why_miss: bool = False
    key: str | None = None
    verbosity: int = 0
    max_bytes: int | None = None
    quarantine: bool = False

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """The settings of the run that this process belongs to; KeyError where it is none."""
        if VARIABLE not in environ:
            return cls._of_variables(environ)
        values = json.loads(environ[VARIABLE])
        if values["trust"] is not None:
            values["trust"] = tuple(values["trust"])
        return cls(**values)

    @classmethod
    def _of_variables(cls, environ: Mapping[str, str]) -> "Settings":
        """The settings of a process that no `precompile run` started."""
        report, trust = environ.get(REPORT_VARIABLE), environ.get(TRUST_VARIABLE, "")
        names = [name for name in trust.split(os.pathsep) if name]
        return cls(
            environ[CACHE_VARIABLE],
            read_only=environ.get(READ_ONLY_VARIABLE, "").lower() in _YES,
            quarantine=environ.get(QUARANTINE_VARIABLE, "").lower() in _YES,
            report=os.path.abspath(report) if report else None,
            pid=int(environ.get(MAIN_VARIABLE) or os.getpid()),
            precompile=True,
            trust=tuple(find_verifier(name, environ).to_pem().decode() for name in names),
            key=environ.get(KEY_VARIABLE) or None,
        )

    def trusted(self) -> TrustPolicy | list[Believed]:
        """What a warm start takes as `trust`."""
        if self.trust is None:
            return UNSIGNED
        return [verifier_of(pem.encode()) for pem in self.trust]

    def write(self, environ: MutableMapping[str, str]) -> None:
        """Switch the start-up hook on for processes started with `environ`."""
        # In a run of another run, the variable is that one's, and of its Python.
        if not environ.get(ADAPTERS) or VARIABLE in environ:
            announce(environ)
        environ[VARIABLE] = json.dumps(dataclasses.asdict(self))

    def is_main(self) -> bool:
        """Whether this process is the program itself."""
        return os.getpid() == self.pid
