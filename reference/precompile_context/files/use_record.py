"""The record of use: which bundles this user's programs used, when, and what came of it.

One SQLite file in this user's state directory, bounded, read by `precompile stats` and
`prune`. It leaves the machine never, and a program that cannot write it runs on.
"""

import contextlib
import errno
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from precompile_context.bundle import ArtifactName
from precompile_context.files.state_directory import state_directory

# Switches the record off, for a machine or a team.
SWITCH = "PRECOMPILE_STATS"
_NO = ("0", "false", "f", "no", "n", "off")
_MOST_RUNS = 10_000
_MOST_USES = 200_000
# A program waits so long for another one that writes.
_WAIT_SECONDS = 1.0
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS runs (at REAL, program TEXT, bundle TEXT, hits INTEGER, "
    "misses INTEGER, refused INTEGER, bytes INTEGER, reasons TEXT, seconds REAL)",
    "CREATE TABLE IF NOT EXISTS uses (bundle TEXT, type TEXT, key TEXT, at REAL, "
    "PRIMARY KEY (bundle, type, key))",
)


@dataclass(frozen=True)
class UsedBundle:
    """What one process got from a bundle.

    Attributes:
        hits: artifacts that it was given; `misses` those that it had to make.
        refused: those that could not be given.
        bytes: of the contents that it was given.
        reasons: how often it missed for which reason.
        at: when it ended, in seconds since 1970.
        seconds: that the compiles of what it was given took where they were recorded.
    """

    program: str
    bundle: str
    hits: int
    misses: int
    refused: int
    bytes: int
    reasons: Mapping[str, int] = field(default_factory=dict)
    at: float = field(default_factory=time.time)
    seconds: float = 0.0


def record_file(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Where the record is; None where it is switched off, or no home directory is known."""
    if environ.get(SWITCH, "").lower() in _NO:
        return None
    state = state_directory(environ)
    return None if state is None else state / "use.sqlite3"


def add_use(file: Path, use: UsedBundle, artifacts: Iterable[ArtifactName]) -> None:
    """Take in what a process did; what is oldest goes where it becomes too much.

    Raises:
        OSError: the file cannot be written, or is no record.
    """
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    counts = (use.hits, use.misses, use.refused, use.bytes)
    reasons = json.dumps(dict(use.reasons))
    row = (use.at, use.program, use.bundle, *counts, reasons, use.seconds)
    with opened(file, make=True) as record:
        if not _has_seconds(record):  # one of before
            record.execute("ALTER TABLE runs ADD COLUMN seconds REAL DEFAULT 0")
        record.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        record.executemany(
            "INSERT OR REPLACE INTO uses VALUES (?, ?, ?, ?)",
            [(use.bundle, *name, use.at) for name in artifacts],
        )
        for table, most in (("runs", _MOST_RUNS), ("uses", _MOST_USES)):
            record.execute(
                f"DELETE FROM {table} WHERE rowid IN "
                f"(SELECT rowid FROM {table} ORDER BY at DESC LIMIT -1 OFFSET ?)",
                (most,),
            )


def uses(file: Path, bundle: str | None = None) -> list[UsedBundle]:
    """All that are remembered, of one bundle or of all, oldest first.

    Raises:
        OSError: the file cannot be read, or is no record.
    """
    if not is_begun(file):
        return []
    with opened(file) as record:
        seconds = "seconds" if _has_seconds(record) else "0.0"
        rows = record.execute(
            f"SELECT program, bundle, hits, misses, refused, bytes, reasons, at, {seconds} "
            "FROM runs WHERE ? IS NULL OR bundle = ? ORDER BY at",
            (bundle, bundle),
        )
        return [
            UsedBundle(
                str(program),
                str(bundle),
                int(hits),
                int(misses),
                int(refused),
                int(size),
                _reasons(reasons),
                float(at),
                float(seconds),
            )
            for program, bundle, hits, misses, refused, size, reasons, at, seconds in rows
        ]


def is_begun(file: Path) -> bool:
    """Whether anything is remembered: a process that was killed at the first time, or found the
    disk full, has left an empty file.
    """
    return file.exists() and file.stat().st_size > 0


def last_uses(file: Path, bundle: str) -> dict[ArtifactName, float]:
    """When each artifact of the bundle was last given or made here, in seconds since 1970.

    Raises:
        OSError: the file cannot be read, or is no record.
    """
    if not is_begun(file):
        return {}
    with opened(file) as record:
        rows = record.execute("SELECT type, key, at FROM uses WHERE bundle = ?", (bundle,))
        return {(str(type_name), str(key)): float(at) for type_name, key, at in rows}


def _reasons(text: str) -> dict[str, int]:
    return {str(reason): int(count) for reason, count in json.loads(text).items()}


def _has_seconds(record: sqlite3.Connection) -> bool:
    return any(column[1] == "seconds" for column in record.execute("PRAGMA table_info(runs)"))


@contextlib.contextmanager
def opened(file: Path, *, make: bool = False) -> Iterator[sqlite3.Connection]:
    """The file, in one transaction, which is taken back where an exception ends it."""
    try:
        mode = "rwc" if make else "ro"
        uri = f"{file.absolute().as_uri()}?mode={mode}"
        connecting = sqlite3.connect(uri, timeout=_WAIT_SECONDS, uri=True)
        with contextlib.closing(connecting) as record, record:
            for statement in _SCHEMA if make else ():
                record.execute(statement)
            yield record
    # SQLite keeps any value in any column: what is no number there is no record of ours.
    except (sqlite3.Error, ValueError, TypeError, AttributeError) as error:
        # These say that somebody else is at work, or that it cannot be read; of a folder, too.
        is_busy = isinstance(error, sqlite3.OperationalError) and not file.is_dir()
        number = None if is_busy else errno.EBADMSG
        raise OSError(number, f"the record of use: {error}", str(file)) from error
