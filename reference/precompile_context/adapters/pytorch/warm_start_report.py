"""What a warm start did, for the program and for `precompile run --report`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from precompile_context.adapters.pytorch.precompile.report import PrecompileReport
from precompile_context.artifact import ArtifactId
from precompile_context.environment import Environment
from precompile_context.populate import Outcome


@dataclass
class WarmStartReport:
    """What a warm start did; it grows until the session ends.

    Attributes:
        path: the bundle file.
        matched: whether the file's artifacts fit this host; None where there is no file.
        reason: one line that says why nothing was applied; None where there was no reason.
        environment: this host's facts; None where they could not be told.
        loaded: what the file holds for this host.
        applied: those of `loaded` that were put where torch looks.
        refused: those of `loaded` that were not, each with its reason.
        recorded: what this process recorded and the file did not hold at the start.
        appended: what this process wrote to the file.
        not_saved: one line that says why something could not be written; None so far.
        precompile: what the automatic mode did; None where it is not on.
    """

    path: Path
    matched: bool | None = None
    reason: str | None = None
    environment: Environment | None = None
    loaded: tuple[ArtifactId, ...] = ()
    applied: tuple[tuple[str, str], ...] = ()
    refused: tuple[Outcome, ...] = ()
    recorded: tuple[ArtifactId, ...] = ()
    appended: list[ArtifactId] = field(default_factory=list)
    not_saved: str | None = None
    precompile: PrecompileReport | None = None

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
            "precompile": None if self.precompile is None else self.precompile.as_json(),
        }
