"""The artifact that is measured."""

from dataclasses import dataclass

from precompile_context import CacheArtifact

TYPE = "bench.blob"


@dataclass(frozen=True)
class Blob(CacheArtifact):
    """Content that goes nowhere."""

    TYPE = TYPE

    def populate_cache(self) -> None:
        """Nothing to do."""
