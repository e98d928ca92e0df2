"""An artifact as a context holds it: content in memory, or still in the bundle it came with."""

import dataclasses
import hashlib
from dataclasses import dataclass

from precompile_context.artifact import ArtifactId, ArtifactKind
from precompile_context.bundle import Bundle, NewArtifact, StoredArtifact
from precompile_context.bundle.manifest import FieldValue, Identity, identity

ArtifactName = tuple[str, str]


def digest_of(content: bytes) -> bytes:
    """SHA-256, the identity of content."""
    return hashlib.sha256(content).digest()


@dataclass(frozen=True, slots=True)
class Held:
    """One current artifact.

    A backend is named by the digest that it had when this entry was last saved;
    before that, by an empty digest, which stands for the backend current then.
    """

    type: str
    key: str
    kind: ArtifactKind | int
    digest: bytes
    content: bytes | tuple[Bundle, StoredArtifact]
    backends: tuple[ArtifactId, ...] = ()
    fields: tuple[tuple[str, FieldValue], ...] = ()

    @classmethod
    def loaded(cls, bundle: Bundle, stored: StoredArtifact) -> "Held":
        """An artifact of a loaded bundle; its content is read when it is asked for."""
        return cls(
            stored.type,
            stored.key,
            # [PCB-CTX-016] [PCB-EXT-008]
            stored.kind,
            stored.content_digest,
            (bundle, stored),
            stored.backends,
            stored.fields,
        )

    @property
    def is_loaded(self) -> bool:
        """Whether the artifact came with a bundle."""
        return isinstance(self.content, tuple)

    @property
    def name(self) -> ArtifactName:
        """(type, key)."""
        return self.type, self.key

    @property
    def id(self) -> ArtifactId:
        """Its name with its digest."""
        return ArtifactId(self.type, self.key, self.digest)

    @property
    def size(self) -> int:
        """Bytes of its content."""
        if isinstance(self.content, bytes):
            return len(self.content)
        return self.content[1].content_size

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
        # [PCB-CTX-030] [PCB-POP-009]
        bundle, stored = self.content
        return bundle.read(stored)

    def bound(self, backends: tuple[ArtifactId, ...]) -> "Held":
        """The same artifact, naming its backends by these digests."""
        return dataclasses.replace(self, backends=backends)

    def to_write(self) -> NewArtifact:
        """As a segment writer takes it."""
        return NewArtifact(
            self.type, self.key, self.kind, self.digest, self.read(), self.backends, self.fields
        )
