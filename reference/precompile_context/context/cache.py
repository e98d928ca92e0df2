"""PrecompileCache: where stitched entries live; in memory, here."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

from precompile_context.artifact import PrecompileCacheArtifact


@dataclass(frozen=True)
class StitchedEntry:
    """An entry with its backends, and for each of them, in order, what it deserialized to."""

    entry: PrecompileCacheArtifact[Any]
    backends: tuple[PrecompileCacheArtifact[Any], ...] = ()
    values: tuple[Any, ...] = field(default=(), compare=False)


class PrecompileCache(ABC):
    """Entries by (type, key), each with its backends, each written in one piece."""

    @abstractmethod
    def write(self, stitched: StitchedEntry) -> None:
        """Put the entry in place of the one of its type and key. May raise OSError."""

    @abstractmethod
    def read(self, type_name: str, key: str) -> StitchedEntry | None:
        """The entry, or None where there is none that can be used."""


class MemoryPrecompileCache(PrecompileCache):
    """Entries as objects, for one process."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], StitchedEntry] = {}

    def write(self, stitched: StitchedEntry) -> None:
        self._entries[stitched.entry.TYPE, stitched.entry.key] = stitched

    def read(self, type_name: str, key: str) -> StitchedEntry | None:
        return self._entries.get((type_name, key))

    def __len__(self) -> int:
        return len(self._entries)
