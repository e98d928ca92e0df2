"""The chain that a new segment continues: its last digest, and where its content lies."""

from collections.abc import Callable

from precompile_context.bundle.manifest import BlockEntry, Manifest, StoredArtifact
from precompile_context.bundle.reader import Bundle
from precompile_context.errors import PrecompileError

# A content's ranges: (own block entry, offset in the block's content, size).
Ranges = tuple[tuple[BlockEntry, int, int], ...]


class Chain:
    """What a writer must know of the segments before its own."""

    def __init__(self) -> None:
        self.previous_digest = b""
        self._ranges: dict[bytes, Ranges] = {}
        self._unverified: dict[bytes, Callable[[], bool]] = {}
        self._own: dict[tuple[bytes, int, int], BlockEntry] = {}

    @classmethod
    def of(cls, bundle: Bundle, before: int | None = None) -> "Chain":
        """The last chain of a bundle, or of its segments before the byte `before`."""
        chain = cls()
        segments = [s for s in bundle.segments if before is None or s.offset < before]
        first = max(s.index for s in segments if s.begins_chain)
        for segment in segments[first:]:
            chain.extend(segment.manifest, segment.payload_digest)
            for artifact in segment.manifest.artifacts:
                chain._unverified[artifact.content_digest] = _verifier(bundle, artifact)
        return chain

    def copy(self) -> "Chain":
        """The same chain, to be extended by a segment that may come to nothing."""
        chain = Chain()
        chain.previous_digest = self.previous_digest
        chain._ranges = dict(self._ranges)
        chain._unverified = dict(self._unverified)
        chain._own = dict(self._own)
        return chain

    def extend(self, manifest: Manifest, payload_digest: bytes) -> None:
        """Take a segment that was appended into the chain."""
        self.previous_digest = payload_digest
        for entry in manifest.blocks:
            if entry.size:
                self._own[entry.digest, entry.compression, entry.content_size] = entry
        for artifact in manifest.artifacts:
            self._ranges[artifact.content_digest] = tuple(
                (self._own_entry(manifest.blocks[extent.block]), extent.offset, extent.size)
                for extent in artifact.extents
            )

    def _own_entry(self, entry: BlockEntry) -> BlockEntry:
        """The entry under which an external one's block was stored."""
        return self._own[entry.digest, entry.compression, entry.content_size]

    def find(self, digest: bytes) -> Ranges | None:
        """Where content with this digest lies, or None.

        A content that came with a loaded bundle is read and checked first: a
        manifest may claim any digest, and a new artifact must not be made to
        point at other bytes.
        """
        # [PCB-BLOCK-007]
        verify = self._unverified.pop(digest, None)
        if verify is not None and not verify():
            del self._ranges[digest]
        return self._ranges.get(digest)


def _verifier(bundle: Bundle, artifact: StoredArtifact) -> Callable[[], bool]:
    def verify() -> bool:
        try:
            for _ in bundle.stream(artifact):
                pass
        except PrecompileError:
            return False
        return True

    return verify
