"""What the file holds that a context saved to last, so that the next save costs what is new."""

from collections.abc import Sequence

from precompile_context.bundle import Bundle, Chain, Limits, Segment, StoredArtifact
from precompile_context.environment import Environment, Requirement
from precompile_context.held import ArtifactName, Held


class Destination:
    """Follows one bundle as it grows; of any other it knows nothing, and begins anew.

    Attributes:
        there: what the bundle holds for this environment, and of what this context
            would write.
        size: bytes of the bundle after the last save.
        chain: what the next segment continues.
        unsettled: the names of which `there` may differ from what the context holds, those
            aside that changed in the context since the last save; None stands for all.
    """

    def __init__(self) -> None:
        self.there: dict[ArtifactName, StoredArtifact] = {}
        self.size = 0
        self.chain = Chain()
        self.unsettled: set[ArtifactName] | None = None
        self._segments: tuple[Segment, ...] = ()
        self._written: list[bytes] = []  # digests of what we appended behind those
        self._content = self._items = self._chains = 0

    @property
    def is_settled(self) -> bool:
        """Whether `there` holds all that the context held, and the last digest stands for it all.

        A digest stands for its own chain, and for none that was concatenated before.
        """
        return self.unsettled is not None and not self.unsettled and self._chains <= 1

    def continues_in(self, bundle: Bundle | None) -> bool:
        """Whether `bundle` is the one that was followed, grown by at least what was written to it.

        A segment that was not decoded again is the same object.
        """
        if bundle is None or not self._segments:
            return False
        known, written = len(self._segments), len(self._written)
        behind = bundle.segments[known : known + written]
        return (
            known <= len(bundle.segments)
            and bundle.segments[known - 1] is self._segments[-1]
            and [segment.payload_digest for segment in behind] == self._written
        )

    def follow(
        self, bundle: Bundle, environment: Environment, requirements: Sequence[Requirement]
    ) -> None:
        """Take in the segments that are new in a bundle which continues this one."""
        new = bundle.segments[len(self._segments) :]
        for segment in new:
            manifest = segment.manifest
            self._chains += segment.begins_chain
            self._content += sum(artifact.content_size for artifact in manifest.artifacts)
            self._items += sum(map(Limits.items_of, manifest.artifacts))
            if manifest.requirements == requirements or not environment.mismatches(
                manifest.requirements
            ):
                names = [(removed.type, removed.key) for removed in manifest.removed]
                for name in names:
                    self.there.pop(name, None)
                stored = {(a.type, a.key): a for a in manifest.artifacts}
                self.there |= stored
                if self.unsettled is not None:
                    self.unsettled.update(names, stored)
        self.chain.follow(bundle, new)
        self._segments, self._written = bundle.segments, []

    def check_room(self, new: list[Held], limits: Limits) -> None:
        """Raise LIMIT_EXCEEDED where a reader with these limits would not take the result."""
        content = sum(held.size for held in new)
        items = sum(map(Limits.items_of, new))
        limits.check((), content=self._content + content, items=self._items + items)

    def wrote(self, digest: bytes) -> None:
        """A segment with this payload digest is to be committed behind what is there."""
        self._written.append(digest)
