"""Classes of JAX's artifacts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from precompile_context.artifact import ArtifactKind, CacheArtifact, PrecompileCacheArtifact
from precompile_context.errors import MisuseError

if TYPE_CHECKING:
    from jax.export import Exported


@dataclass(frozen=True)
class Executable(CacheArtifact):
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

    def populate_cache(self) -> None:
        """There is no place to put one: JAX is answered when it compiles.

        Raises:
            MisuseError: always.
        """
        raise MisuseError("JAX asks for an executable when it compiles: `precompile run` serves it")


@dataclass(frozen=True)
class AutotunedFile(CacheArtifact):
    """A result of XLA's autotuning on a GPU; its key is the file's name."""

    TYPE: ClassVar[str] = "jax.autotuned_file"

    def populate_cache(self) -> None:
        """Its directory is below the one that the program gives JAX for its cache.

        Raises:
            MisuseError: always.
        """
        raise MisuseError("JAX's program says which directory it is for: `precompile run` asks it")


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
