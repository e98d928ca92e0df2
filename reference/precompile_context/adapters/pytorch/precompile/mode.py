"""The automatic mode: each compile of torch.compile is served from what was saved, and saved."""

import os
from collections.abc import Callable
from typing import Any

from precompile_context.adapters.pytorch import private
from precompile_context.adapters.pytorch.precompile import graphs
from precompile_context.adapters.pytorch.precompile.frames import Frames
from precompile_context.adapters.pytorch.precompile.graphs import Graphs
from precompile_context.adapters.pytorch.precompile.report import PrecompileReport
from precompile_context.adapters.pytorch.precompile.store import FrameCache, Store
from precompile_context.context.context import PrecompileContext

_reseeds = False


class Precompile:
    """The mode in one process, from `start` to `stop`.

    Attributes:
        cache: where a context's entries are to be stitched to, to be served.
        report: what was done.
    """

    def __init__(
        self,
        context: PrecompileContext,
        on_recorded: Callable[[], None] = lambda: None,
        on_served: Callable[[str], None] = lambda key: None,
    ) -> None:
        """New entries and backends go to `context`; `on_recorded` is called after each, `on_served`
        with the key of each entry that is served.
        """
        self.report = PrecompileReport()
        self._store = Store(context, self.report, on_recorded)
        self._frames = Frames(self._store, self.report, on_served)
        self._graphs = Graphs(self._store, self._fault)
        self._caching_precompile: Any = None

    @property
    def cache(self) -> FrameCache:
        return self._store.cache

    def start(self) -> None:
        """Begin to serve and to record.

        Raises:
            UnsupportedTorchError: torch lacks something; nothing was changed in it.
        """
        private.check_precompile()
        from torch._dynamo import config

        # torch's own mode drops guards, from this process too.
        self._caching_precompile = config.caching_precompile
        config.caching_precompile = False
        _begin_names()
        self._graphs.start()
        self._frames.start()

    def stop(self) -> None:
        """Serve and record no more; what was served stays."""
        from torch._dynamo import config

        self._frames.stop()
        self._graphs.stop()
        config.caching_precompile = self._caching_precompile
        for unfinished in self._store.unfinished:
            reason = unfinished.reason
            if reason is None:
                reason = self._graphs.unkept.why(self._store.missing(unfinished.version))
            self.report.is_cold(unfinished.name, reason)

    def _fault(self, error: Exception) -> None:
        self.report.is_cold("a graph", f"{type(error).__name__}: {error}")


def _begin_names() -> None:
    global _reseeds
    graphs.begin_names_at_random()
    if not _reseeds:
        _reseeds = True
        os.register_at_fork(after_in_child=graphs.begin_names_at_random)
