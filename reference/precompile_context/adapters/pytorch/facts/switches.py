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
    if not torch._functorch.config.enable_autograd_cache:
        return "torch._functorch.config.enable_autograd_cache is off"
    return None
