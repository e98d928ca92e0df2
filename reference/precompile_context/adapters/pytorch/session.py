"""A warm start: a bundle file is applied before torch compiles, and extended by what is new."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from types import TracebackType

from precompile_context.adapters.pytorch.adapter import PyTorchAdapter
from precompile_context.adapters.pytorch.warm_start_report import WarmStartReport
from precompile_context.bundle import Bundle
from precompile_context.files import FilePath
from precompile_context.session.session import Session, bundle_path
from precompile_context.session.trusting import Trusted
from precompile_context.startable import startable
from precompile_context.trust import Signer

# Without handlers of the program's, logging prints a warning's text, one line, on stderr.
_log = logging.getLogger("precompile_context")

__all__ = ["WarmStart", "bundle_path", "warm_start"]


class WarmStart:
    """One process's use of a bundle file by torch, from `start` to `stop`, or as a with-block.

    Nothing here breaks the program: a file that is damaged, foreign or of another
    host, and any failure of ours, is one line of a warning, and the program
    compiles as it would without. What a forked child does is not recorded.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        read_only: bool = False,
        precompile: bool = False,
        trust: Trusted = (),
        signer: Signer | FilePath | None = None,
        tell: Callable[[str], None] = _log.warning,
        quarantine: bool = False,
    ) -> None:
        """Args:
        path: the bundle file, or a directory for one, or a store's name.
        precompile: serve and save whole frames, too: the automatic mode.
        trust: the policy, or keys that are trusted beside the signer's: themselves, or
            their names or files; one or several.
        signer: signs what is appended; by default this user's own key, made on first
            use, or nobody where `trust` is UNSIGNED.
        tell: is given the one line that a person should see, if there is one.
        quarantine: leave out what a program had been given when it died of a fault.

        Raises:
            MisuseError: an argument is none of these, or names a key that is not there.
        """
        self._session = Session(
            path,
            read_only=read_only,
            trust=trust,
            signer=signer,
            tell=tell,
            quarantine=quarantine,
        )
        new = self._session.new_report()
        self.report = WarmStartReport(new.path, store=new.store)
        self._adapter = PyTorchAdapter(precompile=precompile, report=self.report)

    @property
    def bundle(self) -> Bundle | None:
        """The file as it was at the start."""
        return self._session.bundle

    def __enter__(self) -> WarmStartReport:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> WarmStartReport:
        """Stand ready with what fits, then begin to record."""
        self._session.begin(self._adapter, self.report)
        return self.report

    def leave(self) -> None:
        """In a forked child: record and save nothing, what was applied stays."""
        self._session.leave()

    def stop(self) -> None:
        """Save what is left, fold what this run appended, and record no more. Once."""
        self._session.finish()


@startable
def warm_start(
    path: str | os.PathLike[str],
    read_only: bool = False,
    *,
    trust: Trusted = (),
    signer: Signer | FilePath | None = None,
    quarantine: bool = False,
) -> Iterator[WarmStartReport]:
    """Apply a bundle file before the block compiles anything, and extend it by what is new.

    `path` is a file, a directory for one, or a store's name: `s3://bucket/team/train/`.
    `trust` is a policy, or keys that are trusted beside the signer's, by name, file or
    themselves; the signer is by default this user's own key. The report is complete when
    the block has ended. `quarantine` leaves out what a program had been given when it died of a
    fault. Never raises for the sake of the bundle; see `WarmStart`.
    """
    start = WarmStart(path, read_only=read_only, trust=trust, signer=signer, quarantine=quarantine)
    with start as report:
        yield report
