"""inductor's settings, as a graph was compiled under them: it is loaded under the same.

The compiler's command line follows from them, and a library's name from that line. Under others
torch finds no library, and builds one that may compute other bits.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from precompile_context.session.patches import Patches

# How lines of inductor's key of a graph begin, behind a digest, that tell a setting.
_SETTING = "inductor_config["


def watch(patches: Patches) -> None:
    """Have no graph kept of which torch would load a part under other settings."""
    from torch._functorch._aot_autograd.autograd_cache import AOTAutogradCache

    patches.wrap(AOTAutogradCache, "save", _save)


@contextlib.contextmanager
def in_force(options: dict[str, Any]) -> Iterator[None]:
    """As within a torch.compile that was given these options."""
    from torch._inductor import compile_fx, config

    with contextlib.ExitStack() as patches:
        patches.enter_context(config.patch(options))
        if config.cpp_wrapper or config.fx_wrapper:
            patches.enter_context(config.patch(compile_fx.get_cpp_wrapper_config()))
        yield


def are_two(entry: Any) -> bool:
    """Whether the backward was compiled under other settings than the forward was.

    torch compiles it when it is first run, under what is in force then and in that thread, and
    loads it with the forward. An entry of AOTAutograd's cache is for the forward's settings.
    """
    backward = entry.compiled_bw
    return backward is not None and _settings(entry.compiled_fw) != _settings(backward)


def _save(original: Callable[..., None], key: str, entry: Any, remote: bool) -> None:
    if not are_two(entry):
        original(key, entry, remote)


def _settings(compiled: Any) -> set[str]:
    """Each with a digest of its value; none of a graph that inductor makes no key of."""
    graph = getattr(compiled, "result", None)  # of a bundled one
    if graph is None:
        _, lines = compiled.fx_graph_cache_info
    else:
        lines = getattr(graph, "_fx_graph_cache_debug_lines", None)
    return {line for line in lines or () if line.partition(" ")[2].startswith(_SETTING)}
