"""Artifacts that a compiler asks for by itself: there is no place to put them without a session."""

from dataclasses import dataclass

from precompile_context.artifact import CacheArtifact
from precompile_context.errors import MisuseError


@dataclass(frozen=True)
class ServedArtifact(CacheArtifact):
    """One that its compiler asks a session for, when it is wanted."""

    def populate_cache(self) -> None:
        """Never right: nothing but a session knows who asks, or where it goes.

        Raises:
            MisuseError: always.
        """
        raise MisuseError(f"{self.TYPE} is served when it is asked for: `precompile run`")
