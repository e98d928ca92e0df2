"""Applying a context's artifacts: they go where torch's caches look for them."""

from precompile_context.adapters.pytorch import private
from precompile_context.adapters.pytorch.artifacts import KNOWN, artifact_class
from precompile_context.adapters.pytorch.serving import shortcuts
from precompile_context.artifact import CacheArtifact, Registry, name_fault
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
