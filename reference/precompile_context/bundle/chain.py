"""The chain that a new segment continues: its last digest, and where its content lies."""

from collections.abc import Sequence
from typing import NamedTuple

from precompile_context.bundle.manifest import Manifest
from precompile_context.bundle.reader import Bundle
from precompile_context.bundle.rows import Rows
from precompile_context.bundle.segment import Segment
from precompile_context.bundle.stored import BlockEntry
from precompile_context.errors import PrecompileError

# What an external entry finds its block by: digest, compression, content_size.
BlockIdentity = tuple[bytes, int, int]


class Place(NamedTuple):
    """Where a content lies: from `offset` on in the first of consecutive blocks."""

    blocks: tuple[BlockEntry, ...]
    offset: int


class _Part(NamedTuple):
    """A segment of the chain; with the bundle that it was loaded with, where it was.

    `number` counts the segments of the chain.
    """

    number: int
    manifest: Manifest
    bundle: Bundle | None

    def __len__(self) -> int:
        return len(self.manifest.artifacts)


class Chain:
    """What a writer must know of the segments before its own.

    Attributes:
        previous_digest: of the last segment's payload.
        size: bytes of the bundle before the next segment, all chains.
        content: sum of the sizes of all contents in it.
    """

    def __init__(self) -> None:
        self.previous_digest = b""
        self.size = 0
        self.content = 0
        self._parts: list[_Part] = []  # those that the tables below do not know yet
        self._rows: Rows[_Part] = Rows()
        self._by_digest: dict[bytes, int] = {}
        self._sound: set[int] = set()  # rows that came with a bundle and were read since
        self._segments = 0
        # Number and index of the block that an external entry would stand for.
        self._last: dict[BlockIdentity, tuple[int, int]] = {}

    @classmethod
    def of(cls, bundle: Bundle, before: int | None = None) -> "Chain":
        """The last chain of a bundle, or of its segments before the byte `before`."""
        chain = cls()
        chain.follow(bundle, [s for s in bundle.segments if before is None or s.offset < before])
        return chain

    def follow(self, bundle: Bundle, segments: Sequence[Segment]) -> None:
        """Go on with segments of `bundle`, which holds all that came before in this chain, too."""
        for segment in segments:
            if segment.begins_chain:
                self._parts, self._rows = [], Rows()
                self._by_digest, self._sound = {}, set()
                self._segments, self._last = 0, {}
            self._extend(segment.payload_digest, segment.size, segment.manifest, bundle)

    def extend(self, payload_digest: bytes, size: int, manifest: Manifest) -> None:
        """Take in a segment of `size` bytes that was written with this manifest."""
        self._extend(payload_digest, size, manifest, None)

    def _extend(
        self, payload_digest: bytes, size: int, manifest: Manifest, bundle: Bundle | None
    ) -> None:
        self.previous_digest = payload_digest
        self.size += size
        self.content += manifest.artifacts.content
        self._parts.append(_Part(self._segments, manifest, bundle))
        self._segments += 1

    def copy(self) -> "Chain":
        """The same chain, to be extended by a segment that may come to nothing."""
        chain = Chain()
        chain.previous_digest, chain.size, chain.content = (
            self.previous_digest,
            self.size,
            self.content,
        )
        chain._parts = list(self._parts)
        chain._rows = self._rows.copy()
        chain._by_digest = dict(self._by_digest)
        chain._sound = set(self._sound)
        chain._segments, chain._last = self._segments, dict(self._last)
        return chain

    def find(self, digest: bytes) -> Place | None:
        """Where content with this digest lies, or None.

        A content that came with a loaded bundle is read and checked first: a
        manifest may claim any digest, and a new artifact must not be made to
        point at other bytes.
        """
        for part in self._parts:
            numbers = self._rows.add(part)
            self._by_digest.update(zip(part.manifest.artifacts.digests(), numbers, strict=True))
            for index, entry in enumerate(part.manifest.blocks):
                if entry.size:
                    self._last[_identity(entry)] = part.number, index
        self._parts.clear()
        number = self._by_digest.get(digest)
        if number is None:
            return None
        part, row = self._rows.find(number)
        place = _place(part.manifest, row)
        if not self._stands_for(part, part.manifest.artifacts.block[row], place.blocks):
            return None
        # [PCB-BLOCK-007]
        if part.bundle is not None and number not in self._sound:
            if not _is_sound(part.bundle, part.manifest, row):
                del self._by_digest[digest]
                return None
            self._sound.add(number)
        return place

    def _stands_for(self, part: _Part, first: int, blocks: tuple[BlockEntry, ...]) -> bool:
        """Whether external entries would stand for these very blocks of a segment, from `first` on.

        Of equal blocks the last one counts, which nobody may have read.
        """
        for entry in blocks:
            number, index = self._last[_identity(entry)]
            own = number == part.number and first <= index < first + len(blocks)
            if not (own if entry.size else number < part.number):
                return False
        return True


def _identity(entry: BlockEntry) -> BlockIdentity:
    return entry.digest, entry.compression, entry.content_size


def _place(manifest: Manifest, row: int) -> Place:
    table = manifest.artifacts
    first, offset = table.block[row], table.offset[row]
    end, left = first, offset + table.content_size[row]
    while left > 0:
        left -= manifest.blocks[end].content_size
        end += 1
    return Place(manifest.blocks[first:end], offset)


def _is_sound(bundle: Bundle, manifest: Manifest, row: int) -> bool:
    try:
        for _ in bundle.stream(manifest.artifacts.artifact(row)):
            pass
    except PrecompileError:
        return False
    return True
