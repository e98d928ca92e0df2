"""What a run compiled and what its caches gave it, counted where torch does it.

Each count wraps the one function of torch through which the event must pass, and
hands on arguments, result and exception as they are. Not read from
torch._dynamo.utils.counters: a program may clear those.

The compiler is counted in CppBuilder.build, through which every C++ build of
inductor goes, and in Triton's own listener; in whichever process. One that is not
the observed one (a forked child, a compile worker) appends a line to the observed
one's tally file.
"""

import contextlib
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from _precompile_run import after_import
from precompile_context.adapters.pytorch import private
from precompile_context.session.patches import Patches

# What `Tally.counts` holds, always all of it.
EVENTS = (
    "graphs_compiled",
    "fx_hits",
    "fx_misses",
    "fx_bypasses",
    "aot_hits",
    "aot_misses",
    "aot_bypasses",
    "kernels_loaded",
    "kernels_built",
    "isa_probes",
    "header_runs",
)


class Tally:
    """Counts of one process, and of the processes that build for it, by way of a file."""

    def __init__(self, file: Path | None, owner: int | None = None) -> None:
        self._file = file
        self._owner = os.getpid() if owner is None else owner
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, event: str) -> None:
        """Count one; in another process than the owner, one line at the file's end."""
        if os.getpid() == self._owner:
            with self._lock:
                self._counts[event] += 1
        elif self._file is not None:
            # Shorter than any pipe or page: O_APPEND makes lines of several processes whole.
            with contextlib.suppress(OSError), open(self._file, "ab", buffering=0) as file:
                file.write(f"{event}\n".encode())

    def counts(self) -> dict[str, int]:
        """Every event's count so far, the file's lines included."""
        with self._lock:
            counts = self._counts.copy()
        if self._file is not None and self._file.exists():
            counts.update(self._file.read_text().split())
        return {event: counts[event] for event in EVENTS}

    def close(self) -> None:
        """Remove the file."""
        if self._file is not None:
            self._file.unlink(missing_ok=True)


