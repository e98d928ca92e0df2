"""An artifact as a context holds it: content in memory, or still in the bundle it came with."""

import dataclasses
import hashlib
from dataclasses import dataclass

from precompile_context.artifact import ArtifactId, ArtifactKind
from precompile_context.bundle import Bundle, StoredArtifact
from precompile_context.bundle.manifest import FieldValue, Identity, identity

ArtifactName = tuple[str, str]


def digest_of(content: bytes) -> bytes:
    """SHA-256, the identity of content."""
    return hashlib.sha256(content).digest()


@dataclass(slots=True, eq=False)  # not frozen: a frozen one takes thrice the time to make
class Held:
    """One current artifact. Nothing of it changes once it is made.

    A backend is named by the digest that it had when this entry was last saved;
    before that, by an empty digest, which stands for the backend current then.
    """

    type: str
    key: str
    kind: ArtifactKind | int
    content: bytes | StoredArtifact
    size: int
    backends: tuple[ArtifactId, ...] = ()
    fields: tuple[tuple[str, FieldValue], ...] = ()
    _digest: bytes | None = None
    bundle: Bundle | None = None  # that of a stored content

    @classmethod
    def loaded(cls, bundle: Bundle, stored: StoredArtifact) -> "Held":
        """An artifact of a loaded bundle; its content is read when it is asked for."""
        return cls(
            stored.type,
            stored.key,
            # [PCB-CTX-016] [PCB-EXT-008]
            stored.kind,
            stored,
            stored.content_size,
            stored.backends,
            stored.fields,
            stored.content_digest,
            bundle,
        )

    @property
    def digest(self) -> bytes:
        """SHA-256 of the content, computed when first asked for: a save does it side by side."""
        if self._digest is None:
            assert isinstance(self.content, bytes)  # what is loaded came with its digest
            self._digest = digest_of(self.content)
        return self._digest

    @property
    def is_loaded(self) -> bool:
        """Whether the artifact came with a bundle."""
        return self.bundle is not None

    @property
    def name(self) -> ArtifactName:
        """(type, key)."""
        return self.type, self.key

    @property
    def id(self) -> ArtifactId:
        """Its name with its digest."""
        return ArtifactId(self.type, self.key, self.digest)

    @property
    def identity(self) -> Identity:
        """What makes another artifact of this name the same one."""
        return identity(self.kind, self.digest, self.backends, self.fields)

    def read(self) -> bytes:
        """The content.

        Raises:
            PrecompileError: a CONTENT code, where the bundle it came with is damaged.
        """
        if isinstance(self.content, bytes):
            return self.content
        assert self.bundle is not None
        # [PCB-CTX-030] [PCB-POP-009]
        return self.bundle.read(self.content)

    def bound(self, backends: tuple[ArtifactId, ...]) -> "Held":
        """The same artifact, naming its backends by these digests."""
        return dataclasses.replace(self, backends=backends)
