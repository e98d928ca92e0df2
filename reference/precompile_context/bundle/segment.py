"""One segment of an open bundle."""

from dataclasses import dataclass

from precompile_context.bundle.manifest import Manifest
from precompile_context.bundle.validate import BlockPlace


@dataclass(frozen=True, slots=True)
class Segment:
    """Where a segment lies, its manifest, and where the manifest's blocks lie.

    Offsets are bytes from the bundle's start; `blocks[i]` is the place of
    `manifest.blocks[i]`, in an earlier segment where that entry is external.
    """

    index: int
    offset: int
    size: int
    manifest_offset: int
    payload_digest: bytes
    manifest: Manifest
    blocks: tuple[BlockPlace, ...]

    @property
    def begins_chain(self) -> bool:
        """Whether the segments before belong to another bundle, concatenated in."""
        return not self.manifest.previous_manifest_digest
