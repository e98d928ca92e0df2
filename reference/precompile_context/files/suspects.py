"""What programs were given before they died of a fault: kept beside the record of use.

A row an artifact, by its content: other content under the same key is not meant. Bounded; it
leaves the machine never.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from precompile_context.files.use_record import is_begun, opened

_MOST = 20_000
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS suspects (bundle TEXT, type TEXT, key TEXT, digest BLOB, "
    "function TEXT, program TEXT, fault TEXT, at REAL, PRIMARY KEY (bundle, type, key, digest))"
)
_COLUMNS = "bundle, type, key, digest, function, program, fault, at"

# An artifact with its content: type, key and SHA-256.
Content = tuple[str, str, bytes]


@dataclass(frozen=True)
class Suspect:
    """An artifact that a program had been given when it died.

    Attributes:
        function: what it was compiled from, as far as that is known; "" otherwise.
        fault: as the system calls it: "Segmentation fault".
        at: when the program died, in seconds since 1970.
    """

    bundle: str
    type: str
    key: str
    digest: bytes
    function: str
    program: str
    fault: str
    at: float

    @property
    def content(self) -> Content:
        """What tells it from others of its bundle."""
        return self.type, self.key, self.digest


def add_suspects(record: Path, suspects: Iterable[Suspect]) -> None:
    """Remember these; what is oldest goes where it becomes too much.

    Raises:
        OSError: the record cannot be written, or is none.
    """
    record.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with opened(record, make=True) as rows:
        rows.execute(_SCHEMA)
        rows.executemany(
            "INSERT OR REPLACE INTO suspects VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [(*_start(one), one.function, one.program, one.fault, one.at) for one in suspects],
        )
        rows.execute(
            "DELETE FROM suspects WHERE rowid IN "
            "(SELECT rowid FROM suspects ORDER BY at DESC, rowid DESC LIMIT -1 OFFSET ?)",
            (_MOST,),
        )


def suspects(record: Path, bundle: str | None = None) -> list[Suspect]:
    """All of one bundle, or of all, in the order in which they were given.

    Raises:
        OSError: the record cannot be read, or is none.
    """
    if not is_begun(record):
        return []
    with opened(record) as rows:
        if not rows.execute("SELECT 1 FROM sqlite_master WHERE name = 'suspects'").fetchone():
            return []
        found = rows.execute(
            f"SELECT {_COLUMNS} FROM suspects WHERE ? IS NULL OR bundle = ? ORDER BY at, rowid",
            (bundle, bundle),
        )
        return [
            Suspect(
                str(bundle),
                str(type_name),
                str(key),
                digest,
                str(function),
                str(program),
                str(fault),
                float(at),
            )
            for bundle, type_name, key, digest, function, program, fault, at in found
            if isinstance(digest, bytes)
        ]


def lift(record: Path, bundle: str, contents: Collection[Content]) -> None:
    """Suspect these no more.

    Raises:
        OSError: the record cannot be written, or is none.
    """
    with opened(record, make=True) as rows:
        rows.execute(_SCHEMA)
        rows.executemany(
            "DELETE FROM suspects WHERE bundle = ? AND type = ? AND key = ? AND digest = ?",
            [(bundle, *content) for content in contents],
        )


def _start(one: Suspect) -> tuple[str, str, str, bytes]:
    return one.bundle, *one.content
