"""What the file holds that a context saved to last, so that the next save costs what is new."""

from collections.abc import Sequence

from precompile_context.bundle import (
    ArtifactName,
    Batch,
    Bundle,
    Chain,
    CurrentRows,
    Limits,
    Segment,
    StoredArtifact,
)
from precompile_context.bundle.rows import Rows
from precompile_context.bundle.table import ArtifactTable
from precompile_context.environment import Environment, Requirement


class Destination:
    """Follows one bundle as it grows; of any other it knows nothing, and begins anew.

    Attributes:
        size: bytes of the bundle after the last save.
        chain: what the next segment continues.
        unsettled: the names of which the bundle may hold something else than the context, those
            aside that changed in the context since the last save; None stands for all.
    """

    def __init__(self) -> None:
        self.size = 0
        self.chain = Chain()
        self.unsettled: set[ArtifactName] | None = None
        self._there = CurrentRows()
        self._tables: Rows[ArtifactTable] = Rows()
        self._segments: tuple[Segment, ...] = ()
        self._written: list[bytes] = []  # digests of what we appended behind those
        self._content = self._items = self._chains = 0

    @property
    def is_settled(self) -> bool:
        """Whether the bundle holds all that the context held, and its last digest stands for it.

        A digest stands for its own chain, and for none that was concatenated before.
        """
        return self.unsettled is not None and not self.unsettled and self._chains <= 1

    def get(self, name: ArtifactName) -> StoredArtifact | None:
        """What the bundle holds under this name, for this environment or of what we would write."""
        row = self._there.get(name)
        if row is None:
            return None
        table, index = self._tables.find(row)
        return table.artifact(index)

    def __contains__(self, name: ArtifactName) -> bool:
        return name in self._there

    def continues_in(self, bundle: Bundle | None) -> bool:
        """Whether `bundle` is the one that was followed, grown by at least what was written to it.

        A segment that was not decoded again is the same object.
        """
        known, written = len(self._segments), len(self._written)
        if bundle is None or not known + written:
            return False
        behind = bundle.segments[known : known + written]
        return (
            known <= len(bundle.segments)
            and (not known or bundle.segments[known - 1] is self._segments[-1])
            and [segment.payload_digest for segment in behind] == self._written
        )

    def follow(
        self, bundle: Bundle, environment: Environment, requirements: Sequence[Requirement]
    ) -> None:
        """Take in the segments that are new in a bundle which continues this one."""
        first = len(self._segments)
        for segment in bundle.segments[first:]:
            table, required = segment.manifest.artifacts, segment.manifest.requirements
            self._chains += segment.begins_chain
            self._content += table.content
            self._items += segment.manifest.items
            counts = required == requirements or not environment.mismatches(required)
            self._there.follow(segment, self._tables.add(table), matches=counts)
            # What we wrote ourselves is as we have it, or was unsettled then.
            if self.unsettled is not None and segment.index >= first + len(self._written):
                self.unsettled.update((r.type, r.key) for r in segment.manifest.removed)
                self.unsettled.update(table.names())
        self.chain.follow(bundle, bundle.segments[first + len(self._written) :])
        self._segments, self._written = bundle.segments, []

    def check_room(self, new: Batch, limits: Limits) -> None:
        """Raise LIMIT_EXCEEDED where a reader with these limits would not take the result."""
        limits.check_room(self._content + new.content, self._items + new.items)

    def wrote(self, digest: bytes) -> None:
        """A segment with this payload digest is to be committed behind what is there."""
        self._written.append(digest)
