"""The limits of a reader: what it refuses although the format allows it."""

from collections.abc import Iterable, Sized
from dataclasses import dataclass
from typing import Protocol

from precompile_context.bundle.manifest import StoredArtifact
from precompile_context.errors import ErrorCode, PrecompileError


class _Listing(Protocol):
    """An artifact, stored or not yet."""

    @property
    def backends(self) -> Sized: ...

    @property
    def fields(self) -> Sized: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds, in bytes unless said otherwise; past one, LIMIT_EXCEEDED.

    The defaults are far above what compilers write and low enough that an input
    cannot exhaust a machine with them. Whoever needs more raises one by name:
    `Limits(manifest_bytes=2**30)`.
    """

    # [PCB-LIM-002] [PCB-LIM-005]
    # One manifest record. It is decoded whole: one that compilers write to about ten times its
    # size, one of the least elements that its bytes can describe to less than sixty times.
    manifest_bytes: int = 16 << 20
    # Signatures of one segment, each of which may be tried with each trusted key. No reader may
    # take fewer than 16.
    signatures: int = 64
    # Artifacts, block entries, extents, backends and the like, counted over all manifests.
    items: int = 4_000_000
    # Each segment costs a reader one read and a decoded manifest.
    segments: int = 65_536
    # One block's content, which is held in memory while an artifact of it is read.
    block_content: int = 64 << 20
    # One artifact's content where it is read into memory; streaming knows no such limit.
    artifact_content: int = 16 << 30
    # Sum of content_size over all artifacts of the bundle.
    total_content: int = 64 << 30
    # Bytes decompressed over the life of an open bundle, repeats included; no artifact is larger.
    total_decompressed: int = 256 << 30

    @staticmethod
    def items_of(artifact: _Listing) -> int:
        """How many things a manifest lists for this artifact, if its content lies in one block."""
        return 3 + len(artifact.backends) + len(artifact.fields)

    def check(
        self, artifacts: Iterable[StoredArtifact], *, content: int = 0, items: int = 0
    ) -> None:
        """Raise LIMIT_EXCEEDED where a bundle of these artifacts would go past the limits.

        `content` and `items` are bytes, and things listed, that come on top.
        """
        for artifact in artifacts:
            content += artifact.content_size
            items += self.items_of(artifact)
        # [PCB-LIM-007]
        if content > self.total_content or items > self.items:
            detail = "the bundle would hold more than readers take; begin another one"
            raise PrecompileError(ErrorCode.LIMIT_EXCEEDED, detail)


DEFAULT_LIMITS = Limits()
