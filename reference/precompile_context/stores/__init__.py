"""Where bundles live beyond a file: immutable pieces in object stores, registries, build caches.

Each name is imported when it is first asked for: a run whose bundle is a file needs none.
"""

from typing import TYPE_CHECKING

from precompile_context.on_demand import on_demand

if TYPE_CHECKING:
    from precompile_context.stores.attaching import Attached, attached
    from precompile_context.stores.compaction import Compacted, compact
    from precompile_context.stores.level import Level
    from precompile_context.stores.names import StoreName, is_store_name
    from precompile_context.stores.opening import open_store
    from precompile_context.stores.pruning import PrunedStore, prune_store
    from precompile_context.stores.pushing import Pushed, lacking, push
    from precompile_context.stores.ranges import Traffic
    from precompile_context.stores.reading import LeftOut, Reading, read_store
    from precompile_context.stores.replacing import Grace
    from precompile_context.stores.store import (
        DeadlineError,
        DeniedError,
        MissingExtraError,
        MissingPieceError,
        Piece,
        Store,
        StoreError,
    )
    from precompile_context.stores.waiting import Patience

_HOMES = {
    "Attached": "attaching",
    "Compacted": "compaction",
    "DeadlineError": "store",
    "DeniedError": "store",
    "Grace": "replacing",
    "LeftOut": "reading",
    "Level": "level",
    "MissingExtraError": "store",
    "MissingPieceError": "store",
    "Patience": "waiting",
    "Piece": "store",
    "PrunedStore": "pruning",
    "Pushed": "pushing",
    "Reading": "reading",
    "Store": "store",
    "StoreError": "store",
    "StoreName": "names",
    "Traffic": "ranges",
    "attached": "attaching",
    "compact": "compaction",
    "is_store_name": "names",
    "lacking": "pushing",
    "open_store": "opening",
    "prune_store": "pruning",
    "push": "pushing",
    "read_store": "reading",
}

__all__ = [
    "Attached",
    "Compacted",
    "DeadlineError",
    "DeniedError",
    "Grace",
    "LeftOut",
    "Level",
    "MissingExtraError",
    "MissingPieceError",
    "Patience",
    "Piece",
    "PrunedStore",
    "Pushed",
    "Reading",
    "Store",
    "StoreError",
    "StoreName",
    "Traffic",
    "attached",
    "compact",
    "is_store_name",
    "lacking",
    "open_store",
    "prune_store",
    "push",
    "read_store",
]

__getattr__, __dir__ = on_demand(globals(), _HOMES)
