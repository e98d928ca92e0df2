"""What of a bundle programs had been given when they died of a fault, and leaving that out."""

import contextlib
from collections.abc import Iterable
from pathlib import Path

from precompile_context.bundle import StoredArtifact
from precompile_context.session import journal
from precompile_context.session.deaths import Death, deaths
from precompile_context.session.journal import Given
from precompile_context.session.use import program_name

try:
    from precompile_context.files.suspects import (
        Content,
        Suspect,
        add_suspects,
        lift,
        suspects,
    )
    from precompile_context.files.use_record import last_uses, record_file
except ImportError:  # a Python without SQLite keeps no record

    def record_file() -> None:  # type: ignore[misc]  # what it is everywhere else
        """Nowhere."""


# Beside the record of use, the lists of processes that live or have just died.
_LISTS = "running"
_MOST_KEY, _MOST_FUNCTION = 24, 60


class Quarantine:
    """Of one bundle, in one process. What cannot be known or remembered costs no program anything.

    Attributes:
        leaves_out: whether what is suspected is to be left out.
    """

    def __init__(self, bundle: str, *, leaves_out: bool) -> None:
        self.leaves_out = leaves_out
        self._bundle = bundle
        self._record = record_file()
        self._suspects: dict[Content, Suspect] = {}
        self._given: set[Content] = set()
        with contextlib.suppress(Exception):
            if self._record is not None:
                take_in_deaths(self._record)
                self._suspects = {one.content: one for one in suspects(self._record, bundle)}

    def among(self, stored: Iterable[StoredArtifact]) -> list[Suspect]:
        """The suspects of these, in the order in which they were given."""
        here = {_content(one) for one in stored} if self._suspects else set()
        return [one for content, one in self._suspects.items() if content in here]

    def given(self, stored: Iterable[StoredArtifact]) -> None:
        """The program gets these now."""
        new = {_content(one): one for one in stored if _content(one) not in self._given}
        self._given.update(new)
        if new and self._record is not None:
            lines = [Given(*content, _function(one)) for content, one in new.items()]
            with contextlib.suppress(Exception):
                journal.write(_lists(self._record), program_name(), self._bundle, lines)

    def end(self) -> None:
        """The program came to its end: what it was given did no harm."""
        with contextlib.suppress(Exception):
            journal.end(self._bundle)
            harmless = self._given & self._suspects.keys()
            if harmless and self._record is not None:
                lift(self._record, self._bundle, harmless)

    def told(self, suspects: list[Suspect]) -> str:
        """In a line, of some: which, why, and the command that leaves them out, or takes them
        back.
        """
        last = suspects[-1]
        key = last.key if len(last.key) <= _MOST_KEY else f"{last.key[:_MOST_KEY]}…"
        function = f" ({last.function[-_MOST_FUNCTION:]})" if last.function else ""
        more = len(suspects) - 1
        what = f"{last.type} {key}{function}{f' and {more} before it' if more else ''}"
        died = f"{last.program} died of it, it seems ({last.fault})"
        if self.leaves_out:
            import shlex  # hardly any start needs it

            back = f"precompile quarantine remove {shlex.quote(self._bundle)}"
            return f"left out, to be compiled anew: {what}: {died}; `{back}` takes it back"
        return f"{what}: {died}; `precompile run --quarantine` leaves it out"


def take_in_deaths(record: Path) -> None:
    """Suspect what programs had been given that died since somebody last looked.

    Raises:
        OSError: the record cannot be written.
    """
    for death in deaths(_lists(record)):
        add_suspects(record, _accused(record, death))


def _accused(record: Path, death: Death) -> Iterable[Suspect]:
    for bundle, given in death.given.items():
        # What was in use here when a program came to its end is suspected only where nothing
        # else can have been at fault.
        known = last_uses(record, bundle)
        new = [one for one in given if (one.type, one.key) not in known]
        for one in new or given:
            yield Suspect(
                bundle,
                *(one.type, one.key, one.digest, one.function),
                *(death.program, death.fault, death.at),
            )


def _lists(record: Path) -> Path:
    return record.parent / _LISTS


def _content(stored: StoredArtifact) -> "Content":
    return stored.type, stored.key, stored.content_digest


def _function(stored: StoredArtifact) -> str:
    """What it was compiled from, as adapters that know it say in a field of one of these names."""
    attributes = stored.attributes
    named = (attributes.get(name) for name in ("function", "kernel", "frame"))
    return next((name for name in named if isinstance(name, str)), "")
