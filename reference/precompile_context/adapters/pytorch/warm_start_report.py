"""What a warm start did, for the program."""

from dataclasses import dataclass
from typing import Any

from precompile_context.adapters.pytorch.precompile.report import PrecompileReport
from precompile_context.session.part_report import PartReport


@dataclass(repr=False)
class WarmStartReport(PartReport):
    """What a warm start did; it grows until the session ends.

    Attributes:
        precompile: what the automatic mode did; None where it is not on.
    """

    precompile: PrecompileReport | None = None

    def as_json(self) -> dict[str, Any]:
        """The report in numbers and texts, with the file's bytes as they are now."""
        mode = None if self.precompile is None else self.precompile.as_json()
        return {**super().as_json(), "precompile": mode}
