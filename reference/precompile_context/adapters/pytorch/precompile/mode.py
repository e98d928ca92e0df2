"""The automatic mode: each compile of torch.compile is served from what was saved, and saved."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from precompile_context.adapters.pytorch.applying import replay
from precompile_context.adapters.pytorch.precompile import graphs
from precompile_context.adapters.pytorch.precompile.frames import Frames
from precompile_context.adapters.pytorch.precompile.graphs import Graphs
from precompile_context.adapters.pytorch.precompile.report import PrecompileReport
from precompile_context.adapters.pytorch.precompile.store import FrameCache, Store
from precompile_context.adapters.pytorch.recording import capture
from precompile_context.context.context import PrecompileContext

# The bundle's name in a directory.
_FILE_NAME = "torch.precompile"

_reseeds = False


class Precompile:
    """The mode in one process, from `start` to `stop`.

    Attributes:
        cache: where a context's entries are to be stitched to, to be served.
        report: what was done.
    """

    def __init__(
        self, context: PrecompileContext, on_recorded: Callable[[], None] = lambda: None
    ) -> None:
        """New entries and backends go to `context`; `on_recorded` is called after each."""
        self.report = PrecompileReport()
        self._store = Store(context, self.report, on_recorded)
        self._frames = Frames(self._store, self.report)
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
        from precompile_context.adapters.pytorch import private

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
            self.report.is_cold(unfinished.name, unfinished.reason)

    def _fault(self, error: Exception) -> None:
        self.report.is_cold("a graph", f"{type(error).__name__}: {error}")


@contextlib.contextmanager
def precompiling(context: PrecompileContext) -> Iterator[PrecompileReport]:
    """The automatic mode over a context of one's own, which the caller serializes and loads.

    What the context holds is applied, entries are served, and what is new is recorded
    into it within the block.

    Raises:
        MisuseError: the context knows no facts of torch; what it saves would match any host.
        UnsupportedTorchError: torch lacks something that this needs.
    """
    with capture(context):
        mode = Precompile(context)
        replay(context, mode.cache)
        mode.start()
        try:
            yield mode.report
        finally:
            mode.stop()


def bundle_path(path: str | os.PathLike[str]) -> Path:
    """The bundle file that a path means, absolute: itself, or one in a directory, which is made."""
    text = os.fspath(path)
    if os.path.isdir(text) or text.endswith(os.sep):
        os.makedirs(text, exist_ok=True)
        text = os.path.join(text, _FILE_NAME)
    return Path(text).absolute()


def _begin_names() -> None:
    global _reseeds
    graphs.begin_names_at_random()
    if not _reseeds:
        _reseeds = True
        os.register_at_fork(after_in_child=graphs.begin_names_at_random)
