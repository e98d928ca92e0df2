"""Applying a context's artifacts: they go where torch's caches look for them."""

from precompile_context.adapters.pytorch import places, private
from precompile_context.adapters.pytorch.artifacts import (
    KNOWN,
    InductorFile,
    TorchArtifact,
    artifact_class,
)
from precompile_context.adapters.pytorch.serving import shortcuts
from precompile_context.artifact import CacheArtifact, Registry, name_fault
from precompile_context.bundle import StoredArtifact
from precompile_context.context.cache import PrecompileCache
from precompile_context.context.context import PrecompileContext
from precompile_context.context.populate import PopulateReport


def replay(context: PrecompileContext, cache: PrecompileCache | None = None) -> PopulateReport:
    """Put each of the context's artifacts where torch looks; an outcome for each that was refused.

    Nothing is unpickled here. torch unpickles a graph when it looks it up.

    Raises:
        UnsupportedTorchError: torch lacks something that this needs.
        MisuseError: the context holds entries, and `cache` is None.
    """
    private.check()
    register_types(context.registry)
    shortcuts.install()
    return context.populate(cache)


def register_types(registry: Registry) -> list[type[CacheArtifact]]:
    """Make known the types that we know and those that are registered with torch so far."""
    from torch.compiler._cache import CacheArtifactFactory

    names = dict.fromkeys(cls.TYPE for cls in KNOWN)
    names |= dict.fromkeys(
        name for name in CacheArtifactFactory._artifact_types if not name_fault(name)
    )
    return [artifact_class(name, registry) for name in names]


def take_away(stored: StoredArtifact, content: bytes) -> None:
    """Remove the file that an artifact was put into, as long as it holds the same.

    Raises:
        UnsafePlaceError: the key would lead out of the cache directory.
        OSError: the file cannot be removed.
    """
    from torch._inductor.runtime.cache_dir_utils import cache_dir

    cls = next((known for known in KNOWN if stored.type == known.TYPE), None)
    torch_key = stored.attributes.get("torch_key")
    if cls is InductorFile:
        places.remove(cache_dir(), stored.key, content)
    elif cls and issubclass(cls, TorchArtifact) and isinstance(torch_key, str):
        artifact = cls(stored.key, content, torch_key)
        places.remove(cache_dir(), artifact.place(), content)
