"""From a name to a store."""

from precompile_context.stores.names import StoreName
from precompile_context.stores.store import Store


def open_store(name: str | StoreName) -> Store:
    """The store of this name; asks it for nothing.

    Raises:
        MisuseError: no store has such a name.
        MissingExtraError: a library is missing; the text says how to install it.
    """
    parsed = StoreName.parse(name) if isinstance(name, str) else name
    if parsed.scheme == "oci":
        from precompile_context.stores.registry.registry_store import RegistryStore

        return RegistryStore.open(parsed)
    if parsed.scheme == "reapi":
        from precompile_context.stores.reapi.reapi_store import BuildCacheStore

        return BuildCacheStore.open(parsed)
    from precompile_context.stores.object_store import ObjectStore

    return ObjectStore.open(parsed)
