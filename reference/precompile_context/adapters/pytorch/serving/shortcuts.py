"""Work that torch repeats on a warm start although its outcome is known.

Left out are: probing for an instruction set where an equal host has found it; preparing
headers for a library that is there already; and building one that a bundle holds,
be it under another name.
"""

import os
import threading
from collections.abc import Callable
from typing import Any

from precompile_context.adapters.pytorch import answers, relocation, untraced
from precompile_context.adapters.pytorch.precompile import compile_settings, graph_keys
from precompile_context.adapters.pytorch.serving import handing as serving
from precompile_context.adapters.pytorch.serving import kept_graphs
from precompile_context.session.patches import Patches

_SOURCE_SUFFIX = ".main.cpp"

_installed = False
_lock = threading.Lock()


def install() -> None:
    """Put the shortcuts in, once in a process; they stay."""
    global _installed
    from torch._inductor import codecache

    with _lock:
        if _installed:
            return
        _installed = True
    headers = _Headers()
    patches = Patches()
    answers.install(patches)
    serving.install(patches)
    graph_keys.install(patches)
    kept_graphs.install(patches)
    compile_settings.watch(patches)
    untraced.install(patches)
    patches.wrap(codecache, "write", headers.write)
    patches.wrap(codecache, "_precompile_header", headers.precompile)


class _Headers:
    """Skips preparing a header where the library that it would be for is there.

    torch prepares headers before it looks whether there is anything to build: a run
    of the compiler in each process, and a slow one where the header was never
    prepared on the host. Should the library vanish in between, it is built with the
    header as it is.
    """

    def __init__(self) -> None:
        self._thread = threading.local()

    def write(
        self,
        original: Callable[..., tuple[str, str]],
        content: str | bytes,
        extension: str,
        extra: str = "",
        *args: Any,
        **kwargs: Any,
    ) -> tuple[str, str]:
        """Remember the source whose library this thread is about to look for."""
        key, path = original(content, extension, extra, *args, **kwargs)
        serving.wanted(path)
        if path.endswith(_SOURCE_SUFFIX):
            library = self._thread.library = path.removesuffix(".cpp") + ".so"
            relocation.looked_for(library, content, extra)
        return key, path

    def precompile(self, original: Callable[..., str], *args: Any, **kwargs: Any) -> str | None:
        """None, which means no prepared header, where the library is there."""
        library = getattr(self._thread, "library", None)
        if library is not None and os.path.exists(library):
            return None
        return original(*args, **kwargs)
