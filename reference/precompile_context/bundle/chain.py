"""The chain that a new segment continues: its last digest, and where its content lies."""

from collections.abc import Mapping, Sequence

from precompile_context.bundle.manifest import BlockEntry, Extent, StoredArtifact
from precompile_context.bundle.reader import Bundle
from precompile_context.bundle.segment import Segment
from precompile_context.errors import PrecompileError

# A content's ranges: (own block entry, offset in the block's content, size).
Ranges = tuple[tuple[BlockEntry, int, int], ...]
# The same within a segment.
Places = tuple[Extent, ...]
Blocks = tuple[BlockEntry, ...]


class Chain:
    """What a writer must know of the segments before its own."""

    def __init__(self) -> None:
        self.previous_digest = b""
        # By content digest: its extents, and the blocks that they count.
        self._places: dict[bytes, tuple[Blocks, Places]] = {}
        self._own: dict[tuple[bytes, int, int], BlockEntry] = {}
        # What came with a bundle and was not read yet.
        self._bundle: Bundle | None = None
        self._unverified: dict[bytes, StoredArtifact] = {}

    @classmethod
    def of(cls, bundle: Bundle, before: int | None = None) -> "Chain":
        """The last chain of a bundle, or of its segments before the byte `before`."""
        chain = cls()
        segments = [s for s in bundle.segments if before is None or s.offset < before]
        first = max(s.index for s in segments if s.begins_chain)
        chain.follow(bundle, segments[first:])
        return chain

    def follow(self, bundle: Bundle, segments: Sequence[Segment]) -> None:
        """Go on with segments of `bundle`, which holds all that came before in this chain, too."""
        self._bundle = bundle
        for segment in segments:
            manifest = segment.manifest
            if segment.begins_chain:
                self._places, self._own, self._unverified = {}, {}, {}
            stored = {artifact.content_digest: artifact for artifact in manifest.artifacts}
            places = {digest: artifact.extents for digest, artifact in stored.items()}
            self.extend(segment.payload_digest, manifest.blocks, places)
            self._unverified |= stored

    def copy(self) -> "Chain":
        """The same chain, to be extended by a segment that may come to nothing."""
        chain = Chain()
        chain.previous_digest = self.previous_digest
        chain._places = dict(self._places)
        chain._own = dict(self._own)
        chain._bundle = self._bundle
        chain._unverified = dict(self._unverified)
        return chain

    def extend(self, payload_digest: bytes, blocks: Blocks, places: Mapping[bytes, Places]) -> None:
        """Take a segment that was appended into the chain; `places` are by content digest."""
        self.previous_digest = payload_digest
        for entry in blocks:
            if entry.size:
                self._own[entry.digest, entry.compression, entry.content_size] = entry
        self._places |= {digest: (blocks, place) for digest, place in places.items()}

    def find(self, digest: bytes) -> Ranges | None:
        """Where content with this digest lies, or None.

        A content that came with a loaded bundle is read and checked first: a
        manifest may claim any digest, and a new artifact must not be made to
        point at other bytes.
        """
        place = self._places.get(digest)
        if place is None:
            return None
        # [PCB-BLOCK-007]
        artifact = self._unverified.pop(digest, None)
        if artifact is not None and not self._is_sound(artifact):
            del self._places[digest]
            return None
        blocks, extents = place
        return tuple((self._own_entry(blocks[index]), at, size) for index, at, size in extents)

    def _own_entry(self, entry: BlockEntry) -> BlockEntry:
        """The entry under which an external one's block was stored."""
        return self._own[entry.digest, entry.compression, entry.content_size]

    def _is_sound(self, artifact: StoredArtifact) -> bool:
        assert self._bundle is not None  # it is what the artifact came with
        try:
            for _ in self._bundle.stream(artifact):
                pass
        except PrecompileError:
            return False
        return True
