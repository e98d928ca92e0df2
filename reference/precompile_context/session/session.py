"""A session: one bundle, served to whatever compilers a process uses, and extended by them."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from precompile_context.bundle import Bundle
from precompile_context.errors import ErrorCode, PrecompileError
from precompile_context.files import FilePath
from precompile_context.files.access import checked_path
from precompile_context.session.adapter import Adapter
from precompile_context.session.appending import Appending
from precompile_context.session.contexts import Contexts
from precompile_context.session.part import SessionPart
from precompile_context.session.part_report import PartReport
from precompile_context.session.quarantine import Quarantine
from precompile_context.session.telling import Telling, failure, refusal
from precompile_context.session.trusting import Trusted, Trusting, believed, signing, trusting
from precompile_context.session.use import name_of, remember
from precompile_context.stores.names import is_store_name
from precompile_context.trust import Signer

if TYPE_CHECKING:
    from precompile_context.stores import Attached

# Without handlers of the program's, logging prints a warning's text, one line, on stderr.
_log = logging.getLogger("precompile_context")
# The bundle's name in a directory: that of the first version, whose bundles lie there.
_FILE_NAME = "torch.precompile"


class Session:
    """One process's use of a bundle, from the first `begin` to `finish`.

    Nothing here breaks the program: a file that is damaged, foreign or of another
    host, and any failure of ours, is one line of a warning, and the program
    compiles as it would without. What a forked child does is not recorded.

    Attributes:
        bundle: as it was at the start; None without one.
        parts: those of the adapters that serve and record.
        reports: what each adapter did, by its name, those that could not begin too.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        read_only: bool = False,
        trust: Trusted = (),
        signer: Signer | FilePath | None = None,
        tell: Callable[[str], None] = _log.warning,
        max_bytes: int | None = None,
        quarantine: bool = False,
    ) -> None:
        """Args:
        path: the bundle file, or a directory for one, or a store's name.
        trust: the policy, or keys that are trusted beside the signer's: themselves, or
            their names or files; one or several.
        signer: signs what is appended; by default this user's own key, made on first
            use, or nobody where `trust` is UNSIGNED.
        tell: is given the one line that a person should see, if there is one.
        max_bytes: what the file may have at the end; what was used longest ago goes.
        quarantine: leave out what a program had been given when it died of a fault.

        Raises:
            MisuseError: an argument is none of these, or names a key that is not there.
        """
        self._trust, self._signer = believed(trust), signing(signer)
        self.bundle: Bundle | None = None
        self.parts: list[SessionPart] = []
        self.reports: dict[str, PartReport] = {}
        self._store = _attached(path)
        self._read_only = read_only
        # Absolute: the program may change its directory.
        self._file = bundle_path(path) if self._store is None else self._store.file
        where = str(self._file if self._store is None else self._store.name)
        self._telling = Telling(where, tell, self.reports)
        self._appending = Appending(
            self._file,
            self._telling,
            writes=not read_only,
            store=self._store,
            max_bytes=max_bytes,
        )
        self._pid = os.getpid()
        self._trusting: Trusting | None = None
        self._unopened: str | None = None  # why there is no bundle
        self._leaves_out = quarantine
        self._quarantine: Quarantine | None = None

    def new_report(self) -> PartReport:
        """An empty one."""
        return PartReport(self._file, store=self._store.name if self._store else None)

    def begin(self, adapter: Adapter, report: PartReport | None = None) -> SessionPart | None:
        """Serve this adapter, and begin to record from it; None where that is not to be."""
        report = self.reports[adapter.name] = report or self.new_report()
        telling = self._telling.of(report, adapter.prefix)
        part = None
        try:
            switch = adapter.ruled_out()
            if switch is not None:
                telling.tell_cold(ruled_out(switch))
                return None
            environment = adapter.facts()
            trusting_ = self._open(telling)
            if self._unopened is not None:
                report.matched, report.reason = False, self._unopened
            if self.bundle is not None:
                environment = adapter.fitting(environment, self.bundle)
            report.environment = environment
            contexts = Contexts(environment, adapter.requirements(environment), trusting_)
            part = SessionPart(
                adapter,
                environment,
                contexts,
                self.bundle,
                report=report,
                telling=telling,
                save=self._save,
                store=self._store,
                quarantine=self._quarantine,
            )
            part.load()
            adapter.start(part)
        except Exception as error:  # nothing of ours may break the program
            telling.tell_cold(failure(error))
            if part is not None:
                part.end()
                _quietly(adapter.stop)
            return None
        self.parts.append(part)
        return part

    def _open(self, telling: Telling) -> Trusting:
        """Open the file, once, for the first adapter that begins."""
        if self._trusting is None:
            trusting_ = self._trusting = trusting(
                self._trust, self._signer, read_only=not self._appending.writes
            )
            if trusting_.fault is not None:
                self._appending.writes = False
                self._telling.tell(f"not saved: {trusting_.fault}", "save")
            self.bundle = self._opened(trusting_, telling)
            if self.bundle is not None:
                name = name_of(self._store.name if self._store else None, self._file)
                self._quarantine = Quarantine(name, leaves_out=self._leaves_out)
        return self._trusting

    def _opened(self, trusting_: Trusting, telling: Telling) -> Bundle | None:
        """The file's bundle; None where there is none, or none that is trusted and can be read.

        Whether the latter can be appended to is for the file to say: what it does
        not understand it leaves as it is.
        """
        try:
            return self._appending.open(trusting_)
        except FileNotFoundError:
            if self._read_only:
                telling.tell_cold("no bundle is there, and none is to be made")
            return None
        except PrecompileError as error:
            if self._store or not self._is_new(error):
                self._unopened = refusal(error)
                telling.tell_cold(self._unopened)
                self._telling.silence("save")  # that it cannot be appended to is the same news
            return None

    def _is_new(self, error: PrecompileError) -> bool:
        """Whether nothing is in the file yet: it is empty, or another process is in the middle of
        its first save, or was killed there. An append goes on from that.
        """
        is_begun = error.code is ErrorCode.TRUNCATED and not self._read_only
        return is_begun or not self._file.stat().st_size

    def leave(self) -> None:
        """In a forked child: record and save nothing, what was applied stays."""
        parts, self.parts = self.parts, []
        for part in parts:
            part.end()
            _quietly(part.adapter.stop)

    def finish(self) -> None:
        """Save what is left, fold what this run appended, and record no more. Once."""
        parts, self.parts = self.parts, []
        if not parts or os.getpid() != self._pid:
            return
        try:
            if self.bundle is not None:
                self.bundle.release()
            if self._quarantine is not None:
                self._quarantine.end()
            for part in parts:
                fault = _quietly(part.adapter.stop)
                if fault is not None:
                    part.tell_about(f"not all was recorded: {failure(fault)}", "save")
                part.end()
                part.report.recorded = part.recorded()
            remember(list(self.reports.values()))
            self._appending.finish([(part.contexts, part.report) for part in parts])
        except Exception as error:  # as in begin
            self._telling.tell(f"not saved: {failure(error)}", "save")

    def _save(self, part: SessionPart) -> None:
        self._appending.save((part.contexts, part.report))


def ruled_out(switch: str) -> str:
    """Why a part is cold."""
    return f"{switch}, so that nothing is served or saved"


def bundle_path(path: str | os.PathLike[str]) -> Path:
    """The bundle file that a path means, absolute: itself, or one in a directory, which is made.

    Raises:
        MisuseError: it is no path.
    """
    checked_path(path, "a bundle")
    text = os.fspath(path)
    if os.path.isdir(text) or text.endswith(os.sep):
        os.makedirs(text, exist_ok=True)
        text = os.path.join(text, _FILE_NAME)
    return Path(text).absolute()


def _attached(path: str | os.PathLike[str]) -> "Attached | None":
    """The store that a name means; None for a file, which needs nothing of stores."""
    if not isinstance(path, str) or not is_store_name(path):
        return None
    from precompile_context.stores import attached

    return attached(path)


def _quietly(work: Callable[[], None]) -> Exception | None:
    """Do it; what it raised, which is not the program's concern."""
    try:
        work()
    except Exception as error:
        return error
    return None
