"""Where a context saves to, and what a save and a load report."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

from precompile_context.artifact import ArtifactId
from precompile_context.bundle import Bundle, Written
from precompile_context.cache_info import CacheInfo
from precompile_context.html import shown, table
from precompile_context.trust import TrustPolicy


class Appending(Protocol):
    """A bundle opened for appending, locked until the block ends."""

    @property
    def bundle(self) -> Bundle | None:
        """What is there already; None where the file is new."""

    @property
    def size(self) -> int:
        """Bytes of the bundle, what was appended included."""

    def append(self, chunks: Iterable[bytes | memoryview]) -> None:
        """Write one segment, whose last chunk commits it, at the end of the block.

        An exception within the block undoes all appends. Only where storing the
        commits themselves fails, or the process dies there, some may stand, each whole.
        """


@runtime_checkable
class Remembering(Appending, Protocol):
    """An open bundle that takes what a segment holds from whoever wrote it.

    Then it need not be read where the next save begins.
    """

    def remember(self, segment: Written) -> None:
        """What the last append has written, once that is committed."""


@runtime_checkable
class BundleSink(Protocol):
    """Something that segments are appended to; `files.BundleFile` is one."""

    def appending(self, policy: TrustPolicy) -> AbstractContextManager[Appending]:
        """Lock, open what `policy` trusts, and at the end unlock."""


@runtime_checkable
class KnownSink(BundleSink, Protocol):
    """A sink that can tell whether it is as it was left, without being opened."""

    def is_as_left(self, size: int, payload_digest: bytes, *, policy: TrustPolicy) -> bool:
        """Whether it has this size in bytes and its last segment is this one, trusted.

        Asked by a save that has nothing new: False, which is never wrong, has it open the sink.
        """


@runtime_checkable
class BundleFileLike(Protocol):
    """Something that a bundle is read from; `files.BundleFile` is one."""

    def open(self, *, policy: TrustPolicy) -> Bundle:
        """The bundle that is there now, trusted by `policy`; a torn tail is left out."""


@dataclass(frozen=True, repr=False)
class LoadReport:
    """What a load brought: names of the bundle's current artifacts here, and what stayed opaque."""

    current: tuple[tuple[str, str], ...]
    segments: int
    opaque: int
    ignored: int

    def __repr__(self) -> str:
        return shown("LoadReport", self._shown())

    def _repr_html_(self) -> str:
        return table("LoadReport", self._shown())

    def _shown(self) -> list[tuple[str, object]]:
        return [
            ("current", len(self.current)),
            ("segments", self.segments),
            ("opaque", self.opaque),
            ("ignored", self.ignored),
        ]

    @cached_property
    def info(self) -> CacheInfo:
        """Those artifacts; made when it is asked for, so that a load does not wait for it."""
        return CacheInfo.of(self.current)


@dataclass(frozen=True, repr=False)
class SaveReport:
    """The names of all current artifacts, what was appended, and the sink's bytes afterwards."""

    current: tuple[tuple[str, str], ...]
    size: int
    _names: tuple[tuple[str, str], ...] = ()
    _digests: tuple[bytes | None, ...] = ()

    def __repr__(self) -> str:
        return shown("SaveReport", self._shown())

    def _repr_html_(self) -> str:
        return table("SaveReport", self._shown())

    def _shown(self) -> list[tuple[str, object]]:
        return [
            ("appended", len(self._names)),
            ("current", len(self.current)),
            ("bytes", self.size),
        ]

    @cached_property
    def appended(self) -> tuple[ArtifactId, ...]:
        """What was appended, in order."""
        parts = zip(self._names, self._digests, strict=True)
        return tuple(ArtifactId(*name, digest or b"") for name, digest in parts)

    @cached_property
    def info(self) -> CacheInfo:
        """All current artifacts; made when it is asked for, so that a save does not wait for it."""
        return CacheInfo.of(self.current)
