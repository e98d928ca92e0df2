"""What an operation covered, by type."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter

from precompile.v1 import cache_info_pb2


@dataclass(frozen=True, repr=False)
class CacheInfo:
    """Keys by type, types and keys in the order in which they were first recorded."""

    artifacts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(keys)} {name}" for name, keys in self.artifacts.items())
        return f"<CacheInfo: {counts or 'nothing'}>"

    @classmethod
    def of(cls, names: Iterable[tuple[str, str]]) -> "CacheInfo":
        """From (type, key) pairs."""
        artifacts: dict[str, list[str]] = {}
        for type_name, group in groupby(names, itemgetter(0)):
            artifacts.setdefault(type_name, []).extend(map(itemgetter(1), group))
        return cls({type_name: tuple(keys) for type_name, keys in artifacts.items()})

    def keys_of(self, type_name: str) -> tuple[str, ...]:
        """The keys of one type; none where the type does not occur."""
        return self.artifacts.get(type_name, ())

    def __len__(self) -> int:
        return sum(map(len, self.artifacts.values()))

    def to_bytes(self) -> bytes:
        """A serialized `precompile.v1.CacheInfo`."""
        message = cache_info_pb2.CacheInfo()
        for type_name, keys in self.artifacts.items():
            message.types.add(type=type_name, keys=keys)
        return message.SerializeToString(deterministic=True)
