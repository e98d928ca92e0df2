"""What one compiler's part in a session did, for the program and for `--report`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from precompile_context.artifact import ArtifactId
from precompile_context.context.populate import Outcome
from precompile_context.environment import Environment
from precompile_context.html import shown, table
from precompile_context.plural import plural


@dataclass(repr=False)
class PartReport:
    """What was served and recorded; it grows until the session ends.

    Attributes:
        path: the bundle file; of a store, the one in which waits what goes there.
        matched: whether the file's artifacts fit this host; None where there is no file.
        reason: one line that says why nothing was applied; None where there was no reason.
        environment: this host's facts; None where they could not be told.
        loaded: what the file holds for this host, with the bytes of its content.
        applied: those of `loaded` that the compiler asked for so far and got; some are put
            where it looks before it asks.
        refused: those that could not be given, each with its reason.
        recorded: what this process recorded and the file did not hold at the start.
        appended: what this process wrote to the file.
        not_spent: of `applied`, the seconds that its compile took where it was recorded, as far
            as that is known.
        not_saved: one line that says why something could not be written; None so far.
        store: the store's name; None where the bundle is a file.
    """

    path: Path
    matched: bool | None = None
    reason: str | None = None
    environment: Environment | None = None
    loaded: dict[tuple[str, str], int] = field(default_factory=dict)
    applied: list[tuple[str, str]] = field(default_factory=list)
    refused: list[Outcome] = field(default_factory=list)
    recorded: tuple[ArtifactId, ...] = ()
    appended: list[ArtifactId] = field(default_factory=list)
    not_saved: str | None = None
    store: str | None = None
    not_spent: dict[tuple[str, str], float] = field(default_factory=dict)

    def __repr__(self) -> str:
        return shown(type(self).__name__, self._shown())

    def _repr_html_(self) -> str:
        return table(type(self).__name__, self._shown())

    def _shown(self) -> list[tuple[str, object]]:
        rows: list[tuple[str, object]] = [
            ("path", self.path),
            ("loaded", len(self.loaded)),
            ("applied", len(self.applied)),
            ("refused", len(self.refused)),
            ("appended", len(self.appended)),
        ]
        why = ("reason", self.reason), ("not saved", self.not_saved)
        return [*rows, *((name, text) for name, text in why if text)]

    @property
    def inert(self) -> dict[tuple[str, str], int]:
        """What was loaded and the compiler has not asked for, with the bytes of its content."""
        asked = {*self.applied, *((outcome.type, outcome.key) for outcome in self.refused)}
        return {name: size for name, size in self.loaded.items() if name not in asked}

    @property
    def seconds_not_spent(self) -> float:
        """The sum of `not_spent`."""
        return sum(self.not_spent.values())

    def counts(self) -> dict[str, Any]:
        """In a few numbers, beside the other parts of a session."""
        return {
            "matched": self.matched,
            "reason": self.reason,
            "loaded": len(self.loaded),
            "applied": len(self.applied),
            "recorded": len(self.recorded),
            "refused": len(self.refused),
            "seconds_not_spent": round(self.seconds_not_spent, 3),
        }

    def as_json(self) -> dict[str, Any]:
        """The report in numbers and texts, with the file's bytes as they are now."""
        try:
            size = self.path.stat().st_size
        except OSError:
            size = 0
        return {
            "bundle": {
                "bytes": size,
                "matched": self.matched,
                "reason": self.reason,
                "not_saved": self.not_saved,
            },
            "artifacts": {
                "loaded": len(self.loaded),
                "applied": len(self.applied),
                "recorded": len(self.recorded),
                "inert": len(self.inert),
                "inert_bytes": sum(self.inert.values()),
                "refused": [
                    {
                        "type": outcome.type,
                        "key": outcome.key,
                        "code": outcome.code.name,
                        "detail": outcome.detail,
                    }
                    for outcome in self.refused
                ],
            },
        }


# Below, the line at the end says nothing of seconds.
LEAST_SECONDS = 0.05

NO_PART: Mapping[str, Any] = PartReport(Path()).counts()


def together(reports: Sequence[PartReport]) -> dict[str, Any]:
    """What the parts of one session did, as `as_json` says it of one: of a text, the first."""
    first, *others = (report.as_json() for report in reports)
    for other in others:
        bundle, more = first["bundle"], other["bundle"]
        if more["matched"] is not None:
            bundle["matched"] = bool(bundle["matched"]) or more["matched"]
        bundle["reason"] = bundle["reason"] or more["reason"]
        bundle["not_saved"] = bundle["not_saved"] or more["not_saved"]
        for name, value in other["artifacts"].items():
            first["artifacts"][name] += value
    return first


def at_the_end(told: Iterable[str], reports: Iterable[PartReport]) -> str:
    """What came from the bundle, as each adapter tells it, and what is new in it: one line."""
    served = ", ".join(filter(None, told))
    reports = list(reports)
    is_used = any(report.appended or report.refused for report in reports)
    nothing = "nothing from the bundle" if is_used else "nothing was asked of it"
    got = f"{served} from the bundle" if served else nothing
    seconds = sum(report.seconds_not_spent for report in reports)
    if seconds >= LEAST_SECONDS:
        got += f", {seconds:,.1f} s of compiling not spent"
    faults = [report.not_saved for report in reports if report.not_saved]
    if faults:
        return f"{got}; not saved: {faults[0].removeprefix('not saved: ')}"
    return f"{got}; {plural(sum(len(report.appended) for report in reports), 'artifact')} saved"