class Observation:
    """Counting, from the moment it is made until the process ends. torch must be imported."""

    def __init__(self, tally: Tally) -> None:
        """Raises:
        UnsupportedTorchError: torch lacks something that is counted; it was not changed.
        """
        private.check()
        self.tally = tally
        self._pid = os.getpid()
        self._compiling = _Stopwatch()
        patches = self._patches = Patches()
        watch_compiler(tally, patches)
        watch_triton(tally)
        _watch_libraries(tally, patches)
        _watch_graphs(tally, patches)
        _watch_compile_time(self._compiling, patches)

    def watch_frames(self) -> None:
        """Measure how long it takes to serve a frame, too; once what serves them is put in."""
        from torch._dynamo import convert_frame

        def compile_frame(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            with self._compiling.running():
                return original(*args, **kwargs)

        self._patches.wrap(convert_frame, "_compile", compile_frame)

    def stop(self) -> None:
        """Count no more."""
        self._patches.undo()

    def end(self) -> dict[str, int] | None:
        """The counts at the end, whose file then goes; in a forked child, count no more."""
        if os.getpid() != self._pid:
            self.stop()
            return None
        counts = self.tally.counts()
        self.tally.close()
        return counts

    def compile_seconds(self) -> float:
        """Wall time so far during which dynamo or inductor was compiling, or a frame was served
        in its place; overlaps once.
        """
        return self._compiling.seconds


def watch_compiler(tally: Tally, patches: Patches) -> None:
    """Count kernel libraries built, ISA probes and header runs."""
    from torch._inductor.cpp_builder import CppBuilder
    from torch._inductor.cpu_vec_isa import VecISA

    probe = threading.local()

    def build(original: Callable[..., Any], builder: Any) -> Any:
        if builder._preprocessing or builder._precompiling:
            tally.add("header_runs")
        elif getattr(probe, "running", False):
            probe.worked = True
        elif builder._do_link:  # an object file is half a library: its link is what counts
            tally.add("kernels_built")
        return original(builder)

    def check_build(original: Callable[..., Any], isa: Any, code: str) -> Any:
        probe.running, probe.worked = True, False
        try:
            return original(isa, code)
        finally:
            probe.running = False
            if probe.worked:
                tally.add("isa_probes")

    def probe_load(original: Callable[..., Any], isa: Any, path: str) -> Any:
        probe.worked = True
        return original(isa, path)

    patches.wrap(CppBuilder, "build", build)
    patches.wrap(VecISA, "check_build", check_build)
    patches.wrap(VecISA, "_probe_load", probe_load)


def watch_triton(tally: Tally) -> None:
    """Count Triton kernels, once Triton is imported: whoever compiles with it does so."""
    after_import("triton.knobs", lambda: _listen_to_triton(tally))


def _listen_to_triton(tally: Tally) -> None:
    compilation = sys.modules["triton.knobs"].compilation
    before = compilation.listener

    def listener(*, cache_hit: bool, **facts: Any) -> None:
        tally.add("kernels_loaded")
        if not cache_hit:
            tally.add("kernels_built")
        if before is not None:
            before(cache_hit=cache_hit, **facts)

    compilation.listener = listener


def _watch_libraries(tally: Tally, patches: Patches) -> None:
    """Count kernel libraries loaded."""
    from torch._inductor.codecache import CppCodeCache

    def load_library(original: Callable[..., Any], cls: Any, path: str, key: str) -> Any:
        library = original(cls, path, key)
        tally.add("kernels_loaded")
        return library

    patches.wrap(CppCodeCache, "_load_library", load_library)


def _watch_graphs(tally: Tally, patches: Patches) -> None:
    """Count graphs compiled, and what the two caches of whole graphs answered."""
    from torch._functorch._aot_autograd.autograd_cache import AOTAutogradCache
    from torch._inductor import compile_fx
    from torch._inductor.codecache import FxGraphCache

    names = {"hit": "hits", "miss": "misses", "bypass": "bypasses"}

    def prepare_key(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        key_info, cache_info = original(*args, **kwargs)
        if key_info is None:
            tally.add("fx_bypasses")
        return key_info, cache_info

    def load_with_key(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        graph, cache_info = original(*args, **kwargs)
        tally.add("fx_" + names[cache_info["cache_state"]])
        return graph, cache_info

    def try_load(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        compiled, aot_config = original(*args, **kwargs)
        if compiled is not None:
            tally.add("aot_hits")
        else:  # after a miss, and only then, torch knows the key to save under
            tally.add("aot_bypasses" if aot_config.cache_info is None else "aot_misses")
        return compiled, aot_config

    def compile_graph(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        tally.add("graphs_compiled")
        return original(*args, **kwargs)

    patches.wrap(FxGraphCache, "prepare_key", prepare_key)
    patches.wrap(FxGraphCache, "load_with_key", load_with_key)
    patches.wrap(AOTAutogradCache, "try_load", try_load)
    patches.wrap(compile_fx, "fx_codegen_and_compile", compile_graph)


def _watch_compile_time(stopwatch: "_Stopwatch", patches: Patches) -> None:
    """Measure inside dynamo's bracket around each compile, backward ones too.

    Not its start and end callbacks: torch._dynamo.reset drops those.
    """
    from torch._dynamo.callback import CompilationCallbackHandler

    @contextlib.contextmanager
    def install_callbacks(
        original: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Iterator[None]:
        with stopwatch.running(), original(*args, **kwargs):
            yield

    patches.wrap(CompilationCallbackHandler, "install_callbacks", install_callbacks)


class _Stopwatch:
    """Time during which at least one of its brackets was open."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._open = 0
        self._since = 0.0
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """One bracket; they may nest and overlap, in any threads."""
        with self._lock:
            if self._open == 0:
                self._since = time.perf_counter()
            self._open += 1
        try:
            yield
        finally:
            with self._lock:
                self._open -= 1
                if self._open == 0:
                    self.seconds += time.perf_counter() - self._since
