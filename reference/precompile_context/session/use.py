"""What a session got from its bundle, into the record of use."""

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from precompile_context.bundle import ArtifactName
from precompile_context.session.part_report import PartReport
from precompile_context.stores.names import StoreName, is_store_name

# Not at the end: of a dataclass, Python makes methods by exec, after which it has forgotten that
# the program was interrupted, and ends with another status.
try:
    from precompile_context.files import use_record
except ImportError:  # a Python without SQLite keeps no record
    use_record = None  # type: ignore[assignment]  # what it is everywhere else


def remember(reports: Sequence[PartReport]) -> None:
    """Take in what the parts of one process's session did.

    A record that cannot be written is none: the program goes on, and what it made is saved.
    """
    with contextlib.suppress(Exception):
        _remember(reports)


def _remember(reports: Sequence[PartReport]) -> None:
    file = None if use_record is None else use_record.record_file()
    if file is None or not reports:
        return
    given = {name for report in reports for name in report.applied}
    made = {
        (id_.type, id_.key)
        for report in reports
        for id_ in report.recorded
        if (id_.type, id_.key) not in report.loaded
    }
    refused = sum(len(report.refused) for report in reports)
    why = next((report.reason for report in reports if report.reason), None)
    if not (given or made or refused or why):
        return
    use = use_record.UsedBundle(
        program=program_name(),
        bundle=name_of(reports[0].store, reports[0].path),
        hits=len(given),
        misses=len(made),
        refused=refused,
        bytes=sum(report.loaded.get(name, 0) for report in reports for name in {*report.applied}),
        seconds=sum(report.seconds_not_spent for report in reports),
        reasons={why or "the bundle did not hold them": len(made)} if made or why else {},
    )
    use_record.add_use(file, use, given | made)


def last_used_of(file: Path) -> dict[ArtifactName, float]:
    """When each artifact of the bundle file was last used here; nothing without a record."""
    record = None if use_record is None else use_record.record_file()
    try:
        return {} if record is None else use_record.last_uses(record, name_of(None, file))
    except OSError:
        return {}


def name_of(store: str | None, file: Path) -> str:
    """By which the record knows a bundle, wherever one stands."""
    return store or os.path.realpath(file)


def name_as_typed(bundle: str) -> str:
    """The same of a file's path or a store's name as a person types it.

    Raises:
        MisuseError: it is a store's name, and a wrong one.
    """
    store = str(StoreName.parse(bundle)) if is_store_name(bundle) else None
    return name_of(store, Path(bundle))


def program_name() -> str:
    """What this process runs, for a person."""
    name = os.path.basename(sys.argv[0]) if sys.argv else ""
    return name or "python"
