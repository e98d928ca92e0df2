"""The switches of torch by which a user rules caches out: none of ours is used then, either."""

from collections.abc import Mapping
from typing import Any

_FORCED = "force_disable_caches"
_GRAPHS = "fx_graph_cache"


def ruled_out(options: Mapping[str, Any] | None = None) -> str | None:
    """Which switch says that nothing is to be cached, now; None where none does.

    `options` are those of one torch.compile, which count within its compile.
    """
    import torch._functorch.config
    import torch._inductor.config
    import torch.compiler.config

    options = options or {}
    if torch.compiler.config.force_disable_caches or options.get(_FORCED):
        return f"torch.compiler.config.{_FORCED} is on"
    if not options.get(_GRAPHS, torch._inductor.config.fx_graph_cache):
        return f"torch._inductor.config.{_GRAPHS} is off"
    functorch: Any = torch._functorch.config
    if not functorch.enable_autograd_cache:
        return "torch._functorch.config.enable_autograd_cache is off"
    # Ranks that compile wait for all others in the partitioner: one that is served would never
    # come. torch 2.15 has a switch of its own that makes hits unanimous.
    if functorch._sync_decision_cross_ranks and not _hits_are_unanimous() and _are_many():
        return "torch._functorch.config._sync_decision_cross_ranks is on: ranks compile together"
    return None


def compiles_in_step() -> bool:
    """Whether each rank that compiles waits for all others to do so."""
    import torch._functorch.config

    functorch: Any = torch._functorch.config
    waits = functorch._sync_decision_cross_ranks or _hits_are_unanimous()
    return bool(waits) and _are_many()


def _hits_are_unanimous() -> bool:
    import torch._functorch.config

    return bool(getattr(torch._functorch.config, "_sync_cache_decision_cross_ranks", False))


def _are_many() -> bool:
    import torch.distributed as ranks

    return ranks.is_available() and ranks.is_initialized() and ranks.get_world_size() > 1
