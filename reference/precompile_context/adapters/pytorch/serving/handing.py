"""A bundle's graphs and libraries, handed to torch when it asks for them.

What is not asked for is not read, nothing is unpickled but what torch unpickles to
look at it, and of files only the libraries are written that torch is about to load.

torch asks by cache directory and key. A bundle stands in for the directory that was
in force when it was opened: what is compiled in another one (a fresh cache, say) is
not to find anything there.
"""

import logging
import os
import pickle
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from precompile_context.adapters.pytorch import places, relocation
from precompile_context.adapters.pytorch.artifacts import (
    AOTAutogradArtifact,
    InductorArtifact,
    InductorFile,
    is_library,
)
from precompile_context.adapters.pytorch.facts.switches import ruled_out
from precompile_context.bundle import Bundle, StoredArtifact
from precompile_context.errors import ErrorCode, PrecompileError
from precompile_context.session.patches import Patches

_log = logging.getLogger("precompile_context")

_GRAPHS = (InductorArtifact.TYPE, AOTAutogradArtifact.TYPE)
# What stands in for each cache directory, by the name of the bundle's file.
_serving: dict[str, dict[str, "Serving"]] = {}


class Serving:
    """One open bundle, in place of what a cache directory could hold."""

    def __init__(
        self,
        bundle: Bundle,
        root: str,
        *,
        handed: Callable[[StoredArtifact], None],
        refused: Callable[[StoredArtifact, PrecompileError], None],
    ) -> None:
        """Args:
        root: the cache directory.
        handed, refused: told, once for each artifact, that torch got it, or that it
            asked and there is a fault.
        """
        self._bundle = bundle
        self._root = root
        self._handed = handed
        self._refused = refused
        self._told: set[tuple[str, str]] = set()
        self._graphs: dict[tuple[str, str], list[StoredArtifact]] = {}
        self._files: dict[str, list[StoredArtifact]] = {}

    def take(self, artifacts: Iterable[StoredArtifact]) -> list[StoredArtifact]:
        """Stand ready with graphs and libraries; whatever else there is comes back."""
        others = []
        for stored in artifacts:
            torch_key = stored.attributes.get("torch_key")
            if stored.type in _GRAPHS and isinstance(torch_key, str):
                self._graphs.setdefault((stored.type, torch_key), []).append(stored)
            elif stored.type == InductorFile.TYPE:
                self._take_file(stored)
            else:
                others.append(stored)
        return others

    def _take_file(self, stored: StoredArtifact) -> None:
        self._files.setdefault(_stem(stored.key), []).append(stored)
        name = stored.attributes.get("portable_name")
        if isinstance(name, str) and is_library(stored.key):
            relocation.applied(name, lambda: self._library(stored))

    def _library(self, stored: StoredArtifact) -> bytes | None:
        """For another place than its key; None where torch looks into another cache directory."""
        serves = _cache_dir() == self._root and ruled_out() is None
        return self._hand(stored) if serves else None

    def start(self, name: str) -> None:
        """Answer torch from now on, in place of what the file of this name held before."""
        _serving.setdefault(self._root, {})[name] = self

    def graphs(self, type_name: str, torch_key: str) -> Iterator[bytes]:
        """The contents under a key of torch's, which has versions by guards."""
        for stored in self._graphs.get((type_name, torch_key), ()):
            content = self._hand(stored)
            if content is not None:
                yield content

    def put_files(self, stem: str) -> None:
        """Put the libraries of a source that torch has just written where torch looks for them."""
        for stored in self._files.get(stem, ()):
            if is_library(stored.key) and not _is_there(f"{self._root}/{stored.key}"):
                content = self._read(stored)
                if content is not None:
                    self._put(stored, content)

    def _put(self, stored: StoredArtifact, content: bytes) -> None:
        try:
            places.put(self._root, stored.key, content, replace=False)
            self._tell_handed(stored)
        except (OSError, places.UnsafePlaceError) as error:  # torch builds the library
            self._refuse(stored, PrecompileError(ErrorCode.APPLY_FAILED, str(error)))

    def _read(self, stored: StoredArtifact) -> bytes | None:
        try:
            content = self._bundle.read(stored)
        except PrecompileError as error:
            self._refuse(stored, error)
            return None
        except OSError as error:  # the file can no longer be read
            self._refuse(stored, PrecompileError(ErrorCode.APPLY_FAILED, str(error)))
            return None
        return content

    def _hand(self, stored: StoredArtifact) -> bytes | None:
        content = self._read(stored)
        if content is not None:
            self._tell_handed(stored)
        return content

    def _tell_handed(self, stored: StoredArtifact) -> None:
        if self._is_first(stored):
            self._handed(stored)

    def _refuse(self, stored: StoredArtifact, error: PrecompileError) -> None:
        if self._is_first(stored):
            self._refused(stored, error)

    def _is_first(self, stored: StoredArtifact) -> bool:
        before = len(self._told)
        self._told.add((stored.type, stored.key))
        return len(self._told) > before


def install(patches: Patches) -> None:
    """Have torch's caches of graphs ask here after they have looked into their directory."""
    from torch._inductor.codecache import GuardedCache

    patches.wrap(GuardedCache, "iterate_over_candidates", _candidates)


def wanted(source: str) -> None:
    """torch has written a source: put what was built of it beside it, where that is not there."""
    root = _cache_dir()
    if root in _serving and ruled_out() is None and source.startswith(root + "/"):
        for serving in tuple(_serving[root].values()):
            serving.put_files(_stem(source.removeprefix(root + "/")))


def _candidates(
    original: Callable[..., Iterator[Any]], cls: Any, local: bool, remote_cache: Any, key: str
) -> Iterator[tuple[Any, bytes, bool]]:
    yield from original(cls, local, None, key)
    if local and ruled_out() is None:
        for content in _contents(cls, key):
            try:
                graph = pickle.loads(content)
            except Exception:  # as torch does where a file of its cache is damaged
                _log.warning("unable to load a compiled graph", exc_info=True)
                continue
            yield graph, content, True
    if remote_cache:
        yield from original(cls, False, remote_cache, key)


def _contents(cls: Any, key: str) -> Iterator[bytes]:
    from torch._functorch._aot_autograd.autograd_cache import AOTAutogradCache
    from torch._inductor.codecache import FxGraphCache

    for type_name, cache in zip(_GRAPHS, (FxGraphCache, AOTAutogradCache), strict=True):
        if issubclass(cls, cache):
            for serving in tuple(_serving.get(_cache_dir(), {}).values()):
                yield from serving.graphs(type_name, key)


def _is_there(path: str) -> bool:
    """Whether the file holds anything: a crash leaves an empty one."""
    try:
        return os.path.getsize(path) > 0
    except OSError:
        return False


def _stem(path: str) -> str:
    """What a source and all that is built of it have in common: the path up to the first dot."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/{name.partition('.')[0]}"


def _cache_dir() -> str:
    from torch._inductor.runtime.cache_dir_utils import cache_dir

    return str(Path(cache_dir()))
