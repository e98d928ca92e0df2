"""Observing torch: what its caches record and the libraries that it loads become artifacts."""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from precompile_context.adapters.pytorch import answers, private, relocation
from precompile_context.adapters.pytorch.answers import CompilerAnswer
from precompile_context.adapters.pytorch.artifacts import (
    InductorFile,
    TorchArtifact,
    artifact_class,
    fields_of,
    key_of,
)
from precompile_context.adapters.pytorch.facts.environment import capability_asked
from precompile_context.adapters.pytorch.facts.switches import ruled_out
from precompile_context.adapters.pytorch.serving import shortcuts
from precompile_context.context.context import PrecompileContext
from precompile_context.errors import MisuseError
from precompile_context.session.patches import Patches
from precompile_context.startable import startable


class Capture:
    """Records into a context from `start` to `stop`. A forked child records nothing.

    Attributes:
        fault: the first exception of ours that was kept from the program; None so far.
    """

    def __init__(
        self,
        context: PrecompileContext,
        *,
        superseding: PrecompileContext | None = None,
        on_compiled: Callable[[], None] | None = None,
        on_ruled_out: Callable[[str], None] = lambda reason: None,
        is_known: Callable[[str, str, bytes], bool] = lambda type_name, torch_key, content: False,
    ) -> None:
        """Args:
        superseding: where artifacts go of which the newest is the one to keep; by
            default into `context` too.
        on_compiled: called after each compile, with all recorded that belongs to it.
        on_ruled_out: told which switch of torch's says that nothing is to be cached.
        is_known: whether a content under a type and a key of torch's need not be
            recorded: torch records what it found again, and to name it takes time.
        """
        self.fault: Exception | None = None
        self._context = context
        self._superseding = superseding or context
        self._on_compiled = on_compiled
        self._on_ruled_out = on_ruled_out
        self._is_known = is_known
        self._patches = Patches()
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._asked = capability_asked()
        self._disturbed = False

    def start(self) -> None:
        """Begin to record.

        Raises:
            UnsupportedTorchError: torch lacks something; nothing was changed in it.
        """
        private.check()
        from torch._dynamo.callback import CompilationCallbackHandler
        from torch._inductor.codecache import CppCodeCache, DLLWrapper, GuardedCache
        from torch.compiler._cache import CacheArtifactManager

        shortcuts.install()
        self._patches.wrap(CacheArtifactManager, "record_artifact", self._record_artifact)
        self._patches.wrap(CppCodeCache, "_load_library", self._load_library)
        self._patches.wrap(DLLWrapper, "__init__", self._load_dll)
        answers.watch(self._patches, partial(self._safely, self._record_answer))
        self._patches.wrap(GuardedCache, "iterate_over_candidates", self._candidates)
        if self._on_compiled is not None:
            self._patches.wrap(CompilationCallbackHandler, "install_callbacks", self._compile)

    def stop(self) -> None:
        """Record no more."""
        self._patches.undo()

    def _record_artifact(
        self, original: Callable[..., None], cls: Any, artifact_type: str, key: str, content: Any
    ) -> None:
        original(cls, artifact_type, key, content)
        self._safely(self._record, artifact_type, key, content)

    def _record(self, type_name: str, torch_key: str, content: Any) -> None:
        from torch._dynamo import config
        from torch.compiler._cache import CacheArtifactFactory

        # Its key then holds a random number: it never hits again.
        if type_name == "aot_autograd" and config.caching_precompile:
            return
        data = CacheArtifactFactory.encode_create(type_name, torch_key, content).content
        if self._is_known(type_name, torch_key, data):
            return
        with self._lock:  # of two threads, one registers a new type
            cls = artifact_class(type_name, self._context.registry)
            artifact_class(type_name, self._superseding.registry)
        supersedes = issubclass(cls, TorchArtifact) and cls.SUPERSEDES
        context = self._superseding if supersedes else self._context
        fields = fields_of(type_name, torch_key, data)
        context.record_artifact(type_name, key_of(torch_key, data), data, **fields)

    def _load_library(self, original: Callable[..., Any], cls: Any, path: str, key: str) -> Any:
        library = original(cls, path, key)
        self._safely(self._record_file, Path(path))
        return library

    def _load_dll(self, original: Callable[..., None], dll: Any, lib_path: str) -> None:
        original(dll, lib_path)
        self._safely(self._record_file, Path(lib_path))
        # torch asks for the object file first, even where the library is there.
        object_file = Path(lib_path).with_suffix(".o")
        if object_file.exists():
            self._safely(self._record_file, object_file)

    def _record_answer(self, question: str, answer: bytes) -> None:
        with self._lock:
            artifact_class(CompilerAnswer.TYPE, self._context.registry)
        self._context.record_artifact(CompilerAnswer.TYPE, question, answer)

    def _record_file(self, path: Path) -> None:
        from torch._inductor.runtime.cache_dir_utils import cache_dir

        root = Path(cache_dir())
        if not path.is_relative_to(root):
            return  # not in the cache: a warm start would not look for it there
        with self._lock:
            artifact_class(InductorFile.TYPE, self._context.registry)
        self._context.record_artifact(
            InductorFile.TYPE,
            path.relative_to(root).as_posix(),
            path.read_bytes(),
            portable_name=relocation.name_of(str(path)),
        )

    def _asks_otherwise(self) -> bool:
        """Whether the program has ever asked for other instructions than when this began.

        No key of torch's tells the two apart, and the facts are those of the beginning.
        """
        self._disturbed = self._disturbed or capability_asked() != self._asked
        return self._disturbed

    def _candidates(self, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Graphs to choose from: none where those in the cache are for other instructions."""
        return iter(()) if self._asks_otherwise() else original(*args, **kwargs)

    @contextlib.contextmanager
    def _compile(self, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Iterator[None]:
        try:
            with original(*args, **kwargs):
                yield
        finally:
            if self._on_compiled is not None:
                self._safely(self._on_compiled)

    def _safely(self, work: Callable[..., None], *args: Any, **kwargs: Any) -> None:
        """Do what the program must not notice: no exception, and nothing in a forked child."""
        if os.getpid() != self._pid or self._asks_otherwise():
            return
        if (switch := ruled_out()) is not None:
            self._on_ruled_out(switch)
            return
        try:
            work(*args, **kwargs)
        except Exception as error:  # the program compiles on; the session tells of the fault
            if self.fault is None:
                self.fault = error


@startable
def capture(context: PrecompileContext) -> Iterator[Capture]:
    """Record into `context`, of `host_environment()`, what torch compiles within the block.

    Raises:
        MisuseError: the context knows no facts of torch; what it saves would match any host.
        UnsupportedTorchError: torch lacks something that this needs.
    """
    if "torch.key" not in context.environment.facts:
        raise MisuseError("the context needs environment=pytorch.host_environment()")
    running = Capture(context)
    running.start()
    try:
        yield running
    finally:
        running.stop()
