"""The versions of frames that are there, and what becomes of those that this process makes."""

import dataclasses
import functools
import os
import threading
from collections.abc import Callable

from precompile_context.adapters.pytorch.artifacts import fitting_key, key_of
from precompile_context.adapters.pytorch.precompile.digests import UnportableError
from precompile_context.adapters.pytorch.precompile.entry import (
    AOTAutogradBackend,
    DynamoEntry,
    Version,
)
from precompile_context.adapters.pytorch.precompile.installing import SavedVersion
from precompile_context.adapters.pytorch.precompile.parts import Parts
from precompile_context.adapters.pytorch.precompile.recorder import encoded
from precompile_context.adapters.pytorch.precompile.report import PrecompileReport
from precompile_context.context.cache import PrecompileCache, StitchedEntry
from precompile_context.context.context import PrecompileContext


class FrameCache(PrecompileCache):
    """Stitched entries by the frame that they are versions of; torch is served from here."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], StitchedEntry] = {}
        self._by_frame: dict[str, dict[str, StitchedEntry]] = {}

    def write(self, stitched: StitchedEntry) -> None:
        entry = stitched.entry
        self._entries[entry.TYPE, entry.key] = stitched
        if isinstance(entry, DynamoEntry):
            self._by_frame.setdefault(entry.frame, {})[entry.key] = stitched

    def read(self, type_name: str, key: str) -> StitchedEntry | None:
        return self._entries.get((type_name, key))

    def versions(self, frame: str) -> list[StitchedEntry]:
        """The entries of a frame, in the order in which they were written."""
        return list(self._by_frame.get(frame, {}).values())

    def __len__(self) -> int:
        return len(self._entries)


class Store:
    """A frame's saved versions, from a context's entries; new ones go into the context.

    Attributes:
        unfinished: versions whose graphs are not all compiled: their backward is, when it
            is first run.
    """

    def __init__(
        self,
        context: PrecompileContext,
        report: PrecompileReport,
        on_recorded: Callable[[], None],
    ) -> None:
        self.cache = FrameCache()
        self.unfinished: list[Unfinished] = []
        self._context = context
        self._report = report
        self._on_recorded = on_recorded
        self._read: dict[str, SavedVersion] = {}
        self._graphs: dict[str, str] = {}  # a graph's global name, and its backend's key
        self._lock = threading.RLock()
        self._pid = os.getpid()
        for cls in (DynamoEntry, AOTAutogradBackend):
            context.registry.add(cls)

    def versions(self, frame: str) -> list[tuple[str, Callable[[], SavedVersion]]]:
        """Each version of the frame by key, and how to read it."""
        return [
            (stitched.entry.key, functools.partial(self._saved, stitched))
            for stitched in self.cache.versions(frame)
        ]

    def _saved(self, stitched: StitchedEntry) -> SavedVersion:
        key = stitched.entry.key
        if key not in self._read:
            self._read[key] = SavedVersion(stitched.entry.after_deserialization(), stitched.values)
        return self._read[key]

    def compiled(
        self, graph: str, torch_key: str, content: bytes, parts: Callable[[], Parts]
    ) -> None:
        """The graph of this global name is compiled, backward too: its bundled result.

        `parts` tells what took part, where versions waited for the graph.
        """
        if os.getpid() != self._pid:
            return
        key = fitting_key(key_of(torch_key, content))
        with self._lock:
            type_name = AOTAutogradBackend.TYPE
            known = {(id_.type, id_.key) for id_ in self._context.current()}
            if (type_name, key) not in known:  # any content of a key will do: the first stays
                self._context.record_artifact(type_name, key, content)
            self._graphs[graph] = key
            ready = [u for u in self.unfinished if u.waits and self._is_finished(u.version)]
            for unfinished in ready:
                unfinished.waits = False
                try:
                    version = unfinished.version
                    version = dataclasses.replace(version, parts=(*version.parts, parts()))
                    self._record(unfinished.name, unfinished.frame, version, unfinished.seconds)
                    self.unfinished.remove(unfinished)
                except UnportableError as error:
                    unfinished.reason = str(error)
        if ready:
            self._on_recorded()

    def record(self, name: str, frame: str, version: Version, seconds: float = 0.0) -> None:
        """A version of a frame was made, in so many seconds.

        Raises:
            UnportableError: it cannot be pickled, or no process is served the like of it.
        """
        if os.getpid() != self._pid:
            return
        with self._lock:
            if not self._is_finished(version):
                self.unfinished.append(Unfinished(name, frame, version, seconds))
                return
            self._record(name, frame, version, seconds)
        self._on_recorded()

    def missing(self, version: Version) -> str:
        """The first graph of a version that is not there."""
        return next(graph for graph in version.backends if graph not in self._graphs)

    def _is_finished(self, version: Version) -> bool:
        return all(graph in self._graphs for graph in version.backends)

    def _record(self, name: str, frame: str, version: Version, seconds: float) -> None:
        key = fitting_key(f"{frame}#{version.variant}")
        if (why := self._report.why_other(name, key)) is not None:
            raise UnportableError(f"it is compiled to what is saved, which was refused here: {why}")
        self._context.record_artifact(
            DynamoEntry.TYPE,
            key,
            encoded(version),
            backends=[(AOTAutogradBackend.TYPE, self._graphs[g]) for g in version.backends],
            frame=frame,
            seconds=seconds,
        )
        self._report.count("saved")


class Unfinished:
    """A version that waits for its graphs, or that could not be saved once they were there.

    Attributes:
        waits: whether it does.
        reason: why it could not be saved.
    """

    def __init__(self, name: str, frame: str, version: Version, seconds: float) -> None:
        self.waits = True
        self.reason: str | None = None
        self.name = name
        self.frame = frame
        self.version = version
        self.seconds = seconds
