"""Classes of JAX's artifacts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from precompile_context.artifact import ArtifactKind, PrecompileCacheArtifact
from precompile_context.session import ServedArtifact

if TYPE_CHECKING:
    from jax.export import Exported


@dataclass(frozen=True)
class Executable(ServedArtifact):
    """What XLA compiled of one program, as the runtime serializes it: not compressed by JAX.

    Attributes:
        program, options, devices: digests of what the key is made of, to tell why one is missed.
        seconds: that the compile took.
    """

    TYPE: ClassVar[str] = "jax.executable"

    program: str
    options: str
    devices: str
    seconds: float


@dataclass(frozen=True)
class AutotunedFile(ServedArtifact):
    """A result of XLA's autotuning on a GPU; its key is the file's name."""

    TYPE: ClassVar[str] = "jax.autotuned_file"


@dataclass(frozen=True)
class ExportedFunction(PrecompileCacheArtifact["Exported"]):
    """A function that `jax.export` made portable, under a key of the user's own.

    It is the program, not what was compiled of it: it fits every host whose jax reads it and
    whose platform is among those that it was exported for.
    """

    TYPE: ClassVar[str] = "jax.exported_function"
    KIND: ClassVar[ArtifactKind] = ArtifactKind.ENTRY

    @classmethod
    def of(cls, key: str, exported: Exported) -> ExportedFunction:
        """The artifact of what `jax.export.export(f)(*args)` gave."""
        return cls(key, bytes(exported.serialize()))

    def after_deserialization(self) -> Exported:
        """What `jax.export` reads the content as: `exported.call(*args)` runs it."""
        from jax import export

        return export.deserialize(bytearray(self.content))
